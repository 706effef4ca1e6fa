"""Exact nearest neighbours in blocks: the one routine behind manifold and memorisation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gankit.metrics._features import Features

BLOCK_BYTES = 64 * 2**20
"""The size that a block, of distances or of features, may have."""


def distance_blocks(queries: Features, points: Features) -> Iterator[tuple[slice, Features]]:
    """Squared Euclidean distances ``(block, M)`` of successive blocks of the queries to all points.

    By ``|a|² + |b|² - 2a·b`` about the points' mean, which keeps cancellation small.
    """
    centre = points.mean(axis=0)
    points = points - centre
    norms = np.einsum("md,md->m", points, points)
    block = max(1, BLOCK_BYTES // (8 * max(points.shape)))
    for start in range(0, len(queries), block):
        rows = slice(start, start + block)
        q = queries[rows] - centre
        squares = np.einsum("nd,nd->n", q, q)[:, None] + norms - 2.0 * (q @ points.T)
        yield rows, np.maximum(squares, 0.0, out=squares)


def nearest(queries: Features, points: Features, k: int = 1, *, same: bool = False) -> Features:
    """Distances ``(N, k)`` from each query to its k nearest points, ascending.

    Args:
        queries: ``(N, D)``.
        points: ``(M, D)``.
        k: how many; at most M, or M - 1 with ``same``.
        same: the queries are the points themselves: a point is no neighbour of its own.
    """
    found: Features = np.empty((len(queries), k))
    for rows, squares in distance_blocks(queries, points):
        if same:
            own = np.arange(rows.start, rows.start + len(squares))
            squares[np.arange(len(squares)), own] = np.inf
        if k == 1:  # several times as fast
            chosen = squares.argmin(axis=1)[:, None]
        else:
            chosen = np.argpartition(squares, k - 1, axis=1)[:, :k]
        for j in range(k):  # anew, by subtraction: copies are at distance 0, not at rounding's
            found[rows, j] = np.linalg.norm(queries[rows] - points[chosen[:, j]], axis=1)
    found.sort(axis=1)
    return found
