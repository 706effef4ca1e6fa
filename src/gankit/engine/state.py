"""Everything that the next step depends on, as tensors and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
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
    """The training state: networks, average, moments, random numbers; and where data and clock
    stand."""
    device = updates.device
    tensors: dict[str, Tensor] = {
        "augment_p": updates.weights.augment_p,
        "rng/cpu": torch.get_rng_state(),
    }
    if device.type == "cuda":
        tensors["rng/cuda"] = torch.cuda.get_rng_state(device)
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
    """Restores what :func:`pack` gave; the clock and the number of threads."""
    if "policy" in meta:
        policy.resume(meta["policy"])
    for name, module in {**updates.modules(), "ema": ema}.items():
        module.load_state_dict(_below(tensors, name))
    for name, optimiser in updates.optimisers().items():
        groups = optimiser.state_dict()["param_groups"]
        moments = _moments(_below(tensors, name), optimiser.param_groups[0]["params"])
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    updates.weights.augment_p.copy_(tensors["augment_p"])
    reals.seek(meta["position"])
    torch.set_rng_state(tensors["rng/cpu"])
    if updates.device.type == "cuda" and "rng/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng/cuda"], updates.device)
    return Clock(**meta["clock"]), meta["threads"]


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
