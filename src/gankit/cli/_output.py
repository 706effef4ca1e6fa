"""Output of commands: results to stdout, everything else to stderr, JSON on request."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from gankit.errors import GankitError

UNLIMITED = 10**12
"""Samples of a run that only a time limit ends."""
started = time.monotonic()
"""When the command started; :func:`gankit.cli.main` sets it."""

out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
for console in (out, err):
    if not console.is_terminal:
        console.width = 200  # a pipe has no width of its own; columns are not cut there


def fail(error: GankitError) -> NoReturn:
    """One line on stderr, exit code 2."""
    err.print(f"[bold red]error:[/] {_escape(str(error))}")
    sys.exit(2)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def rows(described: Sequence[Mapping[str, str]], to: Console, most: int = 1000) -> None:
    """What a codec inferred from the data, at most so many rows of it."""
    if described:
        names = list(described[0])
        table(names, [[row[name] for name in names] for row in described[:most]], to)
    if len(described) > most:
        to.print(f"… and {len(described) - most:,} more: gankit runs show")


def table(columns: list[str], cells: list[list[object]], to: Console = out) -> None:
    """A plain table, on stdout."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in cells:
        shown.add_row(*[_escape(str(cell)) for cell in row])
    to.print(shown)


def number(value: float | None) -> str:
    """A score; a dash where there is none, or it is not finite."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def parse_budget(text: str) -> dict[str, float]:
    """``90s``, ``10m``, ``2h`` or ``5000``, ``200k``, ``3M`` samples, as ``train.*`` settings.

    Raises:
        GankitError: it is neither of them.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|k|M|)", text.strip().replace("_", ""))
    if match is None or float(match[1]) == 0:
        raise GankitError(
            f"--budget {text!r} is neither a time nor a number of samples",
            "Use 90s, 10m or 2h; or 5000, 200k or 3M samples",
        )
    number, unit = float(match[1]), match[2]
    if unit in ("s", "m", "h"):
        seconds = number * {"s": 1, "m": 60, "h": 3600}[unit]
        return {"time": seconds, "samples": UNLIMITED}
    return {"time": 0, "samples": int(number * {"": 1, "k": 1e3, "M": 1e6}[unit])}


def parse_where(words: list[str]) -> dict[str, object]:
    """``name=value`` words as a mapping. A name with ``=`` in it stands in double quotes, a quote
    in it twice.

    Raises:
        GankitError: a word has no ``=``, or a name is given twice.
    """
    conditions: dict[str, object] = {}
    for word in words:
        quoted = re.fullmatch(r'\s*"((?:[^"]|"")+)"\s*(=)(.*)', word, re.DOTALL)
        name, equals, value = quoted.groups() if quoted else word.partition("=")
        if not equals or not (quoted or name.strip()):
            raise GankitError(f"--where {word!r} is not a condition", "Use --where name=value")
        name = name.replace('""', '"') if quoted else name.strip()
        if name in conditions:
            raise GankitError(f"--where {name} is given twice", "Give one condition per name")
        conditions[name] = value.strip()
    return conditions


def parse_between(text: str) -> tuple[int, int]:
    """``3:17`` as two seeds.

    Raises:
        GankitError: it is not such a pair.
    """
    match = re.fullmatch(r"([0-9]+):([0-9]+)", text.strip())
    if match is None:
        raise GankitError(
            f"--between {text!r} is not a pair of seeds", "Use --between 3:17, with seeds from 0 on"
        )
    return int(match[1]), int(match[2])


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
