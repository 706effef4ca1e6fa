"""Training on a terminal: a live panel, or one plain line per tick where there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from gankit.cli._output import duration, err, rows, warn
from gankit.cli._reading import show_reading, show_resumed
from gankit.cli._streams import visible
from gankit.contract import Callback
from gankit.engine.settings import TrainSettings
from gankit.kit.files import read_json
from gankit.runs.provenance import RECORD
from gankit.workflows.data import Split
from gankit.workflows.reading import Reading, reading

SHOWN_LINES = 40
"""Lines of what was inferred from the data."""
SHOWN = (
    "d_loss",
    "g_loss",
    "d_sign",
    "r1",
    "r2",
    "augment_p",
    "d_signal",
    "reward",
    "nll",
    "epsilon",
)


class Display(Callback):
    """Follows a run on stderr.

    Args:
        train: the run's length.
        advice: one line for each failure that the guard reports.
        resumed: whether the run has been started before: its data was shown then.
        private: whether to leave out what may show single items.
    """

    def __init__(
        self,
        train: TrainSettings,
        advice: Mapping[str, str] = MappingProxyType({}),
        *,
        resumed: bool = False,
        private: bool = False,
    ) -> None:
        self.train, self.samples, self.limit = train, train.samples, train.time
        self.advice = advice
        self.resumed, self.private = resumed, private
        self.data: Reading | None = None
        self.live: Live | None = None
        self.warned: set[str] = set()
        self.latest_preview: Path | None = None
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=err,
            expand=True,
        )
        self.task: TaskID | None = None
        self.said = 0.0

    def preparing(self, what: str, done: int, total: int) -> None:
        """Progress of reading and encoding; silent when it takes no time."""
        now = time.monotonic()
        if now - self.said > 2 and (total == 0 or done < total):
            if self.said:
                err.print(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))
            self.said = now

    def read(self, data: Split) -> None:
        """Shows what was read, before anything is trained."""
        self.samples = self.train.on(len(data.train)).samples
        self.data = reading(data, self.private)
        show = show_resumed if self.resumed else show_reading
        show(self.data, err)

    def started(self, run: Path, config: dict[str, Any]) -> None:
        if not self.resumed:
            rows(read_json(run / RECORD)["data"].get("described", []), err, SHOWN_LINES)
        err.print(Text.assemble("training in ", (visible(run), "bold"), "; Ctrl-C saves and stops"))
        if err.is_terminal:
            self.task = self.bar.add_task("training", total=self.samples, left="")
            self.live = Live(self.bar, console=err, refresh_per_second=4)
            self.live.start()

    def tick(self, values: dict[str, Any]) -> None:
        seen, rate = int(values["samples"]), values["samples_per_second"]
        # By the average rate: the current one drops whenever a preview is written.
        left = (self.samples - seen) * values["seconds"] / max(seen, 1)
        if self.limit:
            left = min(left, max(self.limit - values["seconds"], 0))
        status = str(values["guard"])
        numbers = {k: values[k] for k in SHOWN if k in values and (k != "augment_p" or values[k])}
        if self.live is not None and self.task is not None:
            done = seen / self.samples
            if self.limit:
                done = max(done, values["seconds"] / self.limit)
            self.bar.update(
                self.task, completed=int(min(done, 1) * self.samples), left=f"{duration(left)} left"
            )
            grid = Table.grid(padding=(0, 3))
            grid.add_row("samples", "samples/s", *numbers, "training", style="dim")
            mark = Text(visible(status), "yellow" if status in self.advice else "green")
            grid.add_row(f"{seen:,}", f"{rate:,.0f}", *(f"{v:.3g}" for v in numbers.values()), mark)
            latest = (
                f"latest preview: {visible(self.latest_preview)}" if self.latest_preview else ""
            )
            self.live.update(Group(self.bar, grid, Text(latest)))
        elif time.monotonic() - self.said > 1 or seen >= self.samples:
            self.said = time.monotonic()
            words = "  ".join(f"{k} {v:.3g}" for k, v in numbers.items())
            err.print(
                f"{seen:>9,} samples  {rate:,.0f}/s  {words}  {status}  {duration(left)} left"
            )
        if status in self.advice and status not in self.warned:
            self.warned.add(status)
            warn(self.advice[status])

    def warning(self, message: str) -> None:
        warn(message)

    def preview(self, file: Path) -> None:
        self.latest_preview = file

    def finished(self, status: str) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None
