"""Files on disk: atomic writes, JSON."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gankit.errors import GankitError

_LARGEST_JSON = 2**28
"""Bytes of a JSON file that are read: more is no file of gankit's."""


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file so that it is the old or the new one, never half of it."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def json_bytes(value: object) -> bytes:
    """JSON in UTF-8. Bytes of a file name that are not UTF-8 are escaped, and so read back."""
    try:
        return json.dumps(value, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=1).encode()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json_bytes(value))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        GankitError: the file is damaged, no object, has a key twice, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_JSON:
            raise ValueError(f"it has {size:,} bytes, and at most {_LARGEST_JSON:,} are read")
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object")
    except OSError as error:
        why, hint = error.strerror or error, "Check its permissions, or restore it from a copy"
        raise GankitError(f"{path} cannot be read: {why}", hint) from None
    except RecursionError:
        why = "it is nested too deeply"
        raise GankitError(f"{path} cannot be read: {why}", "Restore it from a copy") from None
    except ValueError as error:
        raise GankitError(f"{path} cannot be read: {error}", "Restore it from a copy") from None
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {twice!r}")
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_file(package: str, *parts: str) -> Path:
    """A file inside an installed package, which is not imported: scikit-learn takes seconds."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent.joinpath(*parts)


def cache_folder(name: str) -> Path | None:
    """gankit's folder for ``name`` in the user's cache; None on a system without one.

    ``GANKIT_CACHE`` names another place, and an empty one switches caching off.
    """
    chosen = os.environ.get("GANKIT_CACHE")
    if chosen is not None:
        return Path(chosen).expanduser() / name if chosen else None
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "gankit" / name
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "gankit" / "cache" / name if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    caches = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return caches / "gankit" / name
