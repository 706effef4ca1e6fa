"""Precision, recall, density and coverage against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.metrics import manifold_scores, nearest, neighbours

seeds = st.integers(0, 2**32 - 1)


def brute_force(x: np.ndarray, y: np.ndarray, k: int) -> dict[str, float]:
    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def radii(a: np.ndarray) -> np.ndarray:
        return np.sort(distance(a, a), axis=1)[:, k]  # column 0 is the point itself

    across = distance(y, x)
    inside = across <= radii(x)
    return {
        "precision": inside.any(axis=1).mean(),
        "recall": (across <= radii(y)[:, None]).any(axis=0).mean(),
        "density": inside.sum() / (k * len(y)),
        "coverage": inside.any(axis=0).mean(),
    }


@given(seeds, st.integers(1, 4), st.integers(6, 30), st.integers(6, 30))
def test_brute_force(s: int, k: int, n: int, m: int) -> None:
    rng = np.random.default_rng(s)
    x, y = rng.normal(size=(n, 3)), rng.normal(0.5, 1.5, size=(m, 3))
    assert manifold_scores(x, y, k=k) == pytest.approx(brute_force(x, y, k))


def test_two_clusters_by_hand() -> None:
    real = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    dropped = np.array([[0.5], [1.5], [1.0]])  # the second cluster is missing
    scores = manifold_scores(real, dropped, k=1)
    assert scores == pytest.approx(
        # The balls about 0, 1, 2 have radius 1 and hold 2 + 3 + 2 of the three samples.
        {"precision": 1.0, "recall": 0.5, "density": 7 / 3, "coverage": 0.5}
    )


def test_identical_sets_are_full_marks() -> None:
    x = np.random.default_rng(0).normal(size=(50, 8))
    scores = manifold_scores(x, x, k=5)
    assert scores["precision"] == scores["recall"] == scores["coverage"] == 1.0
    assert scores["density"] == pytest.approx(6 / 5)  # its own ball, and five others on average


def test_one_outlier_raises_precision_but_hardly_density() -> None:
    rng = np.random.default_rng(1)
    real = np.concatenate([rng.normal(size=(100, 2)), [[50.0, 0.0]]])
    wrong = rng.normal([25.0, 0.0], 1.0, size=(100, 2))
    scores = manifold_scores(real, wrong)
    assert scores["precision"] > 0.4
    assert scores["density"] < 0.25
    assert scores["coverage"] < 0.05


@given(seeds)
@settings(max_examples=30)
def test_blind_to_rotation_order_and_scale(s: int) -> None:
    rng = np.random.default_rng(s)
    x, y = rng.normal(size=(20, 4)), rng.normal(0.3, 1, size=(25, 4))
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    expected = pytest.approx(manifold_scores(x, y))
    assert (
        manifold_scores(rng.permutation(x) @ q * 3 + 1, rng.permutation(y) @ q * 3 + 1) == expected
    )


def test_tiny_sets_lower_k() -> None:
    assert manifold_scores(np.eye(2), np.eye(2), k=5)["coverage"] == 1.0


@given(seeds, st.integers(1, 5))
def test_blocks_do_not_change_neighbours(s: int, k: int) -> None:
    rng = np.random.default_rng(s)
    x, y = rng.normal(size=(23, 3)), rng.normal(size=(17, 3))
    whole, among = nearest(x, y, k), nearest(x, x, k, same=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK_BYTES", 8 * 25 * 4)
        np.testing.assert_allclose(nearest(x, y, k), whole)
        np.testing.assert_allclose(nearest(x, x, k, same=True), among)
    every = np.sort(np.linalg.norm(x[:, None] - y[None], axis=2), axis=1)
    np.testing.assert_allclose(whole, every[:, :k])


def test_copies_far_from_the_origin_are_at_distance_zero() -> None:
    x = np.random.default_rng(0).normal(1e6, 1.0, size=(40, 16))
    assert (nearest(x, x)[:, 0] == 0.0).all()
    assert (nearest(x, x, same=True)[:, 0] > 0.1).all()
