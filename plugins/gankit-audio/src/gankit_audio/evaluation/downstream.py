"""The downstream model: a small classifier, with the usual mitigations of class imbalance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.classifier import (
    Augment,
    log_mel,
    mask,
    noise_and_shift,
    train_classifier,
)
from gankit_audio.settings import AudioSettings

MOST = 3000
"""Most training clips."""
STEPS = (150, 400)
"""Fewest and most training steps."""

_AUGMENT: dict[str, Augment] = {"spec-augment": mask, "noise-and-shift": noise_and_shift}


class KeywordClassifier(DownstreamModel[Clip]):
    """A convolutional network on log-mel spectrograms, for keys with text values.

    Scores: accuracy, balanced accuracy, macro F1.
    """

    mitigations = ("class-weights", "oversampling", *_AUGMENT)

    def __init__(self, settings: AudioSettings) -> None:
        self.settings = settings

    def scores(
        self, train: Sequence[Clip], test: Sequence[Clip], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        labels, truth = _classes(train, key), _classes(test, key)
        if len(np.unique(labels)) < 2:
            raise GankitError(
                f"{key} cannot be predicted: all clips have the same value", "Choose another key"
            )
        rng = np.random.default_rng(seed)
        # Each seed has another nine tenths of the clips, for the intervals; the same ones for every
        # mitigation, for comparison.
        chosen = np.sort(rng.permutation(len(train))[: min(max(int(0.9 * len(train)), 2), MOST)])
        if len(np.unique(labels[chosen])) < 2:
            chosen = np.arange(len(train))
        x, labels = log_mel([train[int(i)] for i in chosen]), labels[chosen]
        if mitigation == "oversampling":
            more = np.concatenate([np.arange(len(labels)), *_oversampled(labels, rng)])
            x, labels = x[torch.from_numpy(more)], labels[more]
        model = train_classifier(
            x,
            labels.tolist(),
            seed,
            augment=_AUGMENT.get(mitigation),
            balanced=mitigation == "class-weights",
            steps=STEPS,
        )
        predicted = model.labels(log_mel(test))
        return {
            "accuracy": float(accuracy_score(truth, predicted)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, predicted)),
            "f1": float(f1_score(truth, predicted, average="macro")),
        }


def _classes(clips: Sequence[Clip], key: str) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The class of each clip under a key.

    Raises:
        GankitError: a clip has no value, or a number.
    """
    for clip in clips:
        if not isinstance(found := clip.values.get(key), str):
            why = "has no value" if found is None else f"has the number {found}"
            raise GankitError(
                f"{key} cannot be predicted: {clip.name or 'a clip'} {why}",
                "Choose a key with text values, such as label",
            )
    return np.array([str(clip.values[key]) for clip in clips])


def _oversampled(
    labels: np.ndarray[tuple[int], np.dtype[np.str_]], rng: np.random.Generator
) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """For each class, indices to repeat until all classes are of one size."""
    classes, counts = np.unique(labels, return_counts=True)
    short = zip(classes, counts.max() - counts, strict=True)
    return [rng.choice(np.flatnonzero(labels == c), n) for c, n in short]
