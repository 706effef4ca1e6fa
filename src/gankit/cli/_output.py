"""Output of commands: results to stdout, everything else to stderr, JSON on request."""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gankit.cli._streams import Stream, harmless, visible
from gankit.errors import GankitError

LABEL = 16
"""Width of the labels in front of facts."""
started = time.monotonic()
"""When the command started; :func:`gankit.cli.main` sets it."""


class _Console(Console):
    """Prints texts as they are: nothing in them is markup, or a command to the terminal."""

    def __init__(self, stream: Stream) -> None:
        file = cast("IO[str]", stream)
        super().__init__(file=file, markup=False, soft_wrap=True, highlight=False, emoji=False)
        if not self.is_terminal:
            self.width = 200  # a pipe has no width of its own; columns are not cut there

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*[harmless(o) if isinstance(o, str) else o for o in objects], **options)


_stdout, _stderr = Stream("stdout"), Stream("stderr")
out, err = _Console(_stdout), _Console(_stderr)


def fail(error: GankitError) -> NoReturn:
    """One line on stderr, exit code 2."""
    err.print(Text.assemble(("error:", "bold red"), " ", visible(str(error))))
    sys.exit(2)


def warn(message: str) -> None:
    """One warning on stderr."""
    err.print(Text.assemble(("warning:", "yellow"), " ", visible(message)))


def show_warnings(record: Mapping[str, object]) -> None:
    """Prints the warnings in a record of what was generated."""
    found = record.get("warnings")
    for warning in found if isinstance(found, list) else ():
        warn(str(warning))


def flush() -> None:
    """Writes what is still held back.

    Raises:
        OSError: standard output cannot be written, as on a full disk.
    """
    _stderr.flush()
    _stdout.flush()


def print_json(value: object) -> None:
    """One JSON document on stdout; escaped where its encoding lacks a character."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if not _stdout.can_encode(text):
        text = json.dumps(value, indent=2, default=str)
    _stdout.write(text + "\n")


def rows(described: Sequence[Mapping[str, str]], to: Console, most: int = 1000) -> None:
    """What a codec inferred from the data, at most so many rows of it."""
    if described:
        names = list(described[0])
        table(names, [[row[name] for name in names] for row in described[:most]], to, cut=True)
    if len(described) > most:
        to.print(f"… and {len(described) - most:,} more: gankit runs show")


def table(
    columns: list[str], cells: list[list[object]], to: Console = out, *, cut: bool = False
) -> None:
    """A plain table, on stdout.

    Args:
        cut: whether each row is one line on a terminal, with long cells cut; otherwise they wrap,
            but for the first column.
    """
    whole = not (cut and to.is_terminal)
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        shown.add_column(visible(name), no_wrap=not (cut or i), overflow="fold")
    for row in cells:
        texts = [visible(str(cell)) for cell in row]
        how: dict[str, Any] = {} if whole else {"no_wrap": True, "overflow": "ellipsis"}
        shown.add_row(*[Text(text, **how) for text in texts])
    to.print(shown)


def fact(name: str, text: str, to: Console = out) -> None:
    """A labelled line, wrapped below its text where the terminal is too narrow."""
    label, text = f"{name + ':':<{LABEL}}", visible(text)
    if to.is_terminal and to.width > 2 * LABEL:
        lines = textwrap.wrap(
            text, to.width - LABEL - 1, break_long_words=False, break_on_hyphens=False
        )
        text = f"\n{' ' * LABEL}".join(lines)
    to.print(f"{label}{text}")


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


def check_stdout(path: str | None, as_json: bool) -> bool:
    """Whether the result goes to standard output: ``--out -``.

    Raises:
        GankitError: so would the JSON.
    """
    if path == "-" and as_json:
        raise GankitError(
            "--json and --out - both write to standard output", "Use --out FILE with --json"
        )
    return path == "-"


def state_provenance(what: str, record: Mapping[str, Any]) -> None:
    """The provenance of what went to standard output, in one line on stderr."""
    err.print(
        f"{what}: synthetic data by {record['software']}, run {record['run']}, {record['created']} "
        f"({record['digital_source_type']})",
    )


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
