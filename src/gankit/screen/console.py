"""Standard output and standard error, on which everything is printed."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gankit import launched
from gankit.screen.streams import Stream, harmless, visible

LABEL = 16
"""Width of the labels in front of facts."""
IN_A_NOTEBOOK = 80
"""Columns that fit the output of a cell."""


class _Console(Console):
    """Prints texts as they are: nothing in them is markup, or a command to the terminal."""

    def __init__(self, stream: Stream) -> None:
        file = cast("IO[str]", stream)
        super().__init__(file=file, markup=False, soft_wrap=True, highlight=False, emoji=False)
        if self.is_jupyter:
            self.width, self.soft_wrap = IN_A_NOTEBOOK, False  # it does not wrap lines itself
        elif not self.is_terminal:
            self.width = 200  # a pipe has no width of its own; columns are not cut there

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*[harmless(o) if isinstance(o, str) else o for o in objects], **options)


stdout, stderr = Stream("stdout"), Stream("stderr")
out, err = _Console(stdout), _Console(stderr)


def silence(quiet: bool = True) -> None:
    """Whether nothing is printed: of several processes, the main one speaks."""
    stdout.quiet = stderr.quiet = quiet


def wanted(progress: bool | None) -> bool:
    """Whether to show progress: by default where somebody may look, a terminal or a notebook."""
    looked_at = err.is_terminal or err.is_jupyter
    return launched.rank() == 0 and (looked_at if progress is None else progress)


def warn(message: str) -> None:
    """One warning on stderr."""
    err.print(Text.assemble(("warning:", "yellow"), " ", visible(message)))


def flush() -> None:
    """Writes what is still held back.

    Raises:
        OSError: standard output cannot be written, as on a full disk.
    """
    stderr.flush()
    stdout.flush()


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
    if (to.is_terminal or to.is_jupyter) and to.width > 2 * LABEL:
        lines = textwrap.wrap(
            text, to.width - LABEL - 1, break_long_words=False, break_on_hyphens=False
        )
        text = f"\n{' ' * LABEL}".join(lines)
    to.print(f"{label}{text}")


def number(value: float | None, error: float | None = None) -> str:
    """A score, with its standard error; a dash where there is none, or it is not finite."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.4g}" + (f" ± {error:.2g}" if error else "")


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
