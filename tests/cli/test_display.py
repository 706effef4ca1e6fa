"""The lines that are printed while a run trains."""

from __future__ import annotations

import pytest

from gankit.cli._display import Display
from gankit.engine.settings import TrainSettings


@pytest.mark.parametrize(("limit", "left"), [(0, "30 s"), (25, "15 s")])
def test_the_time_left_follows_from_the_average_rate(capsys, limit, left):
    display = Display(TrainSettings(1000, time=limit), {})
    tick = {"samples": 250, "seconds": 10.0, "samples_per_second": 4000.0, "guard": "stable"}
    display.tick(tick)
    printed = capsys.readouterr().err
    assert "4,000/s" in printed
    assert f"{left} left" in printed


def test_a_warning_is_printed_once(capsys):
    display = Display(TrainSettings(1000), {"mode collapse": "raise loss.r1"})
    for samples in (100, 200):
        values = {"samples": samples, "seconds": 1.0, "samples_per_second": 1.0}
        display.tick({**values, "guard": "mode collapse"})
    display.warning("[odd] words")
    printed = capsys.readouterr().err
    assert printed.count("warning: raise loss.r1") == 1
    assert "warning: [odd] words" in printed
