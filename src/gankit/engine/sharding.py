"""Networks divided over processes, for those that one device cannot hold: torch's FSDP2.

A process keeps a slice of every parameter, of its gradient, its moments and its average. A block is
whole only while it computes; its gradients are averaged and cut on the way back. Gathered
parameters are freed in between, which second derivatives do not survive: penalties have to be
finite differences.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.engine.parallel import ParallelContext
from gankit.engine.schedules import ever_positive
from gankit.engine.settings import EngineSettings
from gankit.engine.step import AdversarialLoss, Gradients, Logs, LossWeights, trainable
from gankit.errors import GankitError

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def refuse_sharding(settings: EngineSettings) -> None:
    """Refuses what needs whole networks.

    Raises:
        GankitError: names the setting.
    """
    loss, train = settings.loss, settings.train
    exact = loss.penalty_form == "exact" and settings.zero_centred
    second, outside = "second derivatives need", "a likelihood is no forward pass, and needs"
    needs_whole = {
        "loss.penalty_form=exact": (exact, second, "Use loss.penalty_form=finite-difference"),
        "loss.gradient_penalty": (
            *(ever_positive(loss.gradient_penalty), second),
            "Use penalty.gamma with loss.penalty_form=finite-difference",
        ),
        "loss.extra": (loss.extra, "penalties of plugins may need", "Leave it out"),
        "loss.likelihood": (loss.likelihood, outside, "Use loss.likelihood=0"),
        "train.warm_up": (train.warm_up, outside, "Use train.warm_up=0"),
        "train.compile": (train.compile, "a traced step needs", "Leave one of them out"),
        "privacy.epsilon": (
            *(settings.privacy.epsilon, "gradients of single records need"),
            "Leave one of them out",
        ),
        "resampling.candidates": (
            *(settings.resampling.candidates > 1, "the density-ratio classifier needs"),
            "Use resampling.candidates=1",
        ),
    }
    for key, (used, why, hint) in needs_whole.items():
        if used:
            raise GankitError(f"train.shard cannot be used with {key}: {why} whole networks", hint)


def shard(
    networks: Networks, layout: Layout, device: torch.device, parallel: ParallelContext
) -> None:
    """Divides both networks' parameters among the processes, in place.

    What is gathered at once is an item of a ``ModuleList`` or ``Sequential``, and the rest of a
    network.

    Raises:
        GankitError: a network uses an item's parameters without calling the item.
    """
    # Imported by whom it serves: a second at the start of every other run.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (parallel.size,))
    players = {"generator": networks.generator, "discriminator": networks.discriminator}
    condition = layout.condition
    c = torch.zeros(1, condition.width, device=device) if condition else None
    for name, network in players.items():
        for module in (*dict.fromkeys(_blocks(network)), network):
            fully_shard(module, mesh=mesh, reshard_after_forward=True)
        shape = (networks.latent_dim,) if name == "generator" else layout.shape
        training = network.training
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                network.eval()(torch.zeros(1, *shape, device=device), c)
        except RuntimeError as error:
            why = str(error).strip().splitlines()[0]
            raise GankitError(
                f"train.shard cannot be used with this {name}: {why}",
                "Leave it out, or call a layer instead of using its weights elsewhere",
            ) from error
        network.train(training)


def _blocks(module: nn.Module, listed: bool = False) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.ModuleDict, nn.Sequential)):
            yield from _blocks(child, listed=True)
        elif not listed:
            yield from _blocks(child)
        elif any(True for _ in child.parameters()):
            yield child


class ShardedLoss(AdversarialLoss):
    """The same losses; gradients are this process's slices of the average over processes."""

    divisible = False  # a process that tries again would leave the others waiting

    def discriminate(self, x: Tensor, c: Tensor | None, frozen: bool = False) -> Tensor:
        return super().discriminate(x, c)

    def generator_step(
        self, params: Sequence[Tensor], real: Tensor, c: Tensor | None, z: Tensor, w: LossWeights
    ) -> tuple[Gradients, Logs]:
        frozen = trainable(self.networks.discriminator)
        for p in frozen:
            p.requires_grad_(False)
        try:
            return super().generator_step(params, real, c, z, w)
        finally:
            for p in frozen:
                p.requires_grad_(True)

    def gradients(self, loss: Tensor, params: Sequence[Tensor]) -> Gradients:
        loss.backward()  # type: ignore[no-untyped-call]
        found = tuple(torch.zeros_like(p) if p.grad is None else p.grad for p in params)
        for p in params:
            p.grad = None
        return found


# --- Slices and wholes ------------------------------------------------------------------------


def sliced(copied: nn.Module, network: nn.Module) -> nn.Module:
    """A copy of a network that was divided afterwards, divided alike; for its values alone."""
    slices = {name: p.detach().clone() for name, p in network.named_parameters()}
    return _with_parameters(copied, slices)


def gathered(copied: nn.Module) -> nn.Module:
    """A whole copy of what :func:`sliced` gave; all processes call it together."""
    parameters = {name: whole(p.data) for name, p in copied.named_parameters()}
    return _with_parameters(copy.deepcopy(copied), parameters)


def whole(value: Tensor) -> Tensor:
    """A value of which each process may have a slice; all call it together."""
    return value.full_tensor() if _divided(value) else value


def stored(value: Tensor) -> Tensor:
    """A value as a checkpoint has it, where it is divided: whole, on the main process's CPU."""
    if not _divided(value):
        return value
    found = value.full_tensor()
    return found.cpu() if value.device_mesh.get_rank() == 0 else found.new_empty(0)


def sliced_like(parameter: Tensor, value: Tensor) -> Tensor:
    """This process's slice of a whole value, where the parameter is divided."""
    if not _divided(parameter):
        return value
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = parameter.device_mesh, parameter.placements
    return distribute_tensor(value.to(parameter.device), mesh, placements, src_data_rank=None)


def _divided(value: Any) -> TypeGuard[DTensor]:
    return hasattr(value, "full_tensor")


def _with_parameters(module: nn.Module, parameters: Mapping[str, Tensor]) -> nn.Module:
    for name, value in parameters.items():
        owner, _, own = name.rpartition(".")
        setattr(module.get_submodule(owner), own, nn.Parameter(value, requires_grad=False))
    return module
