"""Data parallelism, in one place: who this process is, and what all processes agree on.

Gradients are averaged by hand after each backward pass. Wrappers around the modules break the
double backward of R1 and R2 or silently change it (see the ADR on gradients); an all-reduce of
finished gradients cannot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from gankit.errors import GankitError


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
        return decision if self.size == 1 else bool(self.largest(float(decision)))

    def largest(self, value: float) -> float:
        """The largest of all processes' values."""
        if self.size == 1:
            return value
        found = torch.tensor(value, dtype=torch.float64, device=_device())
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return float(found)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Ends in all processes if it fails in one: none waits for a process that is gone.

        Raises:
            GankitError: another process failed.
        """
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure = error
        failed = self.agree(failure is not None)
        if failure is not None:
            raise failure
        if failed:
            raise GankitError("another process of this training failed", "See its message")

    def gather(self, value: Tensor) -> list[Tensor]:
        """Every process's value by rank; all have the same shape and type."""
        if self.size == 1:
            return [value]
        found = [torch.empty_like(value, device=_device()) for _ in range(self.size)]
        dist.all_gather(found, value.to(_device()).contiguous())
        return [one.to(value.device) for one in found]

    def broadcast(self, content: bytes) -> bytes:
        """The main process's content, in all of them."""
        if self.size == 1:
            return content
        length = torch.tensor(len(content), device=_device())
        dist.broadcast(length, 0)
        values = torch.empty(int(length), dtype=torch.uint8, device=_device())
        if self.is_main:
            values.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        dist.broadcast(values, 0)
        return values.cpu().numpy().tobytes()

    @torch.no_grad()
    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over processes, in one message per dtype."""
        if self.size == 1:
            return
        for dtype in dict.fromkeys(t.dtype for t in tensors):  # in the same order everywhere
            group = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in group])
            dist.all_reduce(flat)
            flat /= self.size
            start = 0
            for t in group:
                t.copy_(flat[start : start + t.numel()].view_as(t))
                start += t.numel()


def _device() -> torch.device:
    """Where the default group's backend exchanges tensors: NCCL knows GPUs only."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
