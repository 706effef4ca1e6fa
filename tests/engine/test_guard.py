from __future__ import annotations

import pytest

from gankit.engine.guard import ADVICE, DivergedError, Guard

GOOD = {"d_real": 0.2, "d_fake": -0.2, "d_sign": 0.3, "fake_std": 0.9, "real_std": 1.0}


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ({"fake_std": 0.01}, "collapsing"),
        ({"d_real": 5e3}, "runaway"),
        ({"d_sign": 1.0}, "d-wins"),
    ],
)
def test_trouble_is_named_once_it_lasts(trouble, status):
    guard = Guard(patience=3)
    assert [guard.check(GOOD | trouble) for _ in range(3)] == ["ok", "ok", status]
    assert status in ADVICE
    assert guard.check(GOOD) == "ok"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_a_number_stops(value):
    with pytest.raises(DivergedError, match="g_loss"):
        Guard().check(GOOD | {"g_loss": value})
