"""Agreement of generated clips with the class they were conditioned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit.metrics import shares_by_class
from gankit_video.data.items import LABEL, Clip, Values
from gankit_video.evaluation.classifier import RECIPE, train_classifier

Agreement = Mapping[str, tuple[Values, Values]]
"""Of generated clips, ``""``, and of held-out ones, ``_real``: their classes, and whether each was
recognised."""
MOST = 2000
"""Clips of each kind that are classified."""


class ClassAgreement(Evaluator[Clip]):
    """Share of generated clips that a classifier of real clips assigns to their condition.

    The classifier is a small convolutional network over frames and their differences, trained on
    at most 2000 training clips. Its accuracy on held-out clips is the ceiling. Faithful clips
    without variety score high: read it together with recall and coverage.
    """

    name = "class_agreement"
    fingerprint = RECIPE
    lower_is_better: Mapping[str, bool] = {"class_agreement": False}
    meanings: Mapping[str, str] = {"class_agreement": "clips of the requested class"}

    def __init__(self) -> None:
        self._last: tuple[EvaluationData[Clip], Agreement | None] | None = None

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> dict[str, float]:
        """``class_agreement`` and, for held-out clips, ``class_agreement_real``; both in [0, 1].

        Empty if the data has fewer than two classes or no clip was conditioned on ``label``.
        """
        if (found := self._of(data, rng)) is None:
            return {}
        return {f"class_agreement{end}": float(right.mean()) for end, (_, right) in found.items()}

    def details(
        self, data: EvaluationData[Clip], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """The same of each class that was requested."""
        found = self._of(data, rng)
        return [] if found is None else shares_by_class(found, "agreement")

    def _of(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Agreement | None:
        """The classifier is trained once for one evaluation."""
        if self._last is None or self._last[0] is not data:
            self._last = data, _agreement(data, rng)
        return self._last[1]


def _agreement(data: EvaluationData[Clip], rng: np.random.Generator) -> Agreement | None:
    train = _some([i for i, x in enumerate(data.train) if x.label is not None], rng)
    heldout = _some([i for i, x in enumerate(data.heldout) if x.label is not None], rng)
    made = _some([i for i, x in enumerate(data.generated) if LABEL in x.condition], rng)
    known = [data.train[i] for i in train]
    if len({clip.label for clip in known}) < 2 or not heldout or not made:
        return None
    predict = train_classifier(known, [str(clip.label) for clip in known], seed=0)
    of_made = predict([data.generated[i].item for i in made])
    of_real = predict([data.heldout[i] for i in heldout])
    requested = np.array([str(data.generated[i].condition[LABEL]) for i in made])
    real = np.array([str(data.heldout[i].label) for i in heldout])
    return {"": (requested, of_made == requested), "_real": (real, of_real == real)}


def _some(indices: Sequence[int], rng: np.random.Generator) -> list[int]:
    if len(indices) <= MOST:
        return list(indices)
    return sorted(rng.choice(np.asarray(indices), MOST, replace=False).tolist())
