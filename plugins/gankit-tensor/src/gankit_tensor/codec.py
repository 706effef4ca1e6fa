"""Arrays as tensors: each number standardised, and back to the data's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Continuous,
    DecodesInGraph,
    DecodingGraph,
    Layout,
)
from gankit_tensor.item import Array, Item, stacked
from gankit_tensor.sources import LABEL


class TensorCodec(Codec[Item], DecodesInGraph):
    """Standardises each number of an item.

    Args:
        mean, scale: float64 of an item's shape; the scale is positive.
        dtype: of the data; whole numbers are rounded to it.
        condition: what items are conditioned on; None for nothing.
    """

    decode_batch_size = 256

    def __init__(self, mean: Array, scale: Array, dtype: str, condition: Condition | None) -> None:
        self.mean, self.scale, self.dtype = mean, scale, np.dtype(dtype)
        self.layout = Layout(tuple(mean.shape), condition)

    @classmethod
    def fit(cls, items: Sequence[Item], standardise: bool) -> TensorCodec:
        x = stacked([items[i] for i in range(len(items))])
        values = x.astype(np.float64)
        mean, deviation = values.mean(0), values.std(0)
        if not standardise:
            mean, deviation = np.zeros_like(mean), np.ones_like(deviation)
        return cls(mean, np.where(deviation > 0, deviation, 1.0), str(x.dtype), _condition(items))

    @classmethod
    def load(cls, state: CodecState) -> TensorCodec:
        fields: list[Categorical | Continuous] = [
            Categorical(LABEL, tuple(values)) for values in state.config["labels"]
        ]
        fields += [Continuous(*given) for given in state.config["numbers"]]
        mean, scale = (state.tensors[name].double().numpy() for name in ("mean", "scale"))
        return cls(mean, scale, state.config["dtype"], Condition(tuple(fields)) if fields else None)

    def encode(self, items: Sequence[Item], rng: np.random.Generator) -> Batch:
        x = (stacked(items).astype(np.float64) - self.mean) / self.scale
        tensor = torch.from_numpy(x.astype(np.float32))
        if self.layout.condition is None:
            return Batch(tensor)
        return Batch(tensor, torch.tensor([self.layout.condition.encode(i.c) for i in items]))

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Item]:
        x = batch.x.double().numpy() * self.scale + self.mean
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            x = np.clip(np.rint(x), limits.min, limits.max)
        condition, c = self.layout.condition, batch.c
        values: list[dict[str, Any]] = [{} for _ in x]
        if condition is not None and c is not None:
            values = [condition.decode(row) for row in c.tolist()]
        return [Item(one, v) for one, v in zip(x.astype(self.dtype), values, strict=True)]

    def decoding_graph(self) -> DecodingGraph:
        shape = ", ".join(["N", *map(str, self.mean.shape)])
        module = InUnits(self.mean, self.scale, self.dtype)
        numbers = str(module.numbers).removeprefix("torch.")
        return DecodingGraph(module, {"values": f"({shape}) {numbers}: in the data's units"})

    def state(self) -> CodecState:
        fields = self.layout.condition.fields if self.layout.condition else ()
        return CodecState(
            {
                "dtype": str(self.dtype),
                "labels": [list(f.values) for f in fields if isinstance(f, Categorical)],
                "numbers": [[f.name, f.mean, f.scale] for f in fields if isinstance(f, Continuous)],
            },
            {"mean": torch.from_numpy(self.mean), "scale": torch.from_numpy(self.scale)},
        )


class InUnits(nn.Module):
    """Standardised numbers in the data's units; whole ones are rounded, and int64."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Array, scale: Array, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean), persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale), persistent=False)
        whole = dtype.kind in "iu"
        self.limits = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else None
        wide = torch.float64 if dtype == np.float64 else torch.float32
        self.numbers = torch.int64 if whole else wide

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        values = x.double() * self.scale.double() + self.mean.double()
        if self.limits is not None:
            values = values.round().clamp(*self.limits)
        return values.to(self.numbers)


def _condition(items: Sequence[Item]) -> Condition | None:
    """What the items are conditioned on, from their values."""
    every = [items[i].c for i in range(len(items))]
    fields: list[Categorical | Continuous] = []
    for name in every[0]:
        values = [c[name] for c in every]
        if name == LABEL:
            fields.append(Categorical(name, tuple(sorted(map(str, set(values)), key=_natural))))
        else:
            numbers = np.asarray(values, np.float64)
            scale = float(numbers.std())
            fields.append(Continuous(name, float(numbers.mean()), scale if scale > 0 else 1.0))
    return Condition(tuple(fields)) if fields else None


def _natural(label: str) -> tuple[int, str]:
    """Labels that are whole numbers are ordered as such."""
    return (int(label), label) if label.isdecimal() else (1 << 62, label)
