"""Nested settings: TOML files and ``key=value`` words."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.plain_files import open_plain

Table = dict[str, Any]
LARGEST = 2**22
"""Bytes of a TOML file."""
MOST_DOTS = 100
"""Of a key: the parser takes the square of them in time."""
_NOT_IN_KEYS = re.compile(r"""[^\w."' \t-]""")


def read_toml(path: Path) -> Table:
    """A TOML file.

    Raises:
        GankitError: it is not there or not TOML; the message has the line.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise GankitError(
                f"{path}: {size:,} bytes are too many for a settings file", "Check the path"
            )
        with open_plain(path) as file:
            text = file.read(LARGEST).decode()
        if max(part.count(".") for part in _NOT_IN_KEYS.split(text)) > MOST_DOTS:
            raise ValueError("a key has too many dots")
        return tomllib.loads(text)
    except OSError as error:
        raise GankitError(f"cannot read {path}: {error.strerror}", "Check the path") from None
    except RecursionError:
        raise GankitError(f"{path} is nested too deeply", "Fix it") from None
    except ValueError as error:  # of tomllib and of decoding, too
        raise GankitError(f"{path} is not valid TOML: {error}", "Fix that line") from None


def parse_overrides(words: Iterable[str]) -> Table:
    """``key=value`` words as nested settings; values are TOML, bare words are strings.

    Raises:
        GankitError: a word has no ``=``.
    """
    table: Table = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip():
            raise GankitError(f"{word!r} is not a setting", "Use key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        table = merge(table, nest({key.strip(): value}))
    return table


def set_twice(words: Iterable[str]) -> str:
    """The first setting that two ``key=value`` words set, as a whole or in part; or an empty
    string.
    """
    before: set[str] = set()
    for word in words:
        given = flatten(parse_overrides([word]))
        for key in given:
            for other in before:
                if key == other or key.startswith(other + ".") or other.startswith(key + "."):
                    return min(key, other, key=len)
        before |= given.keys()
    return ""


def nest(table: Table) -> Table:
    """Settings whose names may be dotted (``{"optim.lr": 1e-3}``) as nested settings. Keys within
    a value are data, a table's columns for example, and stay as they are.
    """
    nested: Table = {}
    for key, value in table.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        nested = merge(nested, value)
    return nested


def flatten(table: Table, prefix: str = "") -> Table:
    """Nested settings as one level, keys joined by dots."""
    flat: Table = {}
    for key, value in table.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def as_toml(value: Any) -> str:
    """One value as TOML."""
    import tomli_w

    return tomli_w.dumps({"v": value}, multiline_strings=False).removeprefix("v = ").strip()


def merge(below: Table, above: Table) -> Table:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def plain(value: Any) -> Any:
    """Dataclasses and tuples as what JSON and TOML know."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return value
