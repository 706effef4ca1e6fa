"""How much scores would change with other samples of the same generator: a grouped jackknife.

The generated samples are divided into groups at random, and a score is computed without each group
in turn; its standard error is that of the delete-a-group jackknife (Shao and Tu 1995, section 2.3).
A bootstrap would draw samples twice, which moves Fréchet distances and neighbours' balls away from
their value; leaving samples out does not. Features, neighbours and the real side are computed once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.metrics._features import Features
from gankit.metrics.frechet import GaussianStats
from gankit.metrics.memorisation import Distances, memorisation_of
from gankit.metrics.neighbours import distance_blocks

GROUPS = 20
"""Resamples, each without one group."""
LEVEL, T_QUANTILE = 0.95, 2.093
"""Of the interval, and Student's t at 0.975 with ``GROUPS - 1`` degrees of freedom."""
METHOD = f"delete-a-group jackknife over the generated samples, {GROUPS} resamples"

Values = np.ndarray[Any, Any]
LeftOut = Mapping[str, Values]
"""By the name of a score: its values ``(GROUPS,)`` without each group."""


@dataclass(frozen=True)
class Spread:
    """A score's standard error and interval."""

    error: float
    interval: tuple[float, float]


def groups_of(count: int, rng: np.random.Generator) -> Values | None:
    """The group of each of ``count`` samples; None for too few of them."""
    return None if count < 2 * GROUPS else rng.permutation(count) % GROUPS


def spreads(values: Mapping[str, float], without: LeftOut) -> dict[str, Spread]:
    """The spread of each score that resamples have.

    Args:
        values: the scores of all samples.
        without: the same without each group.
    """
    found = {}
    for name, left in without.items():
        finite = np.isfinite(left).all()
        error = math.sqrt((GROUPS - 1) * float(np.var(left))) if finite else math.nan
        if name in values and math.isfinite(error) and error > 0:  # of none or all, nothing varies
            value, half = values[name], T_QUANTILE * error
            low, high = BOUNDS.get(name, (-math.inf, math.inf))
            found[name] = Spread(error, (max(value - half, low), min(value + half, high)))
    return found


BOUNDS = {
    "frechet": (0.0, math.inf),
    "density": (0.0, math.inf),
    "nearest_train_ratio": (0.0, math.inf),
    **dict.fromkeys(("precision", "coverage", "copies", "closer_to_train"), (0.0, 1.0)),
}
"""What a score can be."""


def frechet_without(stats: GaussianStats, generated: Features, groups: Values) -> LeftOut:
    """Fréchet distances to real statistics without each group.

    With ``C₁ = AAᵀ`` the trace of the root of ``C₁C₂`` is the sum of the singular values of
    ``(Y - m)A / √(n - 1)``: the roots of the eigenvalues of its Gram matrix, the smaller one.
    """
    total, projected = float(np.trace(stats.covariance)), generated @ stats.root
    distances = []
    for group in range(GROUPS):
        kept = groups != group
        y, p = generated[kept], projected[kept]
        n, mean = len(y), y.mean(axis=0)
        p = (p - p.mean(axis=0)) / math.sqrt(n - 1)
        gram = p @ p.T if len(p) < p.shape[1] else p.T @ p
        overlap = np.sqrt(np.linalg.eigvalsh(gram).clip(0)).sum()
        gap = stats.mean - mean
        spread = total + float(y.var(axis=0, ddof=1).sum()) - 2 * overlap
        distances.append(max(0.0, float(gap @ gap + spread)))
    return {"frechet": np.array(distances)}


def manifold_without(
    real: Features, generated: Features, groups: Values, k: int, radii: Features
) -> LeftOut:
    """Precision, density and coverage without each group. Recall has none: its balls are those of
    the generated samples, and change with them.

    Args:
        k: neighbours.
        radii: the balls of the real samples for this k.
    """
    held, within = np.zeros(len(generated)), np.zeros((GROUPS, len(real)), dtype=np.int64)
    for rows, squares in distance_blocks(generated, real):
        inside = squares <= radii
        held[rows] = inside.sum(axis=1)
        np.add.at(within, groups[rows], inside)
    sizes = np.bincount(groups, minlength=GROUPS)
    left = len(generated) - sizes

    def kept(values: Values) -> Values:
        found: Values = (values.sum() - np.bincount(groups, values, minlength=GROUPS)) / left
        return found

    return {
        "precision": kept((held > 0).astype(float)),
        "density": kept(held) / k,
        "coverage": ((within.sum(axis=0) - within) > 0).mean(axis=1),
    }


def memorisation_without(distances: Distances, groups: Values) -> LeftOut:
    """The scores of memorisation without each group."""
    found = [
        memorisation_of(Distances(distances.generated[groups != group], distances.heldout))
        for group in range(GROUPS)
    ]
    return {name: np.array([one[name] for one in found]) for name in found[0]}
