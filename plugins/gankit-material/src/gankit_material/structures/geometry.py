"""Distances in periodic cells."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

REACH = 4.2
"""Å up to which pairs of atoms are listed; further for cells whose atoms are further apart."""
MOST_IMAGES = 40_000
"""Images of the cell's atoms that are compared."""


def images(lattice: Array, reach: float) -> Array:
    """The translations ``(M, 3)``, fractional, within which atoms of a cell may be closer than
    ``reach``."""
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    most = [math.ceil(reach / h) for h in heights]
    axes = [np.arange(-n, n + 1) for n in most]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(float)


def pairs(
    lattice: Array, positions: Array, reach: float = REACH
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    """Pairs of atoms, each in both directions: first, second and distance ``(P,)``.

    ``reach`` grows until every atom has a neighbour.
    """
    while True:
        first, second, distance = _pairs(lattice, positions, reach)
        if len(np.unique(first)) == len(positions):
            return first, second, distance
        reach *= 1.4


def _pairs(
    lattice: Array, positions: Array, reach: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    shifts = images(lattice, reach) @ lattice
    cartesian = positions @ lattice
    firsts, seconds, distances = [], [], []
    for i, here in enumerate(cartesian):
        there = cartesian[:, None, :] + shifts[None] - here
        squared = np.einsum("nmk,nmk->nm", there, there)
        j, _ = found = np.nonzero((squared <= reach * reach) & (squared > 1e-6))
        firsts.append(np.full(len(j), i))
        seconds.append(j)
        distances.append(np.sqrt(squared[found]))
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(distances)


def shortest(lattice: Array, positions: Array, most: int = 500) -> float:
    """The shortest distance between two atoms, images of one included, in Å; 0 where two atoms
    share a place.

    Args:
        most: atoms that are compared with all others.
    """
    n = len(positions)
    shifts = images(lattice, REACH) @ lattice
    if n * len(shifts) > MOST_IMAGES:
        around = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)])
        shifts = around.astype(float) @ lattice
    cartesian = (positions % 1) @ lattice
    least = math.inf
    for i in range(min(n, most)):
        there = cartesian[:, None, :] + shifts[None] - cartesian[i]
        squared = np.einsum("nmk,nmk->nm", there, there)
        squared[i, (shifts**2).sum(1) < 1e-9] = np.inf
        least = min(least, float(squared.min()))
    return math.sqrt(max(least, 0.0))
