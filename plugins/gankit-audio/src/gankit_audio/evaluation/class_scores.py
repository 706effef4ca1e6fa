"""Scores of a classifier trained on the classes of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from gankit.contract import EvaluationData, Evaluator
from gankit.metrics import (
    GaussianStats,
    frechet_distance,
    memorisation_scores,
    shares_by_class,
)
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.classifier import log_mel, mask_and_shift, train_classifier
from gankit_audio.evaluation.selection import (
    Scores,
    Selection,
    Values,
    class_key,
    classes_of,
    enough,
)

STEPS = (150, 800)
"""Fewest and most training steps of the classifier."""


@dataclass(frozen=True)
class Found:
    """What the classifier finds."""

    scores: Scores
    agreement: Mapping[str, tuple[Values, Values]]
    """As :func:`gankit.metrics.shares_by_class` takes it."""


class SoundClassifier(Evaluator[Clip]):
    """Scores of a classifier that is trained on the classes of the data at each evaluation.

    - ``class_accuracy``: share of generated clips that it assigns to the requested class;
    - ``classifier_score``: the exponential of the mean KL divergence of a clip's class
      probabilities from their mean (the inception score of Salimans et al. 2016, with this
      classifier): from 1 to the number of classes;
    - ``frechet/own-classifier``: the Fréchet distance to training clips in its features;
    - ``closer_to_train/own-classifier`` and ``copies/own-classifier``: memorisation in them.

    Each data set has a classifier of its own: scores are comparable within one data set only.
    """

    name = "own-classifier"
    fingerprint = "1"
    """Of network and training; the weights follow from data and seed."""
    lower_is_better: Mapping[str, bool] = {
        "class_accuracy": False,
        "classifier_score": False,
        "frechet/own-classifier": True,
        "copies/own-classifier": True,
    }
    meanings: Mapping[str, str] = {
        "class_accuracy": "sounds of the requested class",
        "classifier_score": "clear and varied classes, from 1 to the number of classes",
        "frechet/own-classifier": "distance to training clips in the features of the classifier",
    }

    def __init__(self) -> None:
        self._last: tuple[EvaluationData[Clip], Found] | None = None

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """Empty if the training clips have fewer than two classes."""
        return self._of(data, rng).scores

    def details(
        self, data: EvaluationData[Clip], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """The accuracy of each class that was requested."""
        found = self._of(data, rng).agreement
        return shares_by_class(found, "accuracy") if "" in found else []

    def _of(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Found:
        """The classifier is trained once for one evaluation."""
        if self._last is None or self._last[0] is not data:
            self._last = data, self._compute(data, rng)
        return self._last[1]

    def _compute(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Found:
        if not enough(data):
            return Found({}, {})
        key = class_key(data)
        chosen = Selection(data, rng)
        labels = classes_of(data.train, chosen.train, key)
        chosen.train = [i for i, c in zip(chosen.train, labels, strict=True) if c is not None]
        classes = [c for c in labels if c is not None]
        if len(set(classes)) < 2:
            return Found({}, {})
        train, made, heldout = (
            torch.from_numpy(x) for x in chosen.of(lambda clips: log_mel(clips).numpy())
        )
        seed = int(rng.integers(2**31))
        classifier = train_classifier(train, classes, seed, augment=mask_and_shift, steps=STEPS)
        (_, seen), (p, features), (p_real, unseen) = map(classifier, (train, made, heldout))
        n = min(len(p), len(p_real))
        scores = {
            "classifier_score": classifier_score(p[rng.permutation(len(p))[:n]]),
            "classifier_score_real": classifier_score(p_real[rng.permutation(len(p_real))[:n]]),
        }
        whole = GaussianStats.of(seen)
        for end, found in (("", features), ("_real", unseen)):
            some = found[rng.permutation(len(found))[:n]]
            distance = frechet_distance(whole, GaussianStats.of(some))
            copying = memorisation_scores(seen, some, unseen)
            scores[f"frechet/own-classifier{end}"] = distance
            for metric in ("closer_to_train", "copies"):
                scores[f"{metric}/own-classifier{end}"] = copying[metric]
        names = np.array(classifier.names)
        agreement: dict[str, tuple[Values, Values]] = {}
        for end, probabilities, requested in (
            ("", p, chosen.requested(key)),
            ("_real", p_real, classes_of(data.heldout, chosen.heldout, key)),
        ):
            known = [i for i, c in enumerate(requested) if c is not None]
            if known and (not end or "" in agreement):
                wanted = np.array([str(requested[i]) for i in known])
                agreement[end] = wanted, names[probabilities[known].argmax(1)] == wanted
                scores[f"class_accuracy{end}"] = float(agreement[end][1].mean())
        return Found(scores, agreement)


def classifier_score(probabilities: Values) -> float:
    """``exp(mean KL(p(y|x) ‖ p(y)))`` of class probabilities ``(N, classes)``: from 1, if all
    clips look alike, to the number of classes, if they are recognised with certainty and evenly
    distributed."""
    p = np.clip(probabilities, 1e-12, 1.0)
    return float(np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean()))
