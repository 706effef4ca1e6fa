"""A user's own networks in place of the plugin's: adapted to the contract, and checked by shape.

Modules are code, which a run does not store: it stores their weights and the names of their
classes, and whoever loads the run passes the modules again.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Codec, Networks
from gankit.contract.networks import latent_stages
from gankit.errors import GankitError

OwnNetworks: TypeAlias = "Networks | tuple[Any, Any] | Callable[[Codec[Any]], Any]"
"""``(G, D)``, modules or functions of the codec that build them; :class:`Networks`; or a function
of the codec that gives either."""

_GIVE = "Give (G, D), two torch modules, or gankit.Networks(G, D, latent_dim)"
_BATCH_NORM = nn.modules.batchnorm._BatchNorm
_BOUNDED = (nn.Sigmoid, nn.Softmax, nn.LogSigmoid, nn.LogSoftmax)


class Generator(nn.Module):
    """``G(z)`` or ``G(z, c)`` as the engine calls it.

    Args:
        module: takes latents ``(N, latent_dim)``, or ``(N, latent_dim, 1, 1)`` where ``spatial``.
        conditional: whether it takes ``c`` too.
    """

    def __init__(self, module: nn.Module, conditional: bool, spatial: bool) -> None:
        super().__init__()
        self.module, self.conditional, self.spatial = module, conditional, spatial
        self.stages = latent_stages(module)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        z = z[:, :, None, None] if self.spatial else z
        x: Tensor = self.module(z, c) if self.conditional else self.module(z)
        return x


class Discriminator(nn.Module):
    """``D(x)`` or ``D(x, c)`` as the engine calls it; all but the batch axis is flattened."""

    def __init__(self, module: nn.Module, conditional: bool) -> None:
        super().__init__()
        self.module, self.conditional = module, conditional

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        logits: Tensor = self.module(x, c) if self.conditional else self.module(x)
        return logits.flatten(1) if logits.ndim > 2 else logits


def own_networks(given: OwnNetworks, codec: Codec[Any], latent_dim: int = 0) -> Networks:
    """The networks as the engine trains them. Modules are copied, so that the user's stay as they
    are.

    Args:
        latent_dim: 0 takes it from the generator.

    Raises:
        GankitError: no networks, or their inputs do not suit the data.
    """
    found = _built(given, codec)
    if not _is_function(given):  # what a function gives is new, and may hold on to its modules
        found = copy.deepcopy(found)
    G, D = found.generator, found.discriminator
    width = codec.layout.condition.width if codec.layout.condition else 0
    last = next((m for m in reversed([*D.modules()]) if not [*m.children()]), None)
    if isinstance(last, _BOUNDED):
        raise GankitError(
            f"the discriminator ends in {type(last).__name__}; the losses take logits",
            "Leave that layer out",
        )
    conditional = _takes_conditions(G, "generator", width)
    latent_dim = found.latent_dim or latent_dim
    return replace(
        found,
        generator=Generator(G, conditional, _is_spatial(G)),
        discriminator=Discriminator(D, _takes_conditions(D, "discriminator", width)),
        latent_dim=latent_dim or _latent_dim(G, width if conditional else 0),
        batch_dependent=found.batch_dependent or _normalises_batches(D),
    )


def class_names(networks: Networks) -> dict[str, str]:
    """The classes of a user's networks, as a run records them."""
    players = {"generator": networks.generator, "discriminator": networks.discriminator}
    found = {}
    for name, player in players.items():
        kind = type(player.module if isinstance(player, Generator | Discriminator) else player)
        found[name] = f"{kind.__module__}.{kind.__qualname__}"
    return found


def check_shapes(networks: Networks, codec: Codec[Any], items: Sequence[Any]) -> None:
    """Runs both networks on a few real items.

    Raises:
        GankitError: one of them fails, or gives another shape than the data have; says the shapes.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        real = codec.prepare(codec.encode(items, np.random.default_rng(0)))
        n, shape = len(real), _shape(real.x)
        z = torch.randn(n, networks.latent_dim)
        fake = _run("generator", networks.generator, z, real.c, f"the data are {shape}")
        if fake.shape != real.x.shape:
            raise GankitError(
                f"the generator gives {_shape(fake)}, the data are {shape}",
                "Change its last layers, or the data's settings",
            )
        if fake.dtype != torch.float32 or not fake.isfinite().all():
            what = fake.dtype if fake.dtype != torch.float32 else "values that are not finite"
            raise GankitError(f"the generator gives {what}", "Finite float32 is needed")
        logits = _run("discriminator", networks.discriminator, real.x, real.c, "")
        if logits.ndim not in (1, 2) or len(logits) != n:
            raise GankitError(
                f"the discriminator gives {_shape(logits)} for {shape}",
                "One logit for each sample is needed: (N,) or (N, 1)",
            )


def _run(name: str, network: nn.Module, x: Tensor, c: Tensor | None, but: str) -> Tensor:
    """A network's output in evaluation mode, which leaves its running statistics alone."""
    mode = network.training
    network.eval()
    try:
        found = network(x, c)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        given = _shape(x) + (f" with c {_shape(c)}" if c is not None else "")
        raise GankitError(
            f"the {name} cannot take {given}: {str(error).splitlines()[0]}",
            f"{but[:1].upper()}{but[1:]}" if but else "Make its first layers fit the data",
        ) from None
    finally:
        network.train(mode)
    if not isinstance(found, Tensor):
        raise GankitError(f"the {name} gives {type(found).__name__}", "It must give one tensor")
    return found


def _built(given: Any, codec: Codec[Any]) -> Networks:
    """What was given as one record; ``latent_dim`` is 0 where it is not stated."""
    if _is_function(given):
        given = given(codec)
    if isinstance(given, Networks):
        return given
    if not isinstance(given, Sequence) or len(given) != 2:
        raise GankitError(f"networks is {type(given).__name__}, no pair of networks", _GIVE)
    pair = [part(codec) if _is_function(part) else part for part in given]
    for part, name in zip(pair, ("generator", "discriminator"), strict=True):
        if not isinstance(part, nn.Module):
            raise GankitError(f"the {name} is {type(part).__name__}, no torch module", _GIVE)
    return Networks(pair[0], pair[1], latent_dim=0)


def _is_function(given: object) -> bool:
    return callable(given) and not isinstance(given, nn.Module)


def _normalises_batches(D: nn.Module) -> bool:
    return any(isinstance(module, _BATCH_NORM) for module in D.modules())


def _takes_conditions(module: nn.Module, name: str, width: int) -> bool:
    """Whether a network takes ``c`` besides its input.

    Raises:
        GankitError: it does not, and the data have conditions.
    """
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    found = inspect.signature(module.forward).parameters.values()
    takes = len([p for p in found if p.kind in positional]) > 1
    if width and not takes:
        raise GankitError(
            f"the {name} {type(module).__name__} takes no conditions, the data have some "
            f"(c of width {width})",
            f"Write forward(self, {'z' if name == 'generator' else 'x'}, c), or train without "
            "conditions: conditional=False, or data without labels",
        )
    return takes


def _first_layer(module: nn.Module) -> nn.Module | None:
    kinds = (nn.Linear, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Conv2d)
    return next((m for m in module.modules() if isinstance(m, kinds)), None)


def _is_spatial(G: nn.Module) -> bool:
    """Whether a generator is a plain stack that starts with a transposed convolution, which takes
    latents ``(N, latent_dim, 1, 1)``."""
    first = next((m for m in G.modules() if not [*m.children()]), None)
    return isinstance(G, nn.Sequential) and isinstance(first, nn.ConvTranspose2d)


def _latent_dim(G: nn.Module, width: int) -> int:
    """The width of a generator's latent, by its attribute or its first layer.

    Raises:
        GankitError: neither states it.
    """
    for name in ("latent_dim", "z_dim", "latent", "nz"):
        if isinstance(value := getattr(G, name, None), int):
            return value
    first = _first_layer(G)
    found = getattr(first, "in_features", 0) or getattr(first, "in_channels", 0)
    if found - width < 1:
        raise GankitError(
            f"the width of the latent of {type(G).__name__} is not known",
            "Give it an attribute latent_dim, or use gankit.Networks(G, D, latent_dim)",
        )
    return int(found - width)


def _shape(x: Tensor) -> str:
    return f"({', '.join(['N', *map(str, x.shape[1:])])}{',' if x.ndim == 1 else ''})"
