"""A time budget counts from the start of the command, and over all resumptions."""

from __future__ import annotations

import math

import pytest
from clocks import FakeClock, fake_budget_clock

from gankit.engine.budget import Budget


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    return fake_budget_clock(monkeypatch)


def test_it_counts_from_the_start_of_the_command(clock):
    budget = Budget(100, started=clock.now - 30)
    assert (budget.spent(), budget.left()) == (30, 70)
    clock.advance(80)
    assert (budget.spent(), budget.left()) == (110, -10)


def test_it_counts_from_now_where_no_start_is_given(clock):
    budget = Budget(100)
    assert (budget.spent(), budget.left()) == (0, 100)


def test_without_a_limit_time_is_counted_and_never_runs_out(clock):
    budget = Budget()
    clock.advance(1e9)
    assert budget.spent() == 1e9
    assert budget.left() == budget.share(0.1)() == math.inf


def test_resuming_adds_the_time_spent_before(clock):
    budget = Budget(100, started=clock.now)
    budget.before = 60
    clock.advance(10)
    assert (budget.spent(), budget.left()) == (70, 30)


def test_a_share_is_a_part_of_what_is_left_when_it_begins(clock):
    budget = Budget(100, started=clock.now - 50)
    left = budget.share(0.6)
    assert left() == pytest.approx(30)
    clock.advance(30)
    assert left() == pytest.approx(0)
    assert budget.left() == pytest.approx(20)
    clock.advance(5)
    assert left() == pytest.approx(-5)
