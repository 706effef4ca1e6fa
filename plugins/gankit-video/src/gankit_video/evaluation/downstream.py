"""The downstream classifier that measures what augmentation is worth, and its mitigations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_video.data.items import LABEL, Clip
from gankit_video.evaluation.classifier import train_classifier


class ClipModel(DownstreamModel[Clip]):
    """The small convolutional network of class agreement.

    Scores: accuracy, balanced accuracy, macro F1.
    """

    mitigations = ("oversampling", "mirror")

    def scores(
        self, train: Sequence[Clip], test: Sequence[Clip], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        labels = [str(clip.label) for clip in train]
        if key != LABEL or len(set(labels)) < 2:
            raise GankitError(f"cannot predict {key}", "Clips are classified by label")
        rng = np.random.default_rng(seed)
        # Each seed trains on another nine tenths of the clips, so that scores vary.
        chosen = np.sort(rng.permutation(len(train))[: max(int(0.9 * len(train)), 2)])
        if mitigation == "oversampling":
            classes = np.array(labels)[chosen]
            most = max((classes == name).sum() for name in set(classes))
            more = [
                rng.choice(chosen[classes == name], most - (classes == name).sum())
                for name in sorted(set(classes))
            ]
            chosen = np.concatenate([chosen, *more])
        clips = [train[int(i)] for i in chosen]
        names = [labels[int(i)] for i in chosen]
        if mitigation == "mirror":
            clips += [replace(clip, frames=clip.frames[:, :, ::-1]) for clip in clips]
            names *= 2
        predicted = train_classifier(clips, names, seed)(list(test))
        truth = np.array([str(clip.label) for clip in test])
        return {
            "accuracy": float(accuracy_score(truth, predicted)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, predicted)),
            "f1": float(f1_score(truth, predicted, average="macro")),
        }
