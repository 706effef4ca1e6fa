"""Everything that the next step depends on, as tensors and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gankit.engine.clock import Clock
from gankit.engine.data import RealSamples
from gankit.engine.parallel import ParallelContext
from gankit.engine.policy import TrainingPolicy
from gankit.engine.sharding import sliced_like, whole
from gankit.engine.step import match_memory_format
from gankit.engine.updates import Updates


def pack(
    updates: Updates,
    ema: nn.Module,
    clock: Clock,
    reals: RealSamples,
    policy: TrainingPolicy,
    threads: int,
    parallel: ParallelContext,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The training state: networks, average, moments, every process's random numbers; and where
    data and clock stand. All processes call it together."""
    tensors: dict[str, Tensor] = {"augment_p": updates.weights.augment_p}
    for device, state in _random_states(updates.device).items():
        for rank, value in enumerate(parallel.gather(state)):
            tensors[_random_key(device, rank)] = value
    for name, module in {**updates.modules(), "ema": ema}.items():
        tensors |= {f"{name}/{k}": whole(v) for k, v in module.state_dict().items()}
    for name, optimiser in updates.optimisers().items():
        for i, values in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}/{i}/{k}": whole(v) for k, v in values.items()}
    meta = {"clock": vars(clock), "position": reals.position, "threads": threads}
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
    parallel: ParallelContext,
) -> tuple[Clock, int]:
    """Restores what :func:`pack` gave; the clock and the number of threads.

    Raises:
        ValueError, KeyError, RuntimeError, …: it is damaged, or another run's.
    """
    clock, position, threads = Clock(**meta["clock"]), meta["position"], meta["threads"]
    for count in (clock.samples, clock.steps, clock.warm_up, clock.capped, position, threads):
        if not isinstance(count, int) or not 0 <= count < 2**63:
            raise ValueError(f"{count!r} is not a count")
    if not 0 <= float(clock.seconds) < math.inf:
        raise ValueError(f"{clock.seconds!r} is not a time")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} is not finite")
    if "policy" in meta:
        policy.resume(meta["policy"])
    for name, module in {**updates.modules(), "ema": ema}.items():
        _load(module, _below(tensors, name))
    for name, optimiser in updates.optimisers().items():
        groups = optimiser.state_dict()["param_groups"]
        moments = _moments(_below(tensors, name), optimiser.param_groups[0]["params"])
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    updates.weights.augment_p.copy_(tensors["augment_p"])
    reals.seek(position)
    _restore_random(tensors, updates.device, parallel)
    return clock, threads


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's default generators, by the kind of device."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _random_key(device: str, rank: int) -> str:
    return f"rng/{device}/{rank}" if rank else f"rng/{device}"


def _restore_random(
    tensors: Mapping[str, Tensor], device: torch.device, parallel: ParallelContext
) -> None:
    """This process's random states. One that the checkpoint does not know, since it was written
    by fewer processes, gets a seed of its own that follows from the checkpoint."""
    torch.set_rng_state(tensors[_random_key("cpu", 0)])
    if _random_key("cpu", parallel.rank) not in tensors:
        torch.manual_seed(parallel.seed(int(torch.randint(2**62, ()))))
        return
    torch.set_rng_state(tensors[_random_key("cpu", parallel.rank)])
    cuda = tensors.get(_random_key("cuda", parallel.rank))
    if device.type == "cuda" and cuda is not None:
        torch.cuda.set_rng_state(cuda, device)


def _load(module: nn.Module, values: dict[str, Tensor]) -> None:
    """Whole values into a module, which may be divided over processes."""
    for name, own in module.state_dict().items():
        if name in values and values[name].shape == own.shape:
            values[name] = sliced_like(own, values[name])
    module.load_state_dict(values)


def _moments(
    tensors: Mapping[str, Tensor], params: Sequence[nn.Parameter]
) -> dict[int, dict[str, Tensor]]:
    """An optimiser's state from tensors named ``number/name``."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        p = params[int(number)]
        if value.shape == p.shape:  # fused Adam relies on the memory format
            value = match_memory_format(p, sliced_like(p, value.to(p.device)))
        state.setdefault(int(number), {})[name] = value
    return state


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = name + "/"
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
