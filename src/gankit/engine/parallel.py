"""Data parallelism, in one place: who this process is, and what all processes agree on.

Gradients are averaged by hand after each backward pass. Wrappers around the modules break the
double backward of R1 and R2 or silently change it (see the ADR on gradients); an all-reduce of
finished gradients cannot.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor, nn

from gankit.errors import GankitError, LostProcessError, ReportedError


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

    # --- Decisions ------------------------------------------------------------------------------

    def agree(self, decision: bool) -> bool:
        """Whether any process decided so: all then act alike."""
        return self.agree_on(decision)[0]

    def agree_on(self, *decisions: bool) -> list[bool]:
        """The same for several decisions, in one message."""
        if self.size == 1:
            return [*decisions]
        found = torch.tensor(decisions, dtype=torch.uint8, device=_device())
        with _peers():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return [bool(value) for value in found.tolist()]

    def largest(self, value: float) -> float:
        """The largest of all processes' values."""
        if self.size == 1:
            return value
        found = torch.tensor(value, dtype=torch.float64, device=_device())
        with _peers():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return float(found)

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """The means over processes, which all have the same names."""
        if self.size == 1:
            return dict(values)
        found = torch.tensor([*values.values()], dtype=torch.float64, device=_device())
        self.average_([found])
        return dict(zip(values, found.tolist(), strict=True))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Ends in all processes if it fails in one: none waits for a process that is gone, and the
        main one reports the error.

        Raises:
            GankitError: another process failed; the message is its own.
        """
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure = error
        if not self.agree(failure is not None):
            return
        texts = [(f.message, f.hint) if f else None for f in self._failures(failure)]
        if failure is not None:
            if not self.is_main and isinstance(failure, GankitError):
                raise ReportedError(failure.message, failure.hint) from failure
            raise failure
        other = next(rank for rank, text in enumerate(texts) if text)
        message, hint = texts[other] or ("", "")
        kind = GankitError if self.is_main else ReportedError
        raise kind(f"process {other} of {self.size}: {message}", hint)

    def _failures(self, failure: BaseException | None) -> list[GankitError | None]:
        """Every process's failure, in words."""
        words = None
        if isinstance(failure, GankitError):
            words = [failure.message, failure.hint]
        elif failure is not None:
            words = [f"{type(failure).__name__}: {failure}", "See its message"]
        return [None if w is None else GankitError(*w) for w in self.share(words)]

    # --- Contents -------------------------------------------------------------------------------

    def gather(self, value: Tensor) -> list[Tensor]:
        """Every process's value by rank; all have the same shape and type."""
        if self.size == 1:
            return [value]
        found = [torch.empty_like(value, device=_device()) for _ in range(self.size)]
        with _peers():
            dist.all_gather(found, value.to(_device()).contiguous())
        return [one.to(value.device) for one in found]

    def share(self, value: Any) -> list[Any]:
        """Every process's value by rank: anything that JSON holds."""
        if self.size == 1:
            return [value]
        content = json.dumps(value).encode()
        longest = int(self.largest(len(content)))
        padded = torch.frombuffer(bytearray(content.ljust(longest)), dtype=torch.uint8)
        return [json.loads(found.numpy().tobytes()) for found in self.gather(padded)]

    def from_main(self, value: Any) -> Any:
        """The main process's value, in all of them: anything that JSON holds."""
        if self.size == 1:
            return value
        return json.loads(self.broadcast(json.dumps(value).encode() if self.is_main else b""))

    def broadcast(self, content: bytes) -> bytes:
        """The main process's content, in all of them."""
        if self.size == 1:
            return content
        with _peers():
            length = torch.tensor(len(content), device=_device())
            dist.broadcast(length, 0)
            values = torch.empty(int(length), dtype=torch.uint8, device=_device())
            if self.is_main and content:
                values.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
            dist.broadcast(values, 0)
        return values.cpu().numpy().tobytes()

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The main process's tensors by name, in all of them; of others, on the CPU."""
        if self.size == 1:
            return dict(tensors)
        found = {k: v.contiguous() for k, v in tensors.items()} if self.is_main else {}
        content = self.broadcast(save(found) if self.is_main else b"")
        return dict(tensors) if self.is_main else load(content)

    def broadcast_module_(self, module: nn.Module) -> None:
        """Gives a network the main process's weights and buffers, in all of them."""
        if self.size > 1:
            found = self.broadcast_tensors(module.state_dict())
            if not self.is_main:
                module.load_state_dict(found)

    @torch.no_grad()
    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over processes, in one message per dtype."""
        if self.size == 1:
            return
        for dtype in dict.fromkeys(t.dtype for t in tensors):  # in the same order everywhere
            group = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.reshape(-1) for t in group])
            with _peers():
                dist.all_reduce(flat)
            flat /= self.size
            start = 0
            for t in group:
                t.copy_(flat[start : start + t.numel()].view_as(t))
                start += t.numel()


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """Says that another process is gone, where a message to it fails.

    Raises:
        LostProcessError: one is.
    """
    try:
        yield
    except RuntimeError as error:
        what = " ".join(str(error).split())[:200]
        raise LostProcessError(
            f"another process of this command ended ({what})",
            "See its message. Checkpoints are kept: the same command goes on from the last one",
        ) from error


def _device() -> torch.device:
    """Where the default group exchanges small values: on the CPU, unless it knows GPUs only."""
    if "cpu" in dist.get_backend_config():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())
