"""The likelihood of real items under a trained generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

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
            numbers = range(start, min(start + size, len(items)))
            batch = codec.encode(take(items, numbers), rng).to(sampler.device)
            real, c = codec.prepare(batch), sample_conditions(codec, {}, numbers)
            c = real.c if c is None else c.to(sampler.device)
            found.append(sampler.likelihood(real.x, c).double().cpu())
    return torch.cat(found).numpy()
