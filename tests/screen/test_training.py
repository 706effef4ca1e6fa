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


COLLAPSING = {
    "kind": "state",
    "state": "collapsing",
    "text": "collapsing: 12 modes where real data have 40",
    "remedy": "raise loss.gamma",
}
HEALED = {
    "kind": "heal",
    "text": "restored the weights of 100 samples and raised gamma tenfold (1 of 5)",
}
HEALTHY = {"kind": "state", "state": "healthy", "text": "healthy again: 38 modes of 40"}


def test_each_event_is_one_line(capsys):
    display = Display(TrainSettings(1000))
    display.tick(values(100, "healthy"))
    display.tick(values(200, "collapsing", COLLAPSING, HEALED))
    display.tick(values(300, "healthy", HEALTHY))
    assert capsys.readouterr().err.splitlines() == [
        "warning: collapsing: 12 modes where real data have 40; raise loss.gamma",
        "warning: healing: restored the weights of 100 samples and raised gamma tenfold (1 of 5)",
        "healthy again: 38 modes of 40",
    ]


@pytest.mark.parametrize("first", ["warning", "tick"])
def test_nothing_is_said_twice(capsys, first):
    display = Display(TrainSettings(1000))
    message = f"{COLLAPSING['text']}; {COLLAPSING['remedy']}"
    for kind in [first, "tick", "warning", "tick"]:
        if kind == "warning":
            display.warning(message)
        else:
            display.tick(values(200, "collapsing", COLLAPSING))
    assert capsys.readouterr().err == f"warning: {message}\n"


def test_words_of_warnings_are_no_markup(capsys):
    display = Display(TrainSettings(1000))
    display.warning("[odd] words")
    assert "warning: [odd] words" in capsys.readouterr().err
