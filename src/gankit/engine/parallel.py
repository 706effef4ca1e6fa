"""Data parallelism, in one place: gradients are averaged by hand after each backward pass.

Wrappers around the modules break the double backward of R1 and R2 or silently change it (see the
ADR on gradients); an all-reduce of finished gradients cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor


def world() -> tuple[int, int]:
    """This process's rank and the number of processes."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


@torch.no_grad()
def average_(tensors: Sequence[Tensor]) -> None:
    """Replaces each tensor by its mean over processes, in one message per dtype."""
    _, size = world()
    if size == 1:
        return
    for dtype in {t.dtype for t in tensors}:
        group = [t for t in tensors if t.dtype == dtype]
        flat = torch.cat([t.reshape(-1) for t in group])
        dist.all_reduce(flat)
        flat /= size
        start = 0
        for t in group:
            t.copy_(flat[start : start + t.numel()].view_as(t))
            start += t.numel()
