"""Everything that the next step depends on, as tensors and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from gankit.engine.clock import Clock
from gankit.engine.data import RealSamples
from gankit.engine.policy import TrainingPolicy
from gankit.engine.step import match_memory_format
from gankit.engine.updates import Updates


def pack(
    updates: Updates,
    ema: nn.Module,
    clock: Clock,
    reals: RealSamples,
    policy: TrainingPolicy,
    threads: int,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The training state: networks, average, moments; and where data and clock stand. Random
    numbers follow from these, and the state is the same in all processes."""
    tensors: dict[str, Tensor] = {"augment_p": updates.weights.augment_p}
    for name, module in {**updates.modules(), "ema": ema}.items():
        tensors |= {f"{name}/{k}": v for k, v in module.state_dict().items()}
    for name, optimiser in updates.optimisers().items():
        for i, values in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}/{i}/{k}": v for k, v in values.items()}
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
        module.load_state_dict(_below(tensors, name))
    for name, optimiser in updates.optimisers().items():
        groups = optimiser.state_dict()["param_groups"]
        moments = _moments(_below(tensors, name), optimiser.param_groups[0]["params"])
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    updates.weights.augment_p.copy_(tensors["augment_p"])
    reals.seek(position)
    return clock, threads


def _moments(
    tensors: Mapping[str, Tensor], params: Sequence[nn.Parameter]
) -> dict[int, dict[str, Tensor]]:
    """An optimiser's state from tensors named ``number/name``."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        p = params[int(number)]
        if value.shape == p.shape:  # fused Adam relies on the memory format
            value = match_memory_format(p, value.to(p.device))
        state.setdefault(int(number), {})[name] = value
    return state


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = name + "/"
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
