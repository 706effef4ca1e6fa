"""The kernel distance: KID, with any features."""

from __future__ import annotations

from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_pair


def squared_mmd(x: Features, y: Features) -> float:
    """The unbiased estimate of MMD² under ``k(a, b) = (a·b / D + 1)³``.

    Bińkowski et al. 2018, section 4. Unbiased, hence now and then negative where the two
    distributions agree.

    Args:
        x: features ``(N, D)``, N at least 2.
        y: features ``(M, D)``, M at least 2.
    """

    def within(a: Features) -> float:
        gram = _kernel(a, a)
        return float((gram.sum() - np.trace(gram)) / (len(a) * (len(a) - 1)))

    return within(x) + within(y) - 2.0 * float(_kernel(x, y).mean())


def kernel_distance(
    real: np.ndarray[Any, Any],
    generated: np.ndarray[Any, Any],
    rng: np.random.Generator,
    *,
    subsets: int = 50,
    subset_size: int = 1000,
) -> tuple[float, float]:
    """Mean and standard deviation of MMD² over random subsets (without replacement within one).

    Args:
        real: features ``(N, D)``.
        generated: features ``(M, D)``.
        rng: draws the subsets.
        subsets: how many.
        subset_size: samples a side; at most half of the smaller set, so that subsets differ.

    Raises:
        GankitError: fewer than two samples, widths that differ, values that are not finite.
    """
    x, y = as_pair(real, generated, least=2)
    size = max(2, min(subset_size, len(x) // 2, len(y) // 2))
    estimates = [
        squared_mmd(
            x[rng.choice(len(x), size, replace=False)], y[rng.choice(len(y), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return float(np.mean(estimates)), float(np.std(estimates))


def _kernel(a: Features, b: Features) -> Features:
    gram: Features = (a @ b.T / a.shape[1] + 1.0) ** 3
    return gram
