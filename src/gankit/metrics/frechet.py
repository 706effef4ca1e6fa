"""The Fréchet distance between Gaussian fits: FID, FAD and FCD, whatever the features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_features


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
        return cls(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False)), len(x))

    @cached_property
    def root(self) -> Features:
        """A factor ``A (D, rank)`` with ``A @ A.T`` equal to the covariance."""
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
