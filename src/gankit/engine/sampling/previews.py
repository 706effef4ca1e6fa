"""What a run looks at while it trains: samples of fixed seeds, and how much they vary."""

from __future__ import annotations

from typing import Any

import torch

from gankit.engine.sampling.sampler import Sampler


def conditional_std(sampler: Sampler, conditions: int = 4, latents: int = 16) -> float:
    """The mean standard deviation over latents of samples for one condition. Classes that differ
    do not hide that each has collapsed.
    """
    each = [condition for condition in range(conditions) for _ in range(latents)]
    z = sampler.latents(range(latents)).repeat(conditions, 1)
    x = sampler.generate(z, sampler.draw_conditions(each, {})).x
    return float(x.reshape(conditions, latents, -1).std(1).mean())


def preview_items(sampler: Sampler, n: int) -> list[Any]:
    """Items of the seeds 0 to n - 1; classes in turn where there is one label."""
    c = sampler.draw_conditions(range(n), {})
    condition = sampler.codec.layout.condition
    if c is not None and condition is not None and len(condition.fields) == 1:
        width = condition.fields[0].width
        if width > 1:
            c = torch.eye(width)[torch.arange(n) % width]
    return list(sampler.codec.decode(sampler.draw(range(n), c), range(n)))
