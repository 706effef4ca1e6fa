"""Progress of slow work on stderr: a bar on a terminal, otherwise a line now and then."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import typer
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gankit.cli._output import err
from gankit.cli._streams import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PATIENCE = 2.0
"""Seconds of silence before the first line."""
BETWEEN = 10.0
"""Seconds between two lines."""
BEFORE = 5.0
"""Seconds between a line and one of another kind of work."""
NOTHING, INCOMPLETE = "nothing was written", "the output is incomplete"
"""What is left of work that is interrupted."""
DRAWN = 0.2
"""Seconds between two drawings of a bar, and before the first."""
SMOOTH = 8.0
"""Seconds over which a new estimate of the end replaces an old one, at most."""
NARROWEST, WIDEST = 8, 40
"""Columns of a bar."""


class Pace:
    """A steady estimate of when work ends: by the rate of the last half of what was done, smoothed.

    Args:
        done: what was done before, as part of the whole.
        now: in seconds, when it begins.
    """

    def __init__(self, done: float, now: float) -> None:
        self.first, self.began, self.last = done, now, now
        self.seen = deque([(done, now)])
        self.end: float | None = None

    def left(self, done: float, now: float) -> float | None:
        """Seconds left at a part of the whole in 0..1; None while nobody can know."""
        if done > self.seen[-1][0]:
            self.seen.append((done, now))
        half = (self.first + done) / 2
        while len(self.seen) > 1 and self.seen[1][0] <= half:
            self.seen.popleft()
        since, then = self.seen[0]
        if now - self.began < PATIENCE / 2 or done <= since:
            return None
        left = (1 - done) * (now - then) / (done - since)
        if self.end is None:
            self.end = now + left
        else:  # sooner where less is left: an old estimate must not outlast the work
            smooth = max(min(SMOOTH, left / 4), 1e-3)
            self.end += (now + left - self.end) * (1 - math.exp((self.last - now) / smooth))
        self.last = now
        return max(self.end - now, 0.0)


class Meter:
    """Shows progress; called as plugins call it: ``meter(what, done, total)``.

    Used as a context manager, so that a bar is gone before anything else is printed; an
    interruption is then said, and ends the command.

    Args:
        lost: what becomes of work that is interrupted.
    """

    def __init__(self, lost: str = NOTHING, console: Console = err) -> None:
        self.console, self.lost = console, lost
        self.what = self.said = ""
        self.pace = Pace(0.0, 0.0)
        self.due = time.monotonic() + PATIENCE
        self.shown = self.due - BEFORE
        self._live: Live | None = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, where: TracebackType | None
    ) -> None:
        self.close()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            said = f" while {self.what}" if self.what else ""
            self.console.print(visible(f"interrupted{said}{self.said}: {self.lost}"))
            raise typer.Exit(130) from None

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if _work(what) != _work(self.what):
            self.start(what, done / total if total else 0.0)
        self.what = what
        if now < self.due:
            return
        part = min(done / total, 1.0) if total > 0 else None
        counted = f"{done:,} of {total:,}" if total > 0 else f"{done:,}" if done else ""
        self.said = f", {counted}" if counted else ""
        if self.console.is_terminal and total > 0:
            counted = counted.rjust(len(f"{total:,} of {total:,}"))
        left = None if part is None else self.pace.left(part, now)
        self.show(part, counted, left)

    def start(self, what: str, part: float = 0.0) -> None:
        """Begins another kind of work, of which a part was done before."""
        now = time.monotonic()
        self.what, self.said, self.pace = what, "", Pace(part, now)
        if self.console.is_terminal:  # what is announced may be long, and report nothing more
            self.due = now + DRAWN if part else now
        else:
            self.due = min(self.due, self.shown + BEFORE)

    def show(
        self,
        part: float | None,
        counted: str,
        left: float | None,
        below: Sequence[RenderableType] = (),
        line: str = "",
    ) -> None:
        """Draws the bar, or prints a line.

        Args:
            part: of the whole, in 0..1; None where that is unknown.
            left: seconds; None where that is unknown.
            below: what stands under a bar.
            line: in place of a line with the same.
        """
        if not self.console.is_terminal:
            self.shown = time.monotonic()
            self.due = self.shown + BETWEEN
            facts = [counted, f"{rough(left)} left" if left else ""]
            said = ", ".join(fact for fact in facts if fact)
            self.console.print(line or visible(f"{self.what}: {said}" if said else self.what))
            return
        self.due = time.monotonic() + DRAWN
        if self._live is None:
            # Nothing else is redirected through the bar: generated rows go to standard output.
            self._live = Live(
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        lines = bar_lines(visible(self.what), part, counted, left, self.console.width)
        self._live.update(Group(*lines, *below), refresh=True)

    def close(self) -> None:
        """Removes the bar."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def bar_lines(
    what: str, part: float | None, counted: str, left: float | None, width: int
) -> list[RenderableType]:
    """A label, a bar and numbers in one line of less than ``width`` columns; the label has a line
    of its own where it is long. Numbers are never cut."""
    numbers = [counted, f"{int(100 * part):3} %" if part is not None else ""]
    # As wide as it may become, so that the bar's end stands still.
    numbers.append((f"{rough(left)} left" if left is not None else "").ljust(16))
    while len(numbers) > 1 and len("  ".join(numbers)) >= width:
        numbers.pop()
    right = Text("  ".join(text for text in numbers if text), no_wrap=True)
    label = Text(what, no_wrap=True)
    free = width - 1 - right.cell_len - 2
    bar = 0 if part is None else NARROWEST + 2
    above = label.cell_len + 2 + bar > free
    label.truncate(width - 1, overflow="ellipsis")
    cells: list[RenderableType] = [right] if above else [label, right]
    free -= 2 if above else label.cell_len + 4
    if part is not None and free >= NARROWEST:
        cells.insert(-1, ProgressBar(100.0, 100 * part, width=min(free, WIDEST)))
    line = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    line.add_row(*cells)
    return [label, line] if above else [line]


def rough(seconds: float) -> str:
    """A duration as exact as an estimate can be: ``40 s``, ``3 min 20 s``, ``25 min``,
    ``2 h 10 min``."""
    if seconds < 60:
        step = 1 if seconds < 10 else 5
        return f"{max(round(seconds / step) * step, 1)} s"
    if seconds < 600:
        ten = round(seconds / 10) * 10
        return f"{ten // 60} min {ten % 60} s" if ten % 60 else f"{ten // 60} min"
    minutes = round(seconds / 60) if seconds < 3600 else round(seconds / 600) * 10
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest and hours < 24 else f"{hours} h"


def _work(what: str) -> str:
    """A label without a figure that changes: ``training (loss 0.5)`` is the same work."""
    return what.partition(" (")[0]
