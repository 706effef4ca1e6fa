"""What training looks like: a live panel on a terminal, one plain line a tick elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from gankit.cli._output import duration, err, found
from gankit.contract import Callback
from gankit.kit.files import read_json
from gankit.runs.provenance import RECORD

SHOWN_LINES = 40
"""Lines of what was found out of the data."""
SHOWN = ("d_loss", "g_loss", "d_sign", "r1", "r2", "augment_p", "d_signal", "reward", "epsilon")


class Display(Callback):
    """Follows a run on stderr.

    Args:
        samples: where the run ends.
        limit: seconds after which it ends, 0 for none.
        advice: one line for each status of the guard that is not ``ok``.
    """

    def __init__(self, samples: int, limit: float, advice: dict[str, str]) -> None:
        self.samples, self.limit, self.advice = samples, limit, advice
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
        """Progress of reading and encoding; silent when it is over at once."""
        now = time.monotonic()
        if now - self.said > 2 and (total == 0 or done < total):
            if self.said:
                err.print(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))
            self.said = now

    def started(self, run: Path, config: dict[str, Any]) -> None:
        found(read_json(run / RECORD)["data"].get("found", []), err, SHOWN_LINES)
        err.print(f"training in [bold]{run}[/]; Ctrl-C saves and stops")
        if err.is_terminal:
            self.task = self.bar.add_task("training", total=self.samples, left="")
            self.live = Live(self.bar, console=err, refresh_per_second=4)
            self.live.start()

    def tick(self, values: dict[str, Any]) -> None:
        seen, rate = int(values["samples"]), values["samples_per_second"]
        # At the pace of all so far: the latest leaps whenever there was a preview.
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
            grid.add_row("samples", "samples/s", *numbers, "guard", style="dim")
            mark = "[green]ok[/]" if status == "ok" else f"[yellow]{status}[/]"
            grid.add_row(f"{seen:,}", f"{rate:,.0f}", *(f"{v:.3g}" for v in numbers.values()), mark)
            shown = f"latest preview: {self.latest_preview}" if self.latest_preview else ""
            self.live.update(Group(self.bar, grid, shown))
        elif time.monotonic() - self.said > 1 or seen >= self.samples:
            self.said = time.monotonic()
            words = "  ".join(f"{k} {v:.3g}" for k, v in numbers.items())
            err.print(
                f"{seen:>9,} samples  {rate:,.0f}/s  {words}  guard {status}  {duration(left)} left"
            )
        if status in self.advice and status not in self.warned:
            self.warned.add(status)
            err.print(f"[yellow]warning:[/] {self.advice[status]}")

    def warning(self, message: str) -> None:
        err.print(f"[yellow]warning:[/] {escape(message)}")

    def preview(self, file: Path) -> None:
        self.latest_preview = file

    def finished(self, status: str) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None
