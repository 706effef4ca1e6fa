"""The likelihood of real items under a trained generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Codec, Likelihood
from gankit.contract.codec import sample_conditions
from gankit.contract.subsets import take
from gankit.engine.sampling.sampler import Sampler


@torch.inference_mode()
def negative_log_likelihoods(
    sampler: Sampler, items: Sequence[Any], seed: int = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``-log p(item)``, (N,), under the sampler's generator, in float32 whatever it samples in.

    Conditions are those of a request for nothing where the codec samples such, else each item's
    own, which whoever tries to recognise it knows.

    Args:
        sampler: one that has a likelihood.
        seed: of what the codec draws.
    """
    assert sampler.likelihood is not None
    codec, size, found = sampler.codec, sampler.codec.decode_batch_size, []
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # `Codec.prepare` draws
        for start in range(0, len(items), size):
            batch = codec.encode(take(items, range(start, min(start + size, len(items)))), rng)
            found.append(of_batch(sampler.likelihood, codec, batch.to(sampler.device), start))
    return torch.cat(found).numpy()


def of_batch(likelihood: Likelihood, codec: Codec[Any], batch: Batch, first: int = 0) -> Tensor:
    """``-log p``, (N,), of encoded items, float64 on the CPU; ``codec.prepare`` draws.

    Args:
        first: the number of the first item, which its conditions are drawn by.
    """
    c = sample_conditions(codec, {}, range(first, first + len(batch)))
    real = codec.prepare(batch)
    return likelihood(real.x, real.c if c is None else c.to(real.x.device)).double().cpu()
