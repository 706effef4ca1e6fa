"""A small keyword classifier, and the usual remedies for a class with few recordings."""

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
"""Clips that are trained on at the most."""
STEPS = (150, 400)
"""Steps of training, at the least and at the most."""

_AUGMENT: dict[str, Augment] = {"spec-augment": mask, "noise-and-shift": noise_and_shift}


class KeywordClassifier(DownstreamModel[Clip]):
    """A convolutional network on log-mel spectrograms, for a key whose values are texts.

    Scores: accuracy, accuracy balanced over classes, macro F1.
    """

    mitigations = ("class-weights", "oversampling", *_AUGMENT)

    def __init__(self, settings: AudioSettings) -> None:
        self.settings = settings

    def scores(
        self, train: Sequence[Clip], test: Sequence[Clip], key: str, remedy: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        labels, truth = _classes(train, key), _classes(test, key)
        if len(np.unique(labels)) < 2:
            raise GankitError(
                f"{key} cannot be predicted: all clips have the same", "Choose another key"
            )
        rng = np.random.default_rng(seed)
        # Another nine tenths of the clips for each seed, so that the intervals mean something;
        # the same for every remedy, so that they compare.
        chosen = np.sort(rng.permutation(len(train))[: min(max(int(0.9 * len(train)), 2), MOST)])
        if len(np.unique(labels[chosen])) < 2:
            chosen = np.arange(len(train))
        x, labels = log_mel([train[int(i)] for i in chosen]), labels[chosen]
        if remedy == "oversampling":
            more = np.concatenate([np.arange(len(labels)), *_level(labels, rng)])
            x, labels = x[torch.from_numpy(more)], labels[more]
        model = train_classifier(
            x,
            labels.tolist(),
            seed,
            augment=_AUGMENT.get(remedy),
            balanced=remedy == "class-weights",
            steps=STEPS,
        )
        guess = model.labels(log_mel(test))
        return {
            "accuracy": float(accuracy_score(truth, guess)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, guess)),
            "f1": float(f1_score(truth, guess, average="macro")),
        }


def _classes(clips: Sequence[Clip], key: str) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Each clip's class under a key.

    Raises:
        GankitError: a clip has none, or a quantity.
    """
    for clip in clips:
        if not isinstance(found := clip.values.get(key), str):
            why = "has none" if found is None else f"has the number {found}"
            raise GankitError(
                f"{key} cannot be predicted: {clip.name or 'a clip'} {why}",
                "Choose a key whose values are texts, such as label",
            )
    return np.array([str(clip.values[key]) for clip in clips])


def _level(
    labels: np.ndarray[tuple[int], np.dtype[np.str_]], rng: np.random.Generator
) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Further places of each rarer class, until all classes have as many."""
    classes, counts = np.unique(labels, return_counts=True)
    short = zip(classes, counts.max() - counts, strict=True)
    return [rng.choice(np.flatnonzero(labels == c), n) for c, n in short]
