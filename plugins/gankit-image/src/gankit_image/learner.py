"""A support-vector classifier of pixels, and the usual remedies for a class with few images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_image.codec import LABEL, fit_codec
from gankit_image.items import Image
from gankit_image.settings import ImageSettings

MOST = 6000
"""Images that are trained on at the most: the time grows with their square."""


class PixelClassifier(DownstreamModel[Image]):
    """scikit-learn's SVC on the pixels that the networks see.

    Scores: accuracy, accuracy balanced over classes, macro F1.
    """

    mitigations = ("class-weights", "oversampling", "flips-and-crops")

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings

    def scores(
        self, train: Sequence[Image], test: Sequence[Image], key: str, remedy: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
        from sklearn.svm import SVC

        labels, truth = (np.array([str(i.label) for i in items]) for items in (train, test))
        if key != LABEL or len(np.unique(labels)) < 2:
            raise GankitError(f"{key} cannot be predicted", "Images are told apart by their label")
        rng = np.random.default_rng(seed)
        codec = fit_codec(list(train), self.settings, lambda *_: None)

        def pixels(items: Sequence[Image]) -> Any:
            return codec.encode(list(items), np.random.default_rng(0)).x.numpy() / 255.0

        x = pixels(train)
        # Another nine tenths of the images for each seed, so that the intervals mean something;
        # the same for every remedy, so that they compare.
        chosen = np.sort(rng.permutation(len(x))[: min(max(int(0.9 * len(x)), 2), MOST)])
        if remedy == "oversampling":
            chosen = np.concatenate(
                [chosen, *(chosen[more] for more in level(labels[chosen], rng))]
            )
        x, labels = x[chosen], labels[chosen]
        if remedy == "flips-and-crops":
            x, labels = np.concatenate([x, moved(x, rng)]), np.concatenate([labels, labels])
        weights = "balanced" if remedy == "class-weights" else None
        model = SVC(class_weight=weights, random_state=seed).fit(x.reshape(len(x), -1), labels)
        held = pixels(test)
        guess = model.predict(held.reshape(len(held), -1))
        return {
            "accuracy": float(accuracy_score(truth, guess)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, guess)),
            "f1": float(f1_score(truth, guess, average="macro")),
        }


def level(labels: Any, rng: np.random.Generator) -> list[Any]:
    """Further places of each rarer class, until all classes have as many."""
    classes, counts = np.unique(labels, return_counts=True)
    short = zip(classes, counts.max() - counts, strict=True)
    return [rng.choice(np.flatnonzero(labels == c), n) for c, n in short]


def moved(x: Any, rng: np.random.Generator) -> Any:
    """Mirrored with probability one half, and shifted by up to an eighth; ``(N, C, H, W)``."""
    out = np.where(rng.random(len(x))[:, None, None, None] < 0.5, x[..., ::-1], x)
    most = max(x.shape[-1] // 8, 1)
    shifts = rng.integers(-most, most + 1, (len(x), 2))
    return np.stack(
        [np.roll(image, tuple(shift), (1, 2)) for image, shift in zip(out, shifts, strict=True)]
    )
