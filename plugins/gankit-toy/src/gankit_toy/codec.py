"""Points as tensors: centred and scaled, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from gankit.contract import Batch, Classes, Codec, CodecState, Condition, Layout
from gankit_toy.points import Point, coordinates, label_means


class PointCodec(Codec[Point]):
    """Standardises each axis; conditions on the label, one-hot, where asked.

    Args:
        mean: of each axis, in the points' units.
        scale: standard deviation of each axis, positive.
        modes: the mean ``(x, y)`` of each label's points.
        conditional: whether the label becomes a condition.
    """

    def __init__(
        self,
        mean: Sequence[float],
        scale: Sequence[float],
        modes: Mapping[str, Sequence[float]],
        conditional: bool,
    ) -> None:
        self.mean, self.scale = np.asarray(mean), np.asarray(scale)
        self.modes, self.conditional = dict(modes), conditional
        self.labels = Classes("label", tuple(self.modes))
        self.layout = Layout((2,), Condition((self.labels,)) if conditional else None)

    @classmethod
    def fit(cls, points: Sequence[Point], conditional: bool) -> PointCodec:
        xy = coordinates(points)
        deviation = xy.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return cls(xy.mean(axis=0).tolist(), scale.tolist(), label_means(points), conditional)

    def encode(self, items: Sequence[Point], rng: np.random.Generator) -> Batch:
        x = torch.from_numpy(((coordinates(items) - self.mean) / self.scale).astype(np.float32))
        if not self.conditional:
            return Batch(x)
        return Batch(x, torch.tensor([self.labels.encode(p.label) for p in items]))

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Point]:
        xy = (batch.x.double().numpy() * self.scale + self.mean).tolist()
        if batch.c is None:
            return [Point(x, y) for x, y in xy]
        labels = [self.labels.decode(row) for row in batch.c.tolist()]
        return [Point(x, y, label) for (x, y), label in zip(xy, labels, strict=True)]

    def state(self) -> CodecState:
        return CodecState(
            {
                "mean": self.mean.tolist(),
                "scale": self.scale.tolist(),
                "modes": self.modes,
                "conditional": self.conditional,
            }
        )
