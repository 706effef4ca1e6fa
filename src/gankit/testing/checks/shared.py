"""What checks of several subjects share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gankit.contract import (
    Sample,
)
from gankit.testing.checks.base import FEW
from gankit.testing.subject import Subject


def distance_in_deviations(a: Tensor, b: Tensor) -> float:
    """Root mean square of the difference, in standard deviations of ``b``."""
    return float((a - b).square().mean().sqrt() / b.std().clamp_min(1e-12))


def as_rows(s: Subject, items: Sequence[Any]) -> Tensor:
    """One row per item, from x and c, so that distances are in standard deviations of real data."""
    batch, scale = s.encode(items), s.encode(s.items(FEW)).x.double().std().clamp_min(1e-12)
    x = batch.x.double().flatten(1) / scale
    return torch.cat([x / x.shape[1] ** 0.5, *([] if batch.c is None else [batch.c.double()])], 1)


@torch.no_grad()
def untrained_samples(s: Subject, n: int) -> list[Sample[Any]]:
    """Samples of an untrained generator, for the conditions of real items."""
    networks, batch = s.networks(perturbed=False), s.real(n)
    batch.x = networks.generator.eval()(s.latents(networks, len(batch)), batch.c)
    condition = s.codec.layout.condition
    rows = batch.c.tolist() if condition and batch.c is not None else [None] * len(batch)
    items = s.codec.decode(batch, range(len(batch)))
    return [
        Sample(item, seed, condition.decode(row) if condition and row else {})
        for seed, (item, row) in enumerate(zip(items, rows, strict=True))
    ]
