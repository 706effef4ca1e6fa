"""The exponential moving average of the generator."""

from __future__ import annotations

import torch
from torch import nn


def ema_decay(batch: int, half_life: float) -> float:
    """``0.5 ** (batch / half_life)``; a half-life of 0 is a plain copy."""
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


@torch.no_grad()
def update_ema(average: nn.Module, current: nn.Module, decay: float) -> None:
    """``average <- decay average + (1 - decay) current``, in one kernel for all parameters.

    Buffers (running statistics) are copied.
    """
    torch._foreach_lerp_(list(average.parameters()), list(current.parameters()), 1 - decay)
    for old, new in zip(average.buffers(), current.buffers(), strict=True):
        old.copy_(new)
