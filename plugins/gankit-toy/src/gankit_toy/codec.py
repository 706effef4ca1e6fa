"""Points as tensors: centred and scaled, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    DecodesInGraph,
    DecodingGraph,
    Layout,
)
from gankit_toy.points import Array, Point, coordinates, modes


class PointCodec(Codec[Point], DecodesInGraph):
    """Standardises each axis; conditions on the label, one-hot, if there are labels.

    Args:
        mean: of each axis, in the points' units.
        scale: standard deviation of each axis, positive.
        centres: of the modes, each ``(x, y)``; previews mark them.
        labels: what to condition on; empty for nothing.
    """

    def __init__(
        self,
        mean: Sequence[float],
        scale: Sequence[float],
        centres: Sequence[Sequence[float]],
        labels: Sequence[str],
    ) -> None:
        self.mean, self.scale = np.asarray(mean, float), np.asarray(scale, float)
        self.centres = np.asarray(centres, float).reshape(-1, 2)
        self.label = Categorical("label", tuple(labels))
        self.layout = Layout((2,), Condition((self.label,)) if labels else None)

    @classmethod
    def fit(cls, points: Sequence[Point], conditional: bool) -> PointCodec:
        xy = coordinates(points)
        deviation = xy.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        labels = sorted({str(p.label) for p in points}) if conditional else []
        return cls(xy.mean(axis=0).tolist(), scale.tolist(), list(modes(points).values()), labels)

    def encode(self, items: Sequence[Point], rng: np.random.Generator) -> Batch:
        x = torch.from_numpy(((coordinates(items) - self.mean) / self.scale).astype(np.float32))
        if self.layout.condition is None:
            return Batch(x)
        return Batch(x, torch.tensor([self.label.encode(p.label) for p in items]))

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Point]:
        xy = (batch.x.double().numpy() * self.scale + self.mean).tolist()
        if batch.c is None:
            return [Point(x, y) for x, y in xy]
        labels = [self.label.decode(row) for row in batch.c.tolist()]
        return [Point(x, y, label) for (x, y), label in zip(xy, labels, strict=True)]

    def decoding_graph(self) -> DecodingGraph:
        return DecodingGraph(
            InUnits(self.mean, self.scale),
            {"points": "(N, 2) float32: x and y, in the data's units"},
        )

    def state(self) -> CodecState:
        return CodecState(
            {
                "mean": self.mean.tolist(),
                "scale": self.scale.tolist(),
                "centres": self.centres.tolist(),
                "labels": list(self.label.values),
            }
        )


class InUnits(nn.Module):
    """``x (N, 2)`` in standard deviations to the points' units."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Array, scale: Array) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean).float(), persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale).float(), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        return x * self.scale + self.mean
