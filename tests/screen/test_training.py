"""The lines that are printed while a run trains."""

from __future__ import annotations

import json

import pytest
from clocks import FakeClock

from gankit.engine.settings import TrainSettings
from gankit.screen.training import Display


@pytest.mark.parametrize(("limit", "left"), [(0, "20 s"), (25, "15 s")])
def test_the_time_left_follows_from_the_average_rate(capsys, monkeypatch, limit, left):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    display = Display(TrainSettings(1000, time=limit), {})
    tick = {"samples": 100, "seconds": 0.0, "samples_per_second": 4000.0, "guard": "stable"}
    display.tick(tick)
    clock.advance(10)
    display.tick({**tick, "samples": 400, "seconds": 10.0})
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"      400 samples  4,000/s    stable  {left} left"


def test_resuming_starts_where_the_run_was(capsys, monkeypatch, tmp_path):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    before = {"samples": 500, "seconds": 1000.0, "samples_per_second": 1.0, "guard": "stable"}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(before) + "\n")
    display = Display(TrainSettings(1000), {}, resumed=True)
    display.started(tmp_path, {})
    clock.advance(10)
    display.tick({**before, "samples": 600, "seconds": 1010.0})
    assert capsys.readouterr().err.splitlines()[-1].endswith("stable  40 s left")


def test_the_phase_is_shown_with_the_likelihood(capsys, monkeypatch):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    display = Display(TrainSettings(1000, warm_up=0.5), {})
    tick = {"seconds": 0.0, "samples_per_second": 10.0, "guard": "stable"}
    for samples, phase in (
        (400, {"phase": "warm-up", "nll": 1.25}),
        (
            800,
            {"phase": "adversarial", "d_loss": 0.5},
        ),
    ):
        clock.advance(20)
        display.tick({**tick, "samples": samples, **phase})
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("      400 samples  warm-up  10/s  nll 1.25  stable")
    assert second.startswith("      800 samples  adversarial  10/s  d_loss 0.5  stable")


def test_a_warning_is_printed_once(capsys):
    display = Display(TrainSettings(1000), {"mode collapse": "raise loss.r1"})
    for samples in (100, 200):
        values = {"samples": samples, "seconds": 1.0, "samples_per_second": 1.0}
        display.tick({**values, "guard": "mode collapse"})
    display.warning("[odd] words")
    printed = capsys.readouterr().err
    assert printed.count("warning: raise loss.r1") == 1
    assert "warning: [odd] words" in printed
