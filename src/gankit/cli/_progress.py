"""Progress of a command's work, which an interruption ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer

from gankit.screen.console import err
from gankit.screen.meter import Meter, metered
from gankit.screen.streams import visible

NOTHING, INCOMPLETE = "nothing was written", "the output is incomplete"
KEPT = "complete parts are kept; the same command makes the others"
"""What is left of work that is interrupted."""


@contextlib.contextmanager
def interruptible(lost: str = NOTHING) -> Iterator[Meter]:
    """A meter for work; an interruption is said, and ends the command.

    Args:
        lost: what becomes of work that is interrupted.
    """
    try:
        with metered() as meter:
            yield meter
    except KeyboardInterrupt:
        said = f" while {meter.what}" if meter.what else ""
        err.print(visible(f"interrupted{said}{meter.said}: {lost}"))
        raise typer.Exit(130) from None
