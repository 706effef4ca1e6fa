"""Whether a generator repeats its training data: generated samples against held-out ones.

A sample is suspicious only if it is nearer to the training data than unseen real data is, so
every number compares the nearest-training distances of both. They warn of copying; that nothing is
copied, distances cannot certify. Samples without detail are near everything and can raise a false
alarm, but in ``copies`` hardly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_pair
from gankit.metrics.neighbours import nearest


def memorisation_scores(
    train: np.ndarray[Any, Any], generated: np.ndarray[Any, Any], heldout: np.ndarray[Any, Any]
) -> dict[str, float]:
    """Nearest-training distances of generated samples, relative to those of held-out ones.

    - ``nearest_train_ratio``: median distance of generated samples divided by that of held-out
      ones.
      1 is ideal, near 0 is memorisation, above 1 is off the data.
    - ``copies``: share of generated samples at most as far from a training sample as the nearest
      1 % of held-out ones. 0.01 is ideal.
    - ``closer_to_train``: probability that a generated sample is nearer to the training data than
      a held-out one, ties counted half. 0.5 is ideal, 1 is memorisation.
    - ``data_copying_z``: the same as a z-score of the Mann-Whitney test, C_T of Meehan et al. 2020
      (section 3, the whole space as one cell). Below -3 is significant copying, far above 3
      underfitting; grows with the number of samples.

    Args:
        train: features ``(N, D)`` of what the generator was trained on.
        generated: features ``(M, D)``.
        heldout: features ``(L, D)`` of real data that training never saw.

    Raises:
        GankitError: an empty set, widths that differ, values that are not finite.
    """
    return memorisation_of(Distances.of(train, generated, heldout))


@dataclass(frozen=True)
class Distances:
    """To the nearest training item."""

    generated: Features
    """``(M,)``"""
    heldout: Features
    """``(L,)``"""

    @classmethod
    def of(
        cls,
        train: np.ndarray[Any, Any],
        generated: np.ndarray[Any, Any],
        heldout: np.ndarray[Any, Any],
    ) -> Distances:
        """Those of features, as for :func:`memorisation_scores`."""
        return cls(to_nearest(train, generated), to_nearest(train, heldout))


def to_nearest(train: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> Features:
    """Distances ``(N,)`` of features to the nearest of the training items'."""
    points, queries = as_pair(train, rows)
    return nearest(queries, points)[:, 0]


def memorisation_of(distances: Distances) -> dict[str, float]:
    """The scores of :func:`memorisation_scores` from distances."""
    d_made, d_unseen = distances.generated, distances.heldout
    typical = float(np.median(d_unseen))
    # Where real data repeats itself the threshold is 0: leave room for an extractor's rounding.
    threshold = float(np.quantile(d_unseen, 0.01, method="lower")) + 1e-6 * typical
    closer = closer_probability(d_made, d_unseen)
    m, n = len(d_made), len(d_unseen)
    return {
        "nearest_train_ratio": _ratio(float(np.median(d_made)), typical),
        "copies": float((d_made <= threshold).mean()),
        "closer_to_train": closer,
        "data_copying_z": (0.5 - closer) * float(np.sqrt(12.0 * m * n / (m + n + 1))),
    }


def closer_probability(a: Features, b: Features) -> float:
    """``P(a < b) + P(a = b) / 2`` over all pairs: the Mann-Whitney U as an area under the curve."""
    ordered = np.sort(a)
    below = np.searchsorted(ordered, b, side="left") + np.searchsorted(ordered, b, side="right")
    return float(below.mean() / (2 * len(a)))


def _ratio(a: float, b: float) -> float:
    if b > 0.0:
        return a / b
    return 1.0 if a == 0.0 else float("inf")
