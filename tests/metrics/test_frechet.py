"""The Fréchet distance against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.metrics import GaussianStats, frechet_distance, frechet_extrapolated

seeds = st.integers(0, 2**32 - 1)


def stats(mean: list[float], covariance: list[list[float]]) -> GaussianStats:
    return GaussianStats(np.array(mean), np.array(covariance), 100)


def test_closed_form_of_diagonal_gaussians() -> None:
    a = stats([0.0, 0.0, 1.0], np.diag([1.0, 4.0, 9.0]).tolist())
    b = stats([3.0, 4.0, 1.0], np.diag([4.0, 4.0, 1.0]).tolist())
    # |m|² + sum of squared differences of the standard deviations
    assert frechet_distance(a, b) == pytest.approx(25.0 + 1.0 + 0.0 + 4.0, rel=1e-12)


def test_closed_form_of_a_scaled_correlated_gaussian() -> None:
    covariance = np.array([[2.0, 0.8], [0.8, 1.0]])
    a, b = stats([0, 0], covariance.tolist()), stats([0, 0], (9 * covariance).tolist())
    assert frechet_distance(a, b) == pytest.approx((3 - 1) ** 2 * 3.0, rel=1e-12)


@given(seeds, st.integers(1, 12), st.integers(2, 40), st.integers(2, 40))
def test_symmetric_zero_on_itself_and_blind_to_rotation(s: int, d: int, n: int, m: int) -> None:
    rng = np.random.default_rng(s)
    x, y = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)), rng.normal(1.0, 2.0, size=(m, d))
    a, b = GaussianStats.of(x), GaussianStats.of(y)
    distance = frechet_distance(a, b)
    scale = np.trace(a.covariance) + np.trace(b.covariance)
    q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    turned = frechet_distance(GaussianStats.of(x @ q + 7.0), GaussianStats.of(y @ q + 7.0))
    tolerance = 1e-6 * (1.0 + scale)
    assert frechet_distance(b, a) == pytest.approx(distance, abs=tolerance)
    assert turned == pytest.approx(distance, abs=tolerance)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=tolerance)


@pytest.mark.parametrize(("n", "d"), [(200, 12), (15, 40)], ids=["n > d", "n < d"])
def test_agrees_with_the_matrix_square_root(n: int, d: int) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(3)
    a = GaussianStats.of(rng.normal(size=(n, d)) * np.linspace(0.1, 3.0, d))
    b = GaussianStats.of(rng.normal(size=(n, d)) + 0.3)
    # A shift keeps the reference algorithm away from singular matrices.
    shift = 1e-9 * np.eye(d)
    root = linalg.sqrtm((a.covariance + shift) @ (b.covariance + shift)).real
    expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert a.root @ a.root.T == pytest.approx(a.covariance, abs=1e-12)


def test_fewer_samples_than_dimensions_is_exact() -> None:
    x = np.random.default_rng(0).normal(size=(10, 300))
    assert frechet_distance(GaussianStats.of(x), GaussianStats.of(x)) < 1e-9
    # The covariance of 2x is 4C, so the distance is tr(C) and the gap of the means.
    a, b = GaussianStats.of(x), GaussianStats.of(2 * x)
    assert frechet_distance(a, b) == pytest.approx(
        np.trace(a.covariance) + np.sum(a.mean**2), rel=1e-12
    )


def test_constant_features_are_a_point() -> None:
    a, b = GaussianStats.of(np.ones((5, 3))), GaussianStats.of(np.full((7, 3), 3.0))
    assert frechet_distance(a, b) == pytest.approx(12.0)


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.array([[0.0, 1.0], [np.nan, 1.0]])])
def test_unusable_features_are_named(bad: np.ndarray) -> None:
    with pytest.raises(GankitError, match=r"1 samples|sample 1 are not finite"):
        GaussianStats.of(bad)


def test_extrapolation_takes_the_bias_of_few_samples_away() -> None:
    rng = np.random.default_rng(0)
    real, same = rng.normal(size=(20_000, 30)), rng.normal(size=(600, 30))
    plain = frechet_distance(GaussianStats.of(real), GaussianStats.of(same))
    limit, fit = frechet_extrapolated(real, same, rng)
    assert plain > 0.4  # the truth is 0
    assert abs(limit) < 0.2 * plain
    assert fit > 0.95
    moved, _ = frechet_extrapolated(real, same + 0.5, rng)  # the truth is 30 · 0.25
    assert moved == pytest.approx(7.5, rel=0.1)


def test_extrapolation_is_exact_where_the_distance_does_not_change() -> None:
    rng = np.random.default_rng(0)
    constant = frechet_extrapolated(np.zeros((9, 2)), np.ones((40, 2)), rng)
    assert constant == pytest.approx((2.0, 1.0))
    two = frechet_extrapolated(np.zeros((9, 2)), np.ones((2, 2)), rng)
    assert two == pytest.approx((2.0, 0.0))  # one size: no line
    with pytest.raises(GankitError, match="1 samples"):
        frechet_extrapolated(np.zeros((9, 2)), np.ones((1, 2)), rng)
