"""A modality small enough for the engine's tests: numbers in, numbers out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
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
    Dataset,
    Fitting,
    Layout,
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
)


class VectorCodec(Codec[tuple[float, int]]):
    """Items are (number, class); x is the number twice."""

    def __init__(self) -> None:
        self.layout = Layout((2,), Condition((Categorical("kind", ("a", "b", "c")),)))

    def encode(self, items: Sequence[tuple[float, int]], rng: np.random.Generator) -> Batch:
        x = torch.tensor([[v, v] for v, _ in items], dtype=torch.float32)
        return Batch(x, torch.eye(3)[[k for _, k in items]])

    def prepare(self, batch: Batch) -> Batch:
        return Batch(batch.x + 0.01 * torch.randn_like(batch.x), batch.c)

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[tuple[float, int]]:
        assert batch.c is not None
        return [(float(x[0]), int(c.argmax())) for x, c in zip(batch.x, batch.c, strict=True)]

    def state(self) -> CodecState:
        return CodecState({}, {})


class MLP(nn.Module):
    def __init__(self, inputs: int, outputs: int, batch_norm: bool = False) -> None:
        super().__init__()
        norm = nn.BatchNorm1d(16) if batch_norm else nn.Identity()
        self.net = nn.Sequential(
            nn.Linear(inputs + 3, 16), norm, nn.LeakyReLU(0.2), nn.Linear(16, outputs)
        )
        self.outputs = outputs

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        assert c is not None
        y: Tensor = self.net(torch.cat([x, c], 1))
        return y.squeeze(1) if self.outputs == 1 else y


class VectorModality(Modality[tuple[float, int]]):
    def read(self, source: object | None, settings: Any, progress: Progress) -> Dataset[Any]:
        rng = np.random.default_rng(0)
        items = [(float(rng.normal(k)), int(k)) for k in rng.integers(0, 3, 300)]
        return Dataset(items, "fixed", "300 numbers")

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> VectorCodec:
        return VectorCodec()

    def load_codec(self, state: CodecState, settings: Any) -> VectorCodec:
        return VectorCodec()

    def build_networks(self, codec: Codec[Any], settings: Any) -> Networks:
        return Networks(MLP(4, 2), MLP(2, 1), latent_dim=4)

    def write(
        self,
        samples: Iterable[Sample[Any]],
        target: Path,
        codec: Codec[Any],
        provenance: Provenance,
        format: str,
    ) -> None:
        lines = [json.dumps([*s.item, s.seed]) for s in samples]
        (target / "numbers.jsonl").write_text("\n".join(lines))

    def render(self, item: Any, codec: Codec[Any] | None) -> Rendering:
        return Rendering("application/json", json.dumps(item).encode())

    def preview(
        self, items: Sequence[Any], codec: Codec[Any] | None, real: Sequence[Any] = ()
    ) -> Rendering:
        return Rendering("application/json", json.dumps(list(items)).encode())
