"""Training that ends with the time it has, resumes from snapshots, and is cached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gankit.contract import Fitting
from gankit.kit.autoencoders.snapshots import Snapshots, forget_snapshots
from gankit.kit.cache import Cache

T = TypeVar("T")
Rows = np.ndarray[Any, np.dtype[np.int64]]

WARMUP_STEPS = 200
DECAY = 0.7
"""Share of the training at its end in which the learning rate falls to 0."""
SNAPSHOT_SECONDS = 10.0
"""Time between two snapshots."""


@dataclass(frozen=True)
class Result:
    """The end of a training.

    Attributes:
        loss: the last batch's.
        complete: whether it was as long as without a time limit.
    """

    loss: float
    complete: bool


def trained_or_cached(
    networks: nn.Module, kind: str, key: str, cache: Cache, train: Callable[[], Result]
) -> float:
    """Loads the weights that an earlier run cached, or trains and caches them, unless a time limit
    cut the training short.

    Args:
        kind: of networks, a subfolder of the cache.
        key: a hash of everything that determines the weights.

    Returns:
        The loss.
    """
    file = cache.path(kind, f"{key}.safetensors")
    if file is not None and file.is_file():
        try:
            tensors = load_file(file)
            loss = float(tensors.pop("loss"))
            networks.load_state_dict(tensors)
            return loss
        except Exception:  # noqa: BLE001 - a damaged file is written again
            pass
    result = train()
    if file is not None and result.complete:
        tensors = {k: v.contiguous() for k, v in networks.state_dict().items()}
        with cache.writing(file) as part:
            save_file({**tensors, "loss": torch.tensor(result.loss)}, part)
        forget_snapshots(cache, key)  # after that: nothing is lost if it is killed in between
    return result.loss


@torch.enable_grad()
def train(
    networks: nn.Module,
    batches: Iterable[T],
    error: Callable[[T, int], Tensor],
    steps: int,
    fitting: Fitting,
    cache: Cache,
    key: str,
    *,
    learning_rate: float,
    label: str,
    complete: bool = True,
    remark: Callable[[int], str] | None = None,
) -> Result:
    """Trains networks from their current weights by AdamW, with gradients clipped to norm 1. With a
    time limit, the learning rate falls to 0 when the time is up, if the steps take longer.

    Args:
        batches: at least ``steps`` of them, the same each time.
        error: the loss of a batch in a step. It draws from torch's default generator, which is
            seeded by the step, so that a resumed training draws the same numbers.
        cache: keeps snapshots under ``key``, from which an interrupted training resumes.
        learning_rate: the highest.
        label: what is trained, for the progress.
        complete: whether the data are as without a time limit.
        remark: called every 20 steps; what to add to the progress, such as a warning.

    Raises:
        KeyboardInterrupt: the user has stopped; a snapshot has been saved.
    """
    networks = networks.to(default_device()).train()
    optimiser = torch.optim.AdamW(
        networks.parameters(), learning_rate, (0.9, 0.99), weight_decay=1e-2
    )
    allowed = fitting.time_left()
    snapshots = Snapshots(networks, optimiser, cache, key)
    done, loss, same = snapshots.restore(complete_only=math.isinf(allowed))
    complete &= same
    label += _limit(allowed)
    first, saved, remarked = done, time.monotonic(), ""
    for step, batch in zip(range(steps), batches, strict=False):
        if step < first:
            continue
        if fitting.stopped():
            snapshots.save(done, loss, complete)
            raise KeyboardInterrupt
        left = _share_left(fitting.time_left(), allowed)
        if left == 0 and done > first:
            complete = False
            break
        now = rate(step, steps, left)
        complete &= now == rate(step, steps)
        torch.manual_seed(step)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * now
        found = error(batch, step)
        optimiser.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimiser.step()
        done = step + 1
        if step % 20 == 0 or done == steps:
            loss = found.item()
            shown = max(done, round((1 - left) * steps))
            remarked = remark(step) if remark is not None else ""
            fitting.progress(f"{label} (loss {loss:.2f}{remarked})", shown, steps)
        if time.monotonic() - saved > SNAPSHOT_SECONDS:
            snapshots.save(done, loss, complete)
            saved = time.monotonic()
    snapshots.save(done, loss, complete)
    networks.cpu().eval()
    return Result(loss, complete)


def part_of(fitting: Fitting, share: float) -> Fitting:
    """The same with a share of the time that is left now."""
    left = fitting.time_left()
    if math.isinf(left):
        return fitting
    reserved = (1 - share) * max(left, 0.0)
    return replace(fitting, time_left=lambda: fitting.time_left() - reserved)


def batches_by_length(lengths: Rows, batch: int, steps: int, seed: int) -> Iterator[Rows]:
    """Indices of rows of similar length, so that little is padding; each once per epoch."""
    rng, given = np.random.default_rng(seed), 0
    while given < steps:
        order = rng.permutation(len(lengths))
        parts = np.array_split(order, max(len(order) // (50 * batch), 1))
        order = np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in parts])
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        if len(batches) > 1 and len(batches[-1]) < batch // 4:
            batches.pop()  # too few for batch normalisation
        for i in rng.permutation(len(batches))[: steps - given]:
            yield batches[i]
        given += len(batches)


def default_device() -> torch.device:
    """Where codecs are trained and encode."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether autocasting to bfloat16 saves time there."""
    return device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def rate(step: int, steps: int, left: float = 1.0) -> float:
    """The learning rate's factor: rises, holds, and falls to 0 at the end.

    Args:
        left: share of the time that is left.
    """
    return min((step + 1) / WARMUP_STEPS, 1.0) * min(
        (steps - step) / (DECAY * steps), left / DECAY, 1.0
    )


def _share_left(left: float, allowed: float) -> float:
    if math.isinf(allowed):
        return 1.0
    return min(max(left / allowed, 0.0), 1.0) if allowed > 0 else 0.0


def _limit(allowed: float) -> str:
    """The time that it has, for the progress; empty without a limit."""
    if math.isinf(allowed):
        return ""
    amount = f"{allowed / 60:.0f} min" if allowed >= 60 else f"{max(allowed, 0):.0f} s"
    return f", {amount} of the budget"
