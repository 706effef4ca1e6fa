"""Fidelity and coverage by nearest-neighbour balls."""

from __future__ import annotations

from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_pair
from gankit.metrics.neighbours import distance_blocks, nearest


def manifold_scores(
    real: np.ndarray[Any, Any],
    generated: np.ndarray[Any, Any],
    *,
    k: int = 5,
    radii: Features | None = None,
) -> dict[str, float]:
    """Precision, recall, density and coverage.

    A set's manifold is the union of balls around its samples, each reaching to the sample's k-th
    neighbour in the set.

    - ``precision``: share of generated samples within the real manifold; ``recall``: share of real
      samples within the generated one (Kynkäänniemi et al. 2019, section 2; they take k = 3).
    - ``density``: how many real balls hold a generated sample, over k, 1 in expectation where the
      distributions agree and unbounded; ``coverage``: share of real balls that hold one (Naeem et
      al. 2020, section 3; k = 5). Neither trusts the balls of generated outliers.

    Args:
        real: features ``(N, D)``.
        generated: features ``(M, D)``.
        k: neighbours; lowered to what the smaller set allows.
        radii: the :func:`balls` of the real samples for this k, where they are known.

    Raises:
        GankitError: fewer than two samples, widths that differ, values that are not finite.
    """
    x, y = as_pair(real, generated, least=2)
    k = min(k, len(x) - 1, len(y) - 1)
    real_balls, generated_balls = balls(x, k) if radii is None else radii, balls(y, k)

    held = precise = 0
    recalled, covered = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
    for rows, squares in distance_blocks(y, x):
        within_real = squares <= real_balls
        held += int(within_real.sum())
        precise += int(within_real.any(axis=1).sum())
        covered |= within_real.any(axis=0)
        recalled |= (squares <= generated_balls[rows, None]).any(axis=0)
    return {
        "precision": precise / len(y),
        "recall": float(recalled.mean()),
        "density": held / (k * len(y)),
        "coverage": float(covered.mean()),
    }


def balls(x: Features, k: int) -> Features:
    """Squared radii ``(N,)``: the distance of each point to its k-th neighbour in the set."""
    slack = 1.0 + 1e-9  # a sample on the boundary of a ball is inside, despite rounding
    radii: Features = nearest(x, x, k, same=True)[:, -1] ** 2 * slack
    return radii
