"""The exponential moving average of the generator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def ema_decay(batch: int, half_life: float) -> float:
    """``0.5 ** (batch / half_life)``; a half-life of 0 is a plain copy."""
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


def follower(average: nn.Module, current: nn.Module) -> Callable[[float], None]:
    """``average <- decay average + (1 - decay) current``, in one kernel for all parameters, as a
    function of the decay. Tensors are listed once: of small networks that takes longer than the
    sum.

    Running statistics are averaged with the weights that they belong to; counters are copied.
    """
    old = [*average.parameters(), *average.buffers()]
    new = [*current.parameters(), *current.buffers()]
    pairs = list(zip(old, new, strict=True))
    moving = [(a, b) for a, b in pairs if a.is_floating_point()]
    olds, news = [a for a, _ in moving], [b for _, b in moving]
    counters = [(a, b) for a, b in pairs if not a.is_floating_point()]

    @torch.no_grad()
    def follow(decay: float) -> None:
        torch._foreach_lerp_(olds, news, 1 - decay)
        for a, b in counters:
            a.copy_(b)

    return follow


def update_ema(average: nn.Module, current: nn.Module, decay: float) -> None:
    """One step of a :func:`follower`."""
    follower(average, current)(decay)
