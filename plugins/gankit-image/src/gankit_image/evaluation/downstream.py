"""The downstream classifier that measures what augmentation is worth, and its mitigations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.contract import DownstreamModel, quiet
from gankit.errors import GankitError
from gankit_image.codec.image_codec import fit_codec
from gankit_image.data.images import Image
from gankit_image.data.labels import LABEL
from gankit_image.settings import ImageSettings

MOST = 6000
"""Most images in training, whose time grows with their square."""


class PixelClassifier(DownstreamModel[Image]):
    """scikit-learn's SVC on pixels in the run's format.

    Scores: accuracy, balanced accuracy, macro F1.
    """

    mitigations = ("class-weights", "oversampling", "flips-and-crops")

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings

    def scores(
        self, train: Sequence[Image], test: Sequence[Image], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
        from sklearn.svm import SVC

        labels, truth = (np.array([str(i.label) for i in items]) for items in (train, test))
        if key != LABEL or len(np.unique(labels)) < 2:
            raise GankitError(f"cannot predict {key}", "Images are classified by label")
        rng = np.random.default_rng(seed)
        codec = fit_codec(list(train), self.settings, quiet)

        def pixels(items: Sequence[Image]) -> Any:
            x = codec.encode(list(items), np.random.default_rng(0)).x
            return (codec.scaled(x).numpy() + 1) / 2

        x = pixels(train)
        # Each seed trains on another nine tenths of the images, so that scores vary; every
        # mitigation on the same ones, so that they compare.
        chosen = np.sort(rng.permutation(len(x))[: min(max(int(0.9 * len(x)), 2), MOST)])
        if mitigation == "oversampling":
            chosen = np.concatenate([chosen, chosen[oversample(labels[chosen], rng)]])
        x, labels = x[chosen], labels[chosen]
        if mitigation == "flips-and-crops":
            x, labels = np.concatenate([x, flip_and_shift(x, rng)]), np.concatenate([labels] * 2)
        weights = "balanced" if mitigation == "class-weights" else None
        model = SVC(class_weight=weights, random_state=seed).fit(x.reshape(len(x), -1), labels)
        heldout = pixels(test)
        predicted = model.predict(heldout.reshape(len(heldout), -1))
        return {
            "accuracy": float(accuracy_score(truth, predicted)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, predicted)),
            "f1": float(f1_score(truth, predicted, average="macro")),
        }


def oversample(labels: Any, rng: np.random.Generator) -> Any:
    """Indices of images to repeat until all classes are as frequent as the most frequent one."""
    classes, counts = np.unique(labels, return_counts=True)
    missing = zip(classes, counts.max() - counts, strict=True)
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), n) for c, n in missing])


def flip_and_shift(x: Any, rng: np.random.Generator) -> Any:
    """Images ``(N, C, H, W)`` flipped with probability one half and shifted by up to an eighth."""
    out = np.where(rng.random(len(x))[:, None, None, None] < 0.5, x[..., ::-1], x)
    most = max(x.shape[-1] // 8, 1)
    shifts = rng.integers(-most, most + 1, (len(x), 2))
    return np.stack(
        [np.roll(image, tuple(shift), (1, 2)) for image, shift in zip(out, shifts, strict=True)]
    )
