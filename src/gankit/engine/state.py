"""Everything that the next step depends on, as tensors and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gankit.engine.adam import Adam, Moments
from gankit.engine.clock import Clock
from gankit.engine.data import RealSamples
from gankit.engine.gamma import VALUES
from gankit.engine.policy import TrainingPolicy
from gankit.engine.sharding import sliced_like, stored
from gankit.engine.step import match_memory_format
from gankit.engine.updates import Updates

BEST = "best"
"""Of the averaged generator's best weights, where they are not the latest."""


def pack(
    updates: Updates,
    ema: nn.Module,
    clock: Clock,
    reals: RealSamples,
    policy: TrainingPolicy,
    threads: int,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The training state: networks, average, moments; and where data and clock stand. Random
    numbers follow from these, and the state is the same in all processes, which call it together:
    what is divided over them is in the main one's."""
    tensors: dict[str, Tensor] = {"augment_p": updates.weights.augment_p}
    if updates.gamma.value:
        tensors["gamma"] = updates.gamma.state()
    for name, module in {**updates.modules(), "ema": ema}.items():
        tensors |= {f"{name}/{k}": stored(v) for k, v in module.state_dict().items()}
    for name, optimiser in updates.optimisers().items():
        # In the same order everywhere: all processes gather what is divided over them.
        for i, values in sorted(optimiser.state.items()):
            tensors |= {f"{name}/{i}/{k}": stored(v) for k, v in sorted(values.items())}
    pieces = updates.micro_batches.pieces
    counts = {"position": reals.position, "threads": threads, "pieces": pieces}
    meta: dict[str, Any] = {"clock": vars(clock), **counts}
    if (own := policy.state()) is not None:
        meta["policy"] = own
    return tensors, meta


def unpack(
    tensors: Mapping[str, Tensor],
    meta: Mapping[str, Any],
    updates: Updates,
    ema: nn.Module,
    reals: RealSamples,
    policy: TrainingPolicy,
) -> tuple[Clock, int]:
    """Restores what :func:`pack` gave; the clock and the number of threads.

    Raises:
        ValueError, KeyError, RuntimeError, …: it is damaged, or another run's.
    """
    clock, position, threads = Clock(**meta["clock"]), meta["position"], meta["threads"]
    pieces = meta.get("pieces", 1)
    counts = clock.samples, clock.steps, clock.warm_up, clock.capped
    for count in (*counts, position, threads, pieces):
        if not isinstance(count, int) or not 0 <= count < 2**63:
            raise ValueError(f"{count!r} is not a count")
    if not 0 <= float(clock.seconds) < math.inf:
        raise ValueError(f"{clock.seconds!r} is not a time")
    modules: dict[str, nn.Module] = {**updates.modules(), "ema": ema}
    if below(tensors, BEST):
        modules[BEST] = ema
    more = {"augment_p": updates.weights.augment_p}
    if "gamma" in tensors:
        more["gamma"] = torch.zeros(VALUES, dtype=torch.float64)
    check_tensors(tensors, modules, updates.optimisers(), more)
    if "policy" in meta:
        policy.resume(meta["policy"])
    restore(tensors, updates, ema)
    updates.micro_batches.pieces = pieces
    reals.seek(position)
    return clock, threads


def check_tensors(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, Adam],
    more: Mapping[str, Tensor],
) -> None:
    """Refuses tensors of other names, types and shapes before any value is looked at: a file may
    claim to be larger than the memory.

    Args:
        more: further ones, by name.

    Raises:
        ValueError: names the first.
    """
    like = dict(more)
    for name, module in modules.items():
        like |= {f"{name}/{k}": v for k, v in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        if below(tensors, name):  # there are none before its first step
            for i, p in enumerate(optimiser.params):
                like |= {f"{name}/{i}/exp_avg": p, f"{name}/{i}/exp_avg_sq": p}
                like[f"{name}/{i}/step"] = torch.zeros((), dtype=torch.float32)
    if missing := sorted(like.keys() - tensors.keys()):
        raise ValueError(f"it has no {missing[0]}")
    for name, tensor in tensors.items():
        own = like.get(name)
        if own is None or (tensor.dtype, tensor.shape) != (own.dtype, own.shape):
            raise ValueError(f"{name} is {tensor.dtype} {list(tensor.shape)}, another run's")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} is not finite")


def restore(tensors: Mapping[str, Tensor], updates: Updates, ema: nn.Module) -> None:
    """Networks, average and moments of a checkpoint; the clock and the data stay where they are.

    Raises:
        KeyError, RuntimeError, …: it is damaged, or another run's.
    """
    for name, module in {**updates.modules(), "ema": ema}.items():
        _load(module, below(tensors, name))
    for name, optimiser in updates.optimisers().items():
        optimiser.load(moments_below(below(tensors, name), optimiser.params))
    updates.weights.augment_p.copy_(tensors["augment_p"])
    updates.gamma.load(tensors.get("gamma"), updates.device)


def _load(module: nn.Module, values: dict[str, Tensor]) -> None:
    """Whole values into a module, which may be divided over processes."""
    for name, own in module.state_dict().items():
        if name in values and values[name].shape == own.shape:
            values[name] = sliced_like(own, values[name])
    module.load_state_dict(values)


def moments_below(tensors: Mapping[str, Tensor], params: Sequence[Tensor]) -> Moments:
    """An optimiser's state from tensors named ``number/name``, in its parameters' formats."""
    state: Moments = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        p = params[int(number)]
        if value.shape == p.shape:  # fused Adam relies on the memory format
            value = match_memory_format(p, sliced_like(p, value.to(p.device)))
        state.setdefault(int(number), {})[name] = value
    return state


def below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``name/``, by the rest of theirs."""
    start = name + "/"
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
