"""What the guard recorded of a run: its state at each tick, and the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gankit.engine.guard.states import HEALTHY, Event
from gankit.runs.directory import Run

HEAL, STATE = "heal", "state"
"""Kinds of events that are read here; the others are shown as they are."""
KEYS = ("kind", "text", "state", "remedy")
"""Of an event in a line of metrics."""


@dataclass(frozen=True)
class Recorded(Event):
    """An event in a line of metrics."""

    samples: int = 0
    """Training samples seen by then."""


def events_in(tick: Mapping[str, Any]) -> list[Recorded]:
    """The events of one line of metrics."""
    return [
        Recorded(**{k: str(each.get(k) or "") for k in KEYS}, samples=int(tick["samples"]))
        for each in tick.get("events", ())
    ]


def events_of(ticks: Iterable[Mapping[str, Any]]) -> list[Recorded]:
    """All events of a run, in order."""
    return [event for tick in ticks for event in events_in(tick)]


def state_of(ticks: Sequence[Mapping[str, Any]]) -> str:
    """The state at the end; empty where none is recorded."""
    return str(ticks[-1].get("guard", "")) if ticks else ""


def interventions(events: Iterable[Event]) -> int:
    """How often the guard restored an earlier state of training and changed something."""
    return sum(event.kind == HEAL for event in events)


def summary(run: Run) -> dict[str, Any]:
    """The state at the end, how often the guard intervened, and the samples that the best weights
    and the latest have seen; for JSON."""
    ticks, weights = run.metrics(), run.generator_weights if run.has_model else None
    return {
        "guard": state_of(ticks) or "?",
        "interventions": interventions(events_of(ticks)),
        "best_samples": weights and weights.best,
        "latest_samples": weights and weights.latest,
    }


def in_words(ticks: Sequence[Mapping[str, Any]]) -> str:
    """``no sign of failure; 2 interventions``: how training ended; empty where no state is
    recorded."""
    state, count = state_of(ticks), interventions(events_of(ticks))
    state = "no sign of failure" if state == HEALTHY else state
    counted = f"; {count} intervention{'s' * (count != 1)}" if count else ""
    return f"{state}{counted}" if state else ""
