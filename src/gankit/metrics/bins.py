"""Which parts of the data a generator neglects or favours: statistically different bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gankit.metrics._features import Features, as_pair
from gankit.metrics.neighbours import distance_blocks

PER_BIN = 10
"""Samples that a bin holds on average, at the least: fewer make no test."""
SIGNIFICANT = 1.959963984540054
"""|z| from which two proportions differ, at the 5 % level."""


def different_bins(
    train: np.ndarray[Any, Any],
    generated: np.ndarray[Any, Any],
    rng: np.random.Generator,
    *,
    k: int = 100,
) -> float:
    """Share of bins that hold significantly more, or fewer, generated samples than training ones.

    Richardson and Weiss 2018 (section 3), NDB/K: bins are the cells of k-means on the training
    set; a two-proportion z-test compares the shares of each at the 5 % level. Two equal
    distributions would give 0.05, but cells fit the samples that they were made from: read it
    compared with the same number for as many held-out samples.

    Args:
        train: features ``(N, D)``.
        generated: features ``(M, D)``.
        rng: draws the first centres.
        k: bins; lowered until the smaller set has ten samples a bin.

    Returns:
        In [0, 1]; 0 where the sets are too small for more than one bin.

    Raises:
        GankitError: an empty set, widths that differ, values that are not finite.
    """
    x, y = as_pair(train, generated)
    centres = k_means(x, max(1, min(k, len(x) // PER_BIN, len(y) // PER_BIN)), rng)
    p, q = (
        np.bincount(assigned(points, centres)[0], minlength=len(centres)) / len(points)
        for points in (x, y)
    )
    pooled = (p * len(x) + q * len(y)) / (len(x) + len(y))
    error = np.sqrt(pooled * (1 - pooled) * (1 / len(x) + 1 / len(y)))
    return float((np.abs(p - q) > SIGNIFICANT * error).mean())


def k_means(points: Features, k: int, rng: np.random.Generator, rounds: int = 20) -> Features:
    """Centres ``(k, D)`` of clusters: k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's
    rounds until nothing moves.

    Fewer centres where there are fewer distinct points.

    Args:
        points: ``(N, D)``.
        k: how many.
        rng: draws the first centres.
        rounds: at the most.
    """
    chosen = [int(rng.integers(len(points)))]
    gap = _squares(points, points[chosen])[:, 0]
    while len(chosen) < k and gap.any():
        chosen.append(int(rng.choice(len(points), p=gap / gap.sum())))
        gap = np.minimum(gap, _squares(points, points[chosen[-1:]])[:, 0])
    centres = points[chosen]

    before = None
    for _ in range(rounds):
        cell, gap = assigned(points, centres)
        if before is not None and np.array_equal(cell, before):
            break
        before = cell
        counts = np.bincount(cell, minlength=len(centres))
        order = np.argsort(cell, kind="stable")
        filled = np.flatnonzero(counts)
        starts = np.concatenate([[0], np.cumsum(counts[filled])[:-1]])
        centres[filled] = np.add.reduceat(points[order], starts) / counts[filled, None]
        if lost := np.flatnonzero(counts == 0).tolist():  # they begin anew at the farthest points
            centres[lost] = points[np.argsort(-gap, kind="stable")[: len(lost)]]
    return centres


def assigned(points: Features, centres: Features) -> tuple[npt.NDArray[np.int64], Features]:
    """The nearest centre of each point, ``(N,)``, and the squared distance to it."""
    cell, gap = np.empty(len(points), np.int64), np.empty(len(points))
    for rows, squares in distance_blocks(points, centres):
        cell[rows] = squares.argmin(axis=1)
        gap[rows] = squares.min(axis=1)
    return cell, gap


def _squares(points: Features, centres: Features) -> Features:
    found: Features = np.concatenate([s for _, s in distance_blocks(points, centres)])
    return found
