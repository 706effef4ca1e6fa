"""Training followed from Python: a bar in a notebook or on a terminal, and what is worth saying."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from gankit.contract import Callback, quiet
from gankit.contract import Progress as Show
from gankit.workflows.data import Split
from gankit.workflows.reading import by_reason

SOON = 0.5
"""Seconds after which a step of the preparation gets a bar."""
SHOWN = ("d_loss", "g_loss", "nll")


class TerminalBar:
    """A bar on a terminal, for one step at a time."""

    def __init__(self, console: Console) -> None:
        columns = (
            *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()),
            TextColumn("{task.fields[more]}"),
        )
        self.progress = Progress(*columns, console=console)
        self.task: tuple[str, TaskID] | None = None

    def show(self, what: str, done: int, total: int | None, more: str) -> None:
        if self.task is None or self.task[0] != what:
            if self.task is not None:
                self.progress.remove_task(self.task[1])
            self.task = what, self.progress.add_task(what, total=total, more=more)
            self.progress.start()
        self.progress.update(self.task[1], completed=done, total=total, more=more)

    def stop(self) -> None:
        self.progress.stop()


class NotebookBar:
    """The same in a notebook: an element that is updated, which needs no widgets."""

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, what: str, done: int, total: int | None, more: str) -> None:
        from IPython.display import HTML, display

        place = "" if total is None else f'value="{done}" max="{total}"'
        bar = HTML(f"<pre>{escape(what)} <progress {place}></progress> {escape(more)}</pre>")
        if self.handle is None:
            self.handle = display(bar, display_id=True)
        else:
            self.handle.update(bar)

    def stop(self) -> None:
        from IPython.display import HTML

        if self.handle is not None:
            self.handle.update(HTML(""))


class Follower(Callback):
    """Shows reading, encoding and training as bars on stderr or in the notebook.

    Args:
        samples: the run's length.
        limit: its time limit in seconds; 0 for none.
        private: leave out what may show single items.
    """

    def __init__(self, samples: int, limit: float, private: bool) -> None:
        self.samples, self.limit, self.private = samples, limit, private
        self.console = Console(stderr=True)
        self.bar = NotebookBar() if self.console.is_jupyter else TerminalBar(self.console)
        self.shown = ""
        """The step that has a bar."""
        self.began, self.step = time.monotonic(), ""
        self.first: tuple[float, float] | None = None
        """The part of training that was done at the first tick, and when that was."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Progress of what is not training; silent where it is over at once."""
        now = time.monotonic()
        if what != self.step:
            self.step, self.began = what, now
        if what == self.shown or (now - self.began > SOON and done < total):
            self._show(what, done, total or None, "")

    def read(self, data: Split) -> None:
        """Says what was read."""
        found = data.dataset
        self.console.print(f"{found.description}", highlight=False, markup=False)
        skipped = by_reason(found.issues, self.private)
        warnings = [f"{s.count:,} skipped: {s.reason}" for s in skipped]
        for warning in [*warnings, *found.warnings]:
            self.warning(warning)

    def tick(self, values: dict[str, Any]) -> None:
        seen, seconds = int(values["samples"]), float(values["seconds"])
        part = max(seen / self.samples, seconds / self.limit if self.limit else 0.0)
        part = min(part, 1.0)
        first, began = self.first = self.first or (part, time.monotonic())
        left = max(self.limit - seconds, 0.0) if self.limit else 0.0
        if part > first and not left:
            left = (time.monotonic() - began) * (1 - part) / (part - first)
        clock = f"{_clock(left)} left  " if left else ""
        losses = "  ".join(f"{k} {values[k]:.3g}" for k in SHOWN if k in values)
        self._show("training", int(part * 1000), 1000, clock + losses)

    def warning(self, message: str) -> None:
        self.console.print(f"warning: {message}", style="yellow", highlight=False, markup=False)

    def finished(self, status: str) -> None:
        self.bar.stop()

    def _show(self, what: str, done: int, total: int | None, more: str) -> None:
        self.shown = what
        self.bar.show(what, done, total, more)


@contextlib.contextmanager
def following(progress: bool | None) -> Iterator[Show]:
    """The progress callback of work that is not training; shown where that is wanted."""
    if not wanted(progress):
        yield quiet
        return
    shown = Follower(1, 0, private=False)
    try:
        yield shown.preparing
    finally:
        shown.finished("")


def wanted(progress: bool | None) -> bool:
    """Whether to show progress: by default on a terminal and in a notebook."""
    if progress is not None:
        return progress
    return sys.stderr.isatty() or Console(stderr=True).is_jupyter


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def where_to_resume(folder: Path, samples: int) -> str:
    """What an interrupted call says."""
    return (
        f"saved in {folder} after {samples:,} samples; the same call resumes it here, and with "
        f"out={str(folder)!r} later"
    )
