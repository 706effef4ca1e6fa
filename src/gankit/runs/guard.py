"""What the guard recorded of a run: its state at each tick, and the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEAL, STATE = "heal", "state"
"""Kinds of events that are read here; the others are shown as they are."""
KEYS = ("kind", "state", "text", "remedy")
"""Of an event in a line of metrics."""
GOOD = ("healthy", "converged")
"""States that are no reason to do anything."""


@dataclass(frozen=True)
class Event:
    """Something that the guard saw or did."""

    samples: int
    """Training samples seen by then."""
    kind: str
    """``state``, ``heal``, ``stop``, ``memory`` or ``early stop``."""
    state: str
    """Of training; empty where the event states none."""
    text: str
    """One sentence with the evidence."""
    remedy: str = ""
    """What usually helps."""

    @property
    def is_good(self) -> bool:
        """Whether training is well, or well again."""
        return self.kind == STATE and self.state in GOOD

    def in_words(self) -> str:
        """The sentence, and behind it what usually helps."""
        said = f"healing: {self.text}" if self.kind == HEAL else self.text
        return f"{said}; {self.remedy}" if self.remedy else said

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {key: value for key, value in vars(self).items() if value != ""}


def events_in(tick: Mapping[str, Any]) -> list[Event]:
    """The events of one line of metrics."""
    return [
        Event(int(tick["samples"]), *(str(each.get(key) or "") for key in KEYS))
        for each in tick.get("events", ())
    ]


def events_of(ticks: Iterable[Mapping[str, Any]]) -> list[Event]:
    """All events of a run, in order."""
    return [event for tick in ticks for event in events_in(tick)]


def state_of(ticks: Sequence[Mapping[str, Any]]) -> str:
    """The state at the end; empty where none is recorded."""
    return str(ticks[-1].get("guard", "")) if ticks else ""


def interventions(events: Iterable[Event]) -> int:
    """How often the guard restored an earlier state of training and changed something."""
    return sum(event.kind == HEAL for event in events)


def in_words(ticks: Sequence[Mapping[str, Any]]) -> str:
    """``healthy; 2 interventions``: how training ended; empty where no state is recorded."""
    state, count = state_of(ticks), interventions(events_of(ticks))
    counted = f"; {count} intervention{'s' * (count != 1)}" if count else ""
    return f"{state}{counted}" if state else ""
