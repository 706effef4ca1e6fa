"""What is shown while a run trains."""

from __future__ import annotations

import pytest

from gankit.cli._display import Display


@pytest.mark.parametrize(("limit", "left"), [(0, "30 s"), (25, "15 s")])
def test_time_left_is_told_from_the_pace_of_all_so_far(capsys, limit, left):
    display = Display(1000, limit, {})
    tick = {"samples": 250, "seconds": 10.0, "samples_per_second": 4000.0, "guard": "ok"}
    display.tick(tick)
    said = capsys.readouterr().err
    assert "4,000/s" in said
    assert f"{left} left" in said
