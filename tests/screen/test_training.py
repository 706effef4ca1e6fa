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
    display = Display(TrainSettings(1000, time=limit))
    tick = {"samples": 100, "seconds": 0.0, "samples_per_second": 4000.0, "guard": "healthy"}
    display.tick(tick)
    clock.advance(10)
    display.tick({**tick, "samples": 400, "seconds": 10.0})
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"      400 samples  4,000/s    healthy  {left} left"


def test_resuming_starts_where_the_run_was(capsys, monkeypatch, tmp_path):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    before = {"samples": 500, "seconds": 1000.0, "samples_per_second": 1.0, "guard": "healthy"}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(before) + "\n")
    display = Display(TrainSettings(1000), resumed=True)
    display.started(tmp_path, {})
    clock.advance(10)
    display.tick({**before, "samples": 600, "seconds": 1010.0})
    assert capsys.readouterr().err.splitlines()[-1].endswith("healthy  40 s left")


def test_the_phase_is_shown_with_the_likelihood(capsys, monkeypatch):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    display = Display(TrainSettings(1000, warm_up=0.5))
    tick = {"seconds": 0.0, "samples_per_second": 10.0, "guard": "healthy"}
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
    assert first.startswith("      400 samples  warm-up  10/s  nll 1.25  healthy")
    assert second.startswith("      800 samples  adversarial  10/s  d_loss 0.5  healthy")


def values(samples, state, *events):
    rest = {"seconds": 1.0, "samples_per_second": 1.0, "guard": state}
    return {"samples": samples, **rest, **({"events": list(events)} if events else {})}


def collapsing(modes):
    text = f"{modes} modes where real data have 40"
    remedy = "Raise penalty.gamma"
    return {"kind": "state", "state": "collapsing", "text": text, "remedy": remedy}


HEALED = {"kind": "heal", "state": "collapsing", "text": "healing: the weights of 100 samples"}
HEALTHY = {"kind": "state", "state": "healthy", "text": "no sign of failure"}
SAID = "collapsing: 12 modes where real data have 40. Raise penalty.gamma"


def test_each_event_is_one_line(capsys):
    display = Display(TrainSettings(1000))
    display.tick(values(100, "healthy"))
    display.tick(values(200, "collapsing", collapsing(12), HEALED))
    display.tick(values(300, "healthy", HEALTHY))
    assert capsys.readouterr().err.splitlines() == [
        f"warning: {SAID}",
        "warning: healing: the weights of 100 samples",
        "healthy: no sign of failure",
    ]


def test_a_warning_that_is_an_event_too_is_said_once(capsys):
    display = Display(TrainSettings(1000))
    for _ in range(2):
        display.warning(SAID)
        display.tick(values(200, "collapsing", collapsing(12)))
    assert capsys.readouterr().err == f"warning: {SAID}\n"


def test_the_state_of_warning_is_named_once(capsys):
    display = Display(TrainSettings(1000))
    display.tick(values(9, "warning", {"kind": "state", "state": "warning", "text": "odd"}))
    assert capsys.readouterr().err == "warning: odd\n"


def test_states_that_come_again_and_again_are_no_flood(capsys):
    display = Display(TrainSettings(1000))
    for modes in range(10):
        display.tick(values(200, "collapsing", collapsing(modes)))
        display.tick(values(200, "healthy", HEALTHY))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "healthy: no sign of failure"


def test_words_of_warnings_are_no_markup(capsys):
    display = Display(TrainSettings(1000))
    display.warning("[odd] words")
    assert "warning: [odd] words" in capsys.readouterr().err
