"""Baselines that a generator over a learned codec has to beat: the codec without it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Batch, Codec, Sample
from gankit.contract.subsets import take
from gankit.engine.sampling.sampler import Sampler

MOST_ROWS = 20_000
"""Training items to which the Gaussian is fitted."""
RIDGE = 1e-6
"""Of the mean variance: so that dimensions without any do no harm."""


class GaussianGenerator(nn.Module):
    """``(z (N, D), c (N, width) | None) -> x (N, *shape)``, x = μ + c B + z Lᵀ, where D counts the
    values of a sample: the linear regression on the conditions, and the covariance L Lᵀ that is
    left. The maximum-likelihood Gaussian.
    """

    mean: Tensor
    slope: Tensor
    factor: Tensor

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.shape, size = shape, math.prod(shape)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("slope", torch.zeros(width, size))
        self.register_buffer("factor", torch.eye(size))

    @classmethod
    def fit(cls, x: Tensor, c: Tensor | None) -> GaussianGenerator:
        """The Gaussian of samples ``x``, (N, *shape), given ``c``, (N, width)."""
        flat = x.flatten(1).double()
        given = flat.new_zeros(len(flat), 0) if c is None else c.double()
        found = cls(tuple(x.shape[1:]), given.shape[1])
        centre = given.mean(0)
        slope = torch.linalg.lstsq(given - centre, flat - flat.mean(0), driver="gelsd").solution
        rest = flat - flat.mean(0) - (given - centre) @ slope
        covariance = rest.T @ rest / len(rest)
        ridge = RIDGE * covariance.diagonal().mean().clamp(min=RIDGE)
        covariance += ridge * torch.eye(len(covariance), dtype=covariance.dtype)
        found.mean = (flat.mean(0) - centre @ slope).float()
        found.slope, found.factor = slope.float(), torch.linalg.cholesky(covariance).float()
        return found

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        x = self.mean + z @ self.factor.T
        if c is not None:
            x = x + c @ self.slope
        return x.reshape(len(z), *self.shape)


def gaussian(sampler: Sampler, items: Sequence[Any]) -> Sampler:
    """A sampler with a Gaussian fitted to these items in place of the generator: for the same
    conditions, through the same codec.
    """
    chosen = np.linspace(0, len(items) - 1, min(len(items), MOST_ROWS)).astype(np.int64)
    blocks = list(_encoded(sampler.codec, items, chosen))
    x = torch.cat([block.x for block in blocks])
    c = [block.c for block in blocks if block.c is not None]
    fitted = GaussianGenerator.fit(x, torch.cat(c) if c else None)
    return Sampler(
        *(fitted.to(sampler.device), sampler.codec, x[0].numel(), sampler.device),
        conditions=sampler.conditions,
    )


def reconstructions(sampler: Sampler, items: Sequence[Any], seed: int) -> Iterator[Sample[Any]]:
    """Items encoded and decoded: what a perfect generator would give."""
    for block in _encoded(sampler.codec, items, np.arange(len(items))):
        yield from sampler.as_samples(block, range(seed, seed + len(block)))
        seed += len(block)


def _encoded(
    codec: Codec[Any], items: Sequence[Any], chosen: np.ndarray[Any, np.dtype[np.int64]]
) -> Iterator[Batch]:
    rng = np.random.default_rng(0)
    for i in range(0, len(chosen), codec.decode_batch_size):
        yield codec.prepare(codec.encode(take(items, chosen[i : i + codec.decode_batch_size]), rng))
