"""The training items that generated samples are nearest to, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gankit.metrics._features import Features
from gankit.metrics.evaluate import Located
from gankit.metrics.neighbours import nearest

SHOWN = 8
"""Samples, the first ones, whatever they are."""
CLOSEST = 4
"""Samples that are nearest to training items."""
NEIGHBOURS = 3
"""Training items beside each."""
MOST_HELDOUT = 1000
"""Held-out items whose distances are the measure."""


@dataclass(frozen=True)
class Near:
    """A sample with the training items nearest to it."""

    sample: int
    """Its number among the generated samples."""
    items: Sequence[int]
    """Numbers of the training items, the nearest first."""
    distances: Sequence[float]
    """To each, in units of the median distance of held-out items to their nearest training item:
    1 is usual, near 0 is a copy."""


@dataclass(frozen=True)
class Neighbours:
    """Training items near samples, in the space of one extractor."""

    extractor: str
    first: Sequence[Near]
    """Of the first samples."""
    closest: Sequence[Near]
    """Of the samples that are nearest to a training item, the nearest first."""
    compared: int
    """Samples among which the closest were looked for."""


def near_items(
    extractor: str, train: Located, generated: Located, heldout: Features
) -> Neighbours | None:
    """The neighbours of the first samples, and those of the closest ones; None where there are no
    features, or held-out items repeat training items exactly.

    Args:
        heldout: features ``(L, D)`` of items that were not trained on.
    """
    if not (len(train.rows) and len(generated.rows) and len(heldout)):
        return None
    unit = float(np.median(nearest(heldout[:MOST_HELDOUT], train.rows)[:, 0]))
    if not unit:
        return None
    ascending = np.argsort(nearest(generated.rows, train.rows)[:, 0], kind="stable")

    def near(row: int) -> Near:
        distances = np.linalg.norm(train.rows - generated.rows[row], axis=1)
        order = np.argsort(distances, kind="stable")[:NEIGHBOURS]
        items = [train.numbers[i] for i in order.tolist()]
        return Near(generated.numbers[row], items, (distances[order] / unit).tolist())

    return Neighbours(
        extractor,
        [near(row) for row in range(min(SHOWN, len(generated.rows)))],
        [near(row) for row in ascending[:CLOSEST].tolist()],
        len(generated.rows),
    )
