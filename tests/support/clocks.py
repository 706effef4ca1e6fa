"""A clock that tests set, in place of the one that a budget reads."""

from __future__ import annotations

import pytest


class FakeClock:
    """Stands still until :meth:`advance`; used as the module ``time`` too."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def fake_budget_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of every :class:`gankit.engine.budget.Budget`."""
    clock = FakeClock()
    monkeypatch.setattr("gankit.engine.budget.time", clock)
    return clock
