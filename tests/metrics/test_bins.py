"""Binned differences between two samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.metrics import different_bins
from gankit.metrics.bins import assigned, k_means

CORNERS = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])


def mixture(shares: list[float], n: int, seed: int) -> np.ndarray:
    """Four narrow clusters at the corners of a square, with these shares, exactly."""
    rng = np.random.default_rng(seed)
    counts = np.round(np.array(shares) * n).astype(int)
    return np.repeat(CORNERS, counts, axis=0) + 0.1 * rng.normal(size=(counts.sum(), 2))


@pytest.mark.parametrize("seed", range(5))
def test_k_means_finds_the_clusters(seed: int) -> None:
    centres = k_means(mixture([0.25] * 4, 400, seed), 4, np.random.default_rng(seed))
    order = np.lexsort(centres.round().T)
    np.testing.assert_allclose(centres[order], CORNERS, atol=0.1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_k_means_of_few_distinct_points(rows: list[tuple[int, int]]) -> None:
    points = np.array(rows, dtype=float)
    distinct = np.unique(points, axis=0)
    centres = k_means(points, 16, np.random.default_rng(0))
    assert len(centres) == len(distinct)
    assert assigned(points, centres)[1].max() < 1e-12


def test_shares_that_are_equal_and_shares_that_are_not() -> None:
    rng = np.random.default_rng(0)
    train = mixture([0.25] * 4, 400, 0)
    assert different_bins(train, mixture([0.25] * 4, 200, 1), rng, k=4) == 0.0
    # A quarter of 400 against half of 200, and against none: z is 6.1 and 7.7; two bins stay.
    lost = mixture([0.25, 0.5, 0.25, 0.0], 200, 1)
    assert different_bins(train, lost, rng, k=4) == 0.5


def test_the_test_is_at_five_per_cent() -> None:
    # 100 of 400 against x of 400: z = (x - 100) / 400 / sqrt(2 p (1 - p) / 400), p pooled;
    # x = 124 gives 1.89, x = 126 gives 2.04.
    train = mixture([0.25] * 4, 400, 0)
    for more, expected in ((24, 0.0), (26, 0.25)):
        rest = (300 - more) / 3 / 400
        made = mixture([0.25 + more / 400, rest, rest, rest], 400, 1)
        assert different_bins(train, made, np.random.default_rng(0), k=4) == expected


def test_many_bins_of_one_distribution_differ_in_one_of_twenty() -> None:
    rng = np.random.default_rng(0)
    train, fresh = rng.normal(size=(20_000, 2)), rng.normal(size=(2000, 2))
    assert different_bins(train, fresh, rng) < 0.12
    assert different_bins(train, 0.7 * fresh, rng) > 0.4


def test_too_few_samples_for_bins_accuse_nobody() -> None:
    rng = np.random.default_rng(0)
    assert different_bins(rng.normal(size=(500, 2)), rng.normal(size=(9, 2)) + 5, rng) == 0.0
    with pytest.raises(GankitError, match="wide"):
        different_bins(np.zeros((20, 2)), np.zeros((20, 3)), rng)
    with pytest.raises(GankitError, match="0 samples"):
        different_bins(np.zeros((20, 2)), np.zeros((0, 2)), rng)


def test_the_same_draws_give_the_same_share() -> None:
    train, made = mixture([0.25] * 4, 400, 0), mixture([0.4, 0.2, 0.2, 0.2], 300, 1)
    one, two = (different_bins(train, made, np.random.default_rng(3), k=20) for _ in range(2))
    assert one == two
