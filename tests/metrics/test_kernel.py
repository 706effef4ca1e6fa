"""The kernel distance: unbiased, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.metrics import kernel_distance
from gankit.metrics.kernel import squared_mmd


def test_brute_force() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within_x = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    within_y = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    between = np.mean([k(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * between, rel=1e-12)


def test_unbiased_where_the_distributions_agree() -> None:
    rng = np.random.default_rng(1)
    estimates = [
        squared_mmd(rng.normal(size=(10, 4)), rng.normal(size=(10, 4))) for _ in range(2000)
    ]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates)) < 4 * error
    assert min(estimates) < 0 < max(estimates)


def test_sees_a_shift_and_reports_the_spread() -> None:
    rng = np.random.default_rng(2)
    x, near, far = (rng.normal(m, 1, size=(400, 8)) for m in (0.0, 0.0, 1.0))
    same, same_std = kernel_distance(x, near, np.random.default_rng(0), subset_size=100)
    other, other_std = kernel_distance(x, far, np.random.default_rng(0), subset_size=100)
    assert abs(same) < 4 * same_std
    assert other > 5 * other_std > 0


@given(st.integers(0, 2**32 - 1))
def test_symmetric_and_blind_to_rotation_and_order(s: int) -> None:
    rng = np.random.default_rng(s)
    x, y = rng.normal(size=(7, 5)), rng.normal(0.5, 1, size=(6, 5))
    q, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    expected = pytest.approx(squared_mmd(x, y), abs=1e-9)
    assert squared_mmd(y, x) == expected
    assert squared_mmd(x @ q, y @ q) == expected
    assert squared_mmd(rng.permutation(x), y) == expected


def test_widths_that_differ() -> None:
    with pytest.raises(GankitError, match="3 wide, generated ones 4"):
        kernel_distance(np.zeros((4, 3)), np.zeros((4, 4)), np.random.default_rng(0))
