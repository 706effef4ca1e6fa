"""The likelihood of real items under a generator."""

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


def batch_nll(
    likelihood: Likelihood, codec: Codec[Any], batch: Batch, autocast: torch.dtype | None = None
) -> Tensor:
    """``-log p``, (N,), of a batch in storage form: float64 on the CPU.

    Conditions are those of a request for nothing where the codec samples such, else each item's
    own, which whoever tries to recognise it knows.
    """
    real, c = codec.prepare(batch), sample_conditions(codec, {}, range(len(batch)))
    c = real.c if c is None else c.to(real.x.device)
    with torch.autocast(real.x.device.type, autocast, enabled=autocast is not None):
        return likelihood(real.x, c).double().cpu()


@torch.inference_mode()
def negative_log_likelihoods(
    sampler: Sampler, items: Sequence[Any], seed: int = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``-log p(item)``, (N,), under the sampler's generator; in float32, whatever it samples in.

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
            some = take(items, range(start, min(start + size, len(items))))
            batch = codec.encode(some, rng).to(sampler.device)
            found.append(batch_nll(sampler.likelihood, codec, batch))
    return torch.cat(found).numpy()
