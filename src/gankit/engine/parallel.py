"""Data parallelism, in one place: who this process is, and what all processes agree on.

Gradients are averaged by hand after each backward pass. Wrappers around the modules break the
double backward of R1 and R2 or silently change it (see the ADR on gradients); an all-reduce of
finished gradients cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class ParallelContext:
    """This process among those that train together. Built once and handed down; a single process
    is the smallest case."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> ParallelContext:
        """The context of torch.distributed's default group, if it is initialised."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def seed(self, base: int) -> int:
        """A seed for this process's own random numbers."""
        return base + self.rank

    def agree(self, decision: bool) -> bool:
        """Whether any process decided so: all then act alike."""
        if self.size == 1:
            return decision
        flag = torch.tensor(float(decision))
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    @torch.no_grad()
    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over processes, in one message per dtype."""
        if self.size == 1:
            return
        for dtype in {t.dtype for t in tensors}:
            group = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in group])
            dist.all_reduce(flat)
            flat /= self.size
            start = 0
            for t in group:
                t.copy_(flat[start : start + t.numel()].view_as(t))
                start += t.numel()
