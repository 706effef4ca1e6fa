"""Progress of slow work on stderr: a bar where it can be redrawn, otherwise a line now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from gankit.contract import Progress, quiet
from gankit.screen.bars import State, bar_on
from gankit.screen.console import err, wanted
from gankit.screen.pace import Pace

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE = 2.0
"""Seconds of silence before the first line."""
BETWEEN = 10.0
"""Seconds between two lines."""
BEFORE = 5.0
"""Seconds between a line and one of another kind of work."""
DRAWN = 0.2
"""Seconds between two drawings of a bar, and before the first."""


class Meter:
    """Shows progress; called as plugins call it: ``meter(what, done, total)``."""

    def __init__(self, console: Console = err) -> None:
        self.bar = bar_on(console)
        self.what = self.said = ""
        self.pace = Pace(0.0, 0.0)
        self.due = time.monotonic() + PATIENCE
        self.shown = self.due - BEFORE

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self.what and _work(what) != _work(self.what):
            self.start(what, done / total if total else 0.0)
        self.what, now = what, time.monotonic()
        if now < self.due:
            return
        part = min(done / total, 1.0) if total > 0 else None
        counted = f"{done:,} of {total:,}" if total > 0 else f"{done:,}" if done else ""
        self.said = f", {counted}" if counted else ""
        if self.bar.drawn and total > 0:
            counted = counted.rjust(len(f"{total:,} of {total:,}"))
        left = None if part is None else self.pace.left(part, now)
        self.show(part, counted, left)

    def start(self, what: str, part: float = 0.0) -> None:
        """Begins another kind of work, of which a part was done before."""
        now = time.monotonic()
        self.what, self.said, self.pace = what, "", Pace(part, now)
        if self.bar.drawn:  # what is announced may be long, and report nothing more
            self.due = now + DRAWN if part else now
        else:
            self.due = min(self.due, self.shown + BEFORE)

    def show(
        self,
        part: float | None,
        counted: str,
        left: float | None,
        below: Sequence[Text] = (),
        line: str = "",
    ) -> None:
        """Draws the bar, or prints a line; arguments as in :class:`State`."""
        self.shown = time.monotonic()
        self.due = self.shown + (DRAWN if self.bar.drawn else BETWEEN)
        self.bar.show(State(self.what, part, counted, left, below, line))

    def close(self) -> None:
        """Removes the bar."""
        self.bar.close()


@contextlib.contextmanager
def metered() -> Iterator[Meter]:
    """A meter whose bar is gone before anything else is printed."""
    meter = Meter()
    try:
        yield meter
    finally:
        meter.close()


@contextlib.contextmanager
def following(progress: bool | None) -> Iterator[Progress]:
    """The progress callback of work in Python; shown where that is wanted."""
    if wanted(progress):
        with metered() as meter:
            yield meter
    else:
        yield quiet


def _work(what: str) -> str:
    """A label without a figure that changes: ``training (loss 0.5)`` is the same work."""
    return what.partition(" (")[0]
