"""Scores: features for the core's distances, and coverage of the modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.metrics.modes import mode_scores
from gankit_toy.points import Array, Point, coordinates, modes

SIGMAS = 3.0
"""Points within this distance of a centre have high quality (Srivastava et al. 2017, 4.1)."""


class Coordinates(Extractor[Point]):
    """The points themselves are the features."""

    name = "coordinates"
    fingerprint = "identity"

    def features(self, items: Sequence[Point]) -> Array:
        return coordinates(items)


class Modes(Evaluator[Point]):
    """Coverage of the modes, which are the labels of the training points.

    - ``high_quality``: share of points within ``SIGMAS`` standard deviations of their nearest
      centre, each axis in units of the modes' mean spread.
    - ``modes``: number of modes with at least one such point.
    - ``reverse_kl``: KL(generated || real) of the histograms of those points, in nats.

    ``<name>_real`` is the score of held-out points. There are no scores if the training points
    have no modes, and no divergence if no point has high quality.
    """

    name = "modes"
    meanings: Mapping[str, str] = {
        "high_quality": "share of points near the centre of a mode",
        "modes": "number of modes with such a point",
        "reverse_kl": "how unlike the data those points are spread over the modes: 0 is ideal",
    }

    def evaluate(self, data: EvaluationData[Point], rng: np.random.Generator) -> dict[str, float]:
        labelled = [p for p in data.train if p.label is not None]
        found = modes(labelled)
        if not found:
            return {}
        centres = np.array(list(found.values()))
        number = {label: i for i, label in enumerate(found)}
        own = np.array([number[str(p.label)] for p in labelled])
        spread = (coordinates(labelled) - centres[own]).std(axis=0) + 1e-12
        weights = np.bincount(own)

        def scores(points: Sequence[Point]) -> dict[str, float]:
            offsets = (coordinates(points)[:, None] - centres) / spread
            distances = np.linalg.norm(offsets, axis=2)
            good = distances.min(axis=1) < SIGMAS
            if not good.any():
                return {"high_quality": 0.0, "modes": 0.0}
            nearest = np.where(good, distances.argmin(axis=1), -1)
            shares = mode_scores(nearest, len(centres), weights)
            return {"high_quality": float(good.mean()), **shares}

        real = {f"{name}_real": v for name, v in scores(list(data.heldout)).items()}
        return scores([sample.item for sample in data.generated]) | real
