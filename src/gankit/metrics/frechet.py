"""The Fréchet distance between Gaussian fits: FID, FAD or FCD, depending on the features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_features, as_pair


@dataclass(frozen=True, eq=False)
class GaussianStats:
    """A Gaussian fitted to features."""

    mean: Features
    """``(D,)``."""
    covariance: Features
    """``(D, D)``, normalised by ``n - 1``."""
    n: int
    """The number of samples it was fitted to."""

    @classmethod
    def of(cls, features: np.ndarray[Any, Any]) -> GaussianStats:
        """The fit to features ``(N, D)``.

        Raises:
            GankitError: fewer than two samples, or a value that is not finite.
        """
        x = as_features(features, "features", least=2)
        stats = cls(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False)), len(x))
        if len(x) <= x.shape[1]:  # the samples are a factor, without eigenvectors of (D, D)
            vars(stats)["root"] = (x - stats.mean).T / np.sqrt(len(x) - 1)
        return stats

    @cached_property
    def root(self) -> Features:
        """A factor ``A`` of few columns with ``A @ A.T`` equal to the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        # With n <= D most eigenvalues are rounding noise; its roots would add up.
        kept = values > values.max(initial=0.0) * len(values) * np.finfo(float).eps
        root: Features = vectors[:, kept] * np.sqrt(values[kept])
        return root


def frechet_distance(real: GaussianStats, generated: GaussianStats) -> float:
    """``|m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁C₂)^½)`` (Heusel et al. 2017, eq. 6).

    With ``Cᵢ = AᵢAᵢᵀ`` the eigenvalues of ``C₁C₂`` are the squared singular values of ``A₁ᵀA₂``,
    so the trace of the root is their sum: real, without a matrix square root, and exact for
    singular covariances (fewer samples than dimensions).

    Returns:
        At least 0, in squared units of the features. Biased upwards for few samples: compare only
        at equal numbers of them.
    """
    gap = real.mean - generated.mean
    overlap = np.linalg.svd(real.root.T @ generated.root, compute_uv=False).sum()
    spread = np.trace(real.covariance) + np.trace(generated.covariance) - 2.0 * overlap
    return max(0.0, float(gap @ gap + spread))


def frechet_extrapolated(
    real: np.ndarray[Any, Any],
    generated: np.ndarray[Any, Any],
    rng: np.random.Generator,
    *,
    points: int = 15,
    smallest: float = 0.2,
) -> tuple[float, float]:
    """The Fréchet distance extrapolated to infinitely many generated samples.

    The distance of N samples exceeds its limit by about c/N, so the intercept of a line through
    distances of subsets over 1/N is free of that bias (Chong and Forsyth 2020, section 4; for FAD:
    Gui et al. 2023). The bias of the real side stays: the limit is against *these* real samples.
    With fewer samples than features the relation is not linear, which shows in R².

    Args:
        real: features ``(N, D)``; all of them, each time.
        generated: features ``(M, D)``.
        rng: draws the subsets, without replacement.
        points: how many subsets, of evenly spaced sizes up to M.
        smallest: the smallest subset, as a share of M.

    Returns:
        The intercept, now and then negative where the distributions agree, and the fit's R².

    Raises:
        GankitError: fewer than two samples, widths that differ, values that are not finite.
    """
    x, y = as_pair(real, generated, least=2)
    whole = GaussianStats.of(x)
    least = min(len(y), max(2, round(smallest * len(y))))
    sizes = np.unique(np.linspace(least, len(y), points).round().astype(int))
    distances = np.array(
        [
            frechet_distance(whole, GaussianStats.of(y[rng.permutation(len(y))[:size]]))
            for size in sizes
        ]
    )
    if len(sizes) == 1:
        return float(distances[0]), 0.0
    slope, limit = np.polyfit(1 / sizes, distances, 1)
    spread = ((distances - distances.mean()) ** 2).sum()
    missed = ((distances - limit - slope / sizes) ** 2).sum()
    return float(limit), float(1 - missed / spread) if spread > 0 else 1.0
