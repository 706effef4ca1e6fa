"""Training as it goes: what was chosen and read, a bar with numbers, and warnings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from gankit.contract import Callback
from gankit.engine.clock import WARM_UP
from gankit.engine.guard.states import FAILED, GOOD, STATES, WARNING, Event
from gankit.engine.settings import TrainSettings
from gankit.kit.files import read_json
from gankit.runs.codec_health import HEALTH, strengths
from gankit.runs.directory import read_metrics
from gankit.runs.guard import events_in
from gankit.runs.provenance import RECORD
from gankit.runs.started import in_words
from gankit.screen.console import duration, err, fact, rows, warn
from gankit.screen.meter import Meter
from gankit.screen.pace import rough
from gankit.screen.reading import show_reading, show_resumed
from gankit.screen.streams import visible
from gankit.workflows.data import Split
from gankit.workflows.reading import Reading, reading

STYLES = {**dict.fromkeys(GOOD, "green"), **dict.fromkeys(FAILED, "red")}
"""Colours of the guard's states; yellow for the others."""
OFTEN = 3
"""Changes to one state that are shown; all are in the run's log and metrics."""
TRAINING = "training"
"""What the bar says where there are no phases."""
SHOWN_LINES = 40
"""Lines of what was inferred from the data."""
SHOWN = (
    "nll",
    "d_loss",
    "g_loss",
    "d_sign",
    "r1",
    "r2",
    "augment_p",
    "d_signal",
    "g_signal",
    "reward",
    "epsilon",
)


class Display(Callback):
    """Follows a run on stderr.

    Args:
        train: the run's length.
        resumed: whether the run has been started before: its data was shown then.
        private: whether to leave out what may show single items.
        began: when the command or call began, on ``time.monotonic()``'s clock.
    """

    def __init__(
        self,
        train: TrainSettings,
        *,
        resumed: bool = False,
        private: bool = False,
        began: float | None = None,
    ) -> None:
        self.train = train
        self.resumed, self.private = resumed, private
        self.began = time.monotonic() if began is None else began
        self.data: Reading | None = None
        self.said = set[str]()
        """Warnings."""
        self.times = Counter[str]()
        """How often training came into a state."""
        self.latest_preview: Path | None = None
        self.preparing = Meter()
        """Progress of everything before and after training."""

    def read(self, data: Split) -> None:
        """Shows what was read, before anything is trained."""
        self.train = self.train.on(len(data.train))
        self.data = reading(data, self.private)
        self.preparing.close()
        show = show_resumed if self.resumed else show_reading
        show(self.data, err)

    def started(self, run: Path, config: dict[str, Any]) -> None:
        self.preparing.close()
        if not self.resumed:
            record = read_json(run / RECORD)
            rows(record["data"].get("described", []), err, SHOWN_LINES)
            for name, line in in_words(record.get("started_from")).items():
                fact(name, line, err)
            for line in strengths(record.get(HEALTH, [])):
                fact("codec", line, err)
        err.print(Text.assemble("training in ", (visible(run), "bold"), "; Ctrl-C saves and stops"))
        last = (read_metrics(run) or [{"samples": 0, "seconds": 0.0}])[-1]
        last.setdefault("phase", WARM_UP if self.train.warm_up else TRAINING)
        last["seconds"] += time.monotonic() - self.began
        part, left = self._follow(last)
        if self.preparing.bar.drawn:
            self.preparing.show(part, f"{last['samples']:,} samples", left)

    def tick(self, values: dict[str, Any]) -> None:
        seen, status = int(values["samples"]), str(values["guard"])
        part, left = self._follow(values)
        numbers = {k: values[k] for k in SHOWN if k in values and (k != "augment_p" or values[k])}
        rate = f"{values['samples_per_second']:,.0f}"
        if self.preparing.bar.drawn:
            shown = {"samples/s": rate, **{k: f"{v:.3g}" for k, v in numbers.items()}}
            below = columns(shown, (status, STYLES.get(status, "yellow")), err.width)
            if self.latest_preview:
                text = Text(f"latest preview: {visible(self.latest_preview)}")
                text.truncate(err.width - 1, overflow="ellipsis")
                below.append(text)
            self.preparing.show(part, f"{seen:,} samples", left, below)
        elif time.monotonic() >= self.preparing.due or part >= 1:
            words = "  ".join(f"{k} {v:.3g}" for k, v in numbers.items())
            end = "" if left is None else f"  {rough(left) if left else duration(0)} left"
            phase = f"{values['phase']}  " if "phase" in values else ""
            line = f"{seen:>9,} samples  {phase}{rate}/s  {words}  {status}{end}"
            self.preparing.show(part, "", left, line=line)
        for event in events_in(values):
            self._event(event)

    def _follow(self, values: Mapping[str, Any]) -> tuple[float, float | None]:
        """The part of training that is done, in 0..1, and the seconds left."""
        now, limit = time.monotonic(), self.train.time
        part = min(values["samples"] / self.train.samples, 1.0)
        what = values.get("phase", TRAINING)
        if self.preparing.what != what:
            self.preparing.start(what, part)
        left = self.preparing.pace.left(part, now)
        if limit:
            rest = max(limit - values["seconds"], 0.0)
            part = max(part, min(values["seconds"] / limit, 1.0))
            left = rest if left is None else min(left, rest)
        return part, 0.0 if part >= 1 else left

    def warning(self, message: str) -> None:
        if message in self.said:
            return
        self.said.add(message)
        if self._is_news(message.partition(":")[0]):
            warn(message.removeprefix(f"{WARNING}: "))  # the name of a state, too

    def _event(self, event: Event) -> None:
        """What the guard saw or did; a failure has come as a warning before."""
        if not event.is_good:
            self.warning(event.in_words)
        elif self._is_news(event.state):
            err.print(visible(event.in_words))

    def _is_news(self, state: str) -> bool:
        """Whether training has not come into this state again and again; true of other words."""
        self.times[state] += state in STATES
        return self.times[state] <= OFTEN

    def preview(self, file: Path) -> None:
        self.latest_preview = file

    def finished(self, status: str) -> None:
        self.preparing.close()


def columns(shown: Mapping[str, str], status: tuple[str, str], width: int) -> list[Text]:
    """Names above numbers, as many as fit; the status always does.

    Args:
        status: what the guard says, and its style.
        width: of the terminal.
    """
    names, values, room = "", "", width - 1 - len(max(status[0], "training", key=len))
    for name, value in shown.items():
        wide = max(len(name), len(value)) + 3
        if len(names) + wide > room:
            break
        names, values = names + name.ljust(wide), values + value.ljust(wide)
    return [Text(names + "training", "dim"), Text.assemble(values, status)]
