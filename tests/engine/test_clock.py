"""What is due, and where schedules stand."""

from __future__ import annotations

import pytest
from clocks import FakeClock

from gankit.engine.clock import Clock, Every, TrainingSchedules
from gankit.engine.settings import EngineSettings, OptimSettings, TrainSettings


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr("gankit.engine.clock.time", clock)
    return clock


def test_every_so_many_samples(clock):
    timer = Every(100, float("inf"))
    timer.start(130)
    assert [seen for seen in range(130, 460, 30) if timer.due(seen)] == [220, 310, 400]


def test_every_so_many_seconds(clock):
    timer = Every(0, 60)
    timer.start(0)
    due = []
    for seen in range(10):
        clock.advance(25)
        due.append(timer.due(seen))
    assert due == [False, False, True] * 3 + [False]


def test_schedules_run_on_the_samples_of_the_game():
    train = TrainSettings(burn_in=500)
    settings = EngineSettings(train=train, optim=OptimSettings(lr=(2.0, 1.0)))
    schedules = TrainingSchedules(settings)
    found = [schedules.at(Clock(n, warm_up=min(n, 1000)).game)["g_lr"] for n in (0, 999, 1000)]
    assert found == [2.0, 2.0, 2.0]
    assert schedules.at(Clock(1250, warm_up=1000).game)["g_lr"] == pytest.approx(1.5)
    assert schedules.at(500)["g_lr"] == schedules.at(10**9)["g_lr"] == 1.0


def test_the_discriminator_has_its_own_values_where_they_are_given():
    own = OptimSettings(lr=1.0, d_lr=3.0, beta2=0.9)
    at = TrainingSchedules(EngineSettings(optim=own)).at(0)
    assert (at["g_lr"], at["d_lr"]) == (1.0, 3.0)
    assert at["g_beta2"] == at["d_beta2"] == 0.9
