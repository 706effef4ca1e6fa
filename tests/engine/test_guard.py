"""What a run is warned of, and what ends it."""

from __future__ import annotations

import pytest

from gankit.engine.guard import ADVICE, DivergedError, Guard

GOOD = {"d_real": 0.2, "d_fake": -0.2, "d_sign": 0.3, "fake_std": 0.9, "real_std": 1.0}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"fake_std": 0.01}, "mode collapse"),
        ({"d_real": 5e3}, "logits diverging"),
        ({"d_fake": -5e3}, "logits diverging"),
        ({"d_sign": 1.0}, "discriminator overpowering"),
    ],
)
def test_a_failure_is_reported_once_it_lasts(values, status):
    guard = Guard(patience=3)
    assert [guard.check(GOOD | values) for _ in range(3)] == ["stable", "stable", status]
    assert status in ADVICE
    assert guard.check(GOOD) == "stable"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_ends_training(value):
    with pytest.raises(DivergedError, match="g_loss"):
        Guard().check(GOOD | {"g_loss": value})
