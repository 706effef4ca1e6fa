"""Agreement of generated images with the class they were conditioned on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.metrics import shares_by_class
from gankit_image.data.images import Image
from gankit_image.evaluation.extractors import Values, as_input

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec

Agreement = Mapping[str, tuple[Values, Values]]
"""Of generated images, ``""``, and of held-out ones, ``_real``: their classes, and whether each was
recognised."""


class ClassAgreement(Evaluator[Image]):
    """Share of generated images that a classifier of real images assigns to their condition.

    The classifier is a support-vector machine on pixels (grey images of at most 32×32) or on the
    extractor's features, trained on at most 5000 real training images. Its accuracy on held-out
    images is the ceiling. At most 2000 held-out and 2000 generated images are classified. Faithful
    images without variety score high: read it together with recall and coverage.
    """

    name = "class_agreement"
    lower_is_better: Mapping[str, bool] = {"class_agreement": False}
    meanings: Mapping[str, str] = {"class_agreement": "pictures of the requested class"}

    def __init__(self, extractor: Extractor[Image], codec: ImageCodec | None = None) -> None:
        self.extractor, self.codec = extractor, codec
        self.fingerprint, self.backbone = extractor.fingerprint, extractor.backbone
        self._last: tuple[EvaluationData[Image], Agreement | None] | None = None

    def evaluate(self, data: EvaluationData[Image], rng: np.random.Generator) -> dict[str, float]:
        """``class_agreement`` and, for held-out images, ``class_agreement_real``; both in [0, 1].

        Empty if the data has fewer than two classes or no image was conditioned on ``label``.
        """
        if (found := self._of(data, rng)) is None:
            return {}
        return {f"class_agreement{end}": float(right.mean()) for end, (_, right) in found.items()}

    def details(
        self, data: EvaluationData[Image], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """The same of each class that was requested."""
        found = self._of(data, rng)
        return [] if found is None else shares_by_class(found, "agreement")

    def _of(self, data: EvaluationData[Image], rng: np.random.Generator) -> Agreement | None:
        """The classifier is trained once for one evaluation."""
        if self._last is None or self._last[0] is not data:
            self._last = data, self._compute(data, rng)
        return self._last[1]

    def _compute(self, data: EvaluationData[Image], rng: np.random.Generator) -> Agreement | None:
        from sklearn.svm import SVC

        train = _some([i for i, x in enumerate(data.train) if x.label is not None], 5000, rng)
        heldout = _some([i for i, x in enumerate(data.heldout) if x.label is not None], 2000, rng)
        made = _some([i for i, x in enumerate(data.generated) if "label" in x.condition], 2000, rng)
        self.fingerprint = self.extractor.fingerprint  # of one that was fitted in the meantime
        labels = [str(data.train[i].label) for i in train]
        if len(set(labels)) < 2 or not heldout or not made:
            return None
        if not self.extractor.accepts(data.train[train[0]]):
            return None

        height, width, channels = data.train[train[0]].pixels.shape
        small = max(height, width) <= 32 and channels == 1

        def features(image: Callable[[int], Image], indices: Sequence[int]) -> Values:
            parts = []
            for start in range(0, len(indices), 512):
                images = [image(i) for i in indices[start : start + 512]]
                parts.append(
                    self._grey(images, max(height, width))
                    if small
                    else self.extractor.features(images)
                )
            return np.concatenate(parts)

        classifier = SVC(C=10.0).fit(features(lambda i: data.train[i], train), labels)
        generated = classifier.predict(features(lambda i: data.generated[i].item, made))
        real = classifier.predict(features(lambda i: data.heldout[i], heldout))
        requested = np.array([str(data.generated[i].condition["label"]) for i in made])
        known = np.array([str(data.heldout[i].label) for i in heldout])
        return {"": (requested, generated == requested), "_real": (known, real == known)}

    def _grey(self, images: Sequence[Image], side: int) -> Values:
        x = as_input(images, side, antialias=True, codec=self.codec)
        pixels: Values = x[:, 0].flatten(1).numpy()
        return pixels


def _some(indices: Sequence[int], limit: int, rng: np.random.Generator) -> list[int]:
    if len(indices) <= limit:
        return list(indices)
    return sorted(rng.choice(np.asarray(indices), limit, replace=False).tolist())
