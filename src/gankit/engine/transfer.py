"""Starting from another network's weights, and freezing a discriminator's first layers.

A network takes what fits by name and shape. A list of layers is longer in networks for larger
samples; what is added then lies next to the samples: at the end of a generator, at the beginning of
a discriminator (Karras et al. 2018, section 2). So the layers of a discriminator's list
correspond from its end, unless more weights fit from its beginning.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Categorical, Codec, Condition, Networks
from gankit.contract.networks import TAKES_CONDITION
from gankit.errors import GankitError

Tree = dict[str, Any]
"""Names of weights by their parts: ``{"stages": {"0": {"weight": "stages.0.weight"}}}``."""


@dataclass(frozen=True)
class Taken:
    """What a network took."""

    taken: int
    """Parameters, as numbers."""
    total: int
    new: tuple[str, ...]
    """Layers with parameters that are new, all or in part."""
    parameters: frozenset[str]
    """Names of the parameters that were taken whole."""

    def as_dict(self) -> dict[str, Any]:
        """For records."""
        return {"taken": self.taken, "total": self.total, "new": list(self.new)}


def take_weights(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    from_end: bool = False,
    classes: Sequence[int | None] | None = None,
) -> Taken:
    """Copies into a network what fits of another one's weights.

    Args:
        network: freshly initialised; what does not fit stays as it is.
        weights: the other network's ``state_dict``.
        from_end: whether the layers of a list correspond from its end.
        classes: of each column of the network's condition, the other's (:func:`same_columns`);
            None where one of the two has no condition.
    """
    own = network.state_dict()
    columns = _condition_weights(network) if classes is not None else set()

    def fits(mine: str, other: str) -> int:
        a, b = own[mine], weights[other]
        if mine in columns and b.ndim == 2 and len(a) == len(b):
            return _columns_taken(classes or (), b) * len(a)
        return a.numel() if (a.shape, a.dtype) == (b.shape, b.dtype) else 0

    pairs = _pairs(_tree(own), _tree(weights), fits, from_end)
    parameters, counts = dict(network.named_parameters()), dict[str, int]()
    with torch.no_grad():
        for mine, other in pairs.items():
            counts[mine] = fits(mine, other)
            if mine in columns:
                for i, j in enumerate(classes or ()):
                    if j is not None and j < weights[other].shape[1]:
                        own[mine][:, i] = weights[other][:, j]
            elif counts[mine]:
                own[mine].copy_(weights[other])
    new = dict[str, str]()
    for name, p in parameters.items():
        if (count := counts.get(name, 0)) < p.numel():
            layer = _layer(name)
            new.setdefault(layer, layer)
            if name in columns and count:
                new[layer] = f"{layer} ({count // len(p)} of {p.shape[1]} conditions taken)"
    taken = {name: min(counts.get(name, 0), p.numel()) for name, p in parameters.items()}
    return Taken(
        sum(taken.values()),
        sum(p.numel() for p in parameters.values()),
        tuple(new.values()),
        frozenset(name for name, p in parameters.items() if taken[name] == p.numel()),
    )


def same_columns(own: Condition | None, other: Condition | None) -> tuple[int | None, ...] | None:
    """Of each column of a condition, the column of another one with the same class or number; None
    where one of the two is missing."""
    if own is None or other is None:
        return None
    known = {name: i for i, name in enumerate(_column_names(other))}
    return tuple(known.get(name) for name in _column_names(own))


def _column_names(condition: Condition) -> Iterable[tuple[str, str]]:
    for field in condition.fields:
        for value in field.values if isinstance(field, Categorical) else ("",):
            yield field.name, value


def _condition_weights(network: nn.Module) -> set[str]:
    """Names of the weights (outputs, width) of layers that take the condition alone."""
    return {
        f"{name}.weight" if name else "weight"
        for name, module in network.named_modules()
        if getattr(module, TAKES_CONDITION, False)
    }


def _columns_taken(classes: Sequence[int | None], weight: Tensor) -> int:
    return sum(j is not None and j < weight.shape[1] for j in classes)


def _layer(parameter: str) -> str:
    """The layer of a parameter, for people: ``stages.3`` of ``stages.3.0.expand.weight``."""
    parts = parameter.split(".")
    owner = parts[:-1] or parts
    number = next((i for i, part in enumerate(owner) if part.isdigit()), 0)
    return ".".join(owner[: number + 1])


def _tree(names: Iterable[str]) -> Tree:
    tree: Tree = {}
    for name in names:
        node, *parts = tree, *name.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = name
    return tree


def _pairs(
    own: Tree, other: Tree, fits: Callable[[str, str], int], from_end: bool
) -> dict[str, str]:
    """The other network's weight for each of the own ones that has one."""
    shifts = [0]
    if own and other and all(key.isdigit() for key in (*own, *other)):
        longer = max(map(int, own)) - max(map(int, other))
        shifts = list(dict.fromkeys([longer, 0] if from_end else [0, longer]))
    found = []
    for shift in shifts:
        pairs = dict[str, str]()
        for key, mine in own.items():
            theirs = other.get(str(int(key) - shift) if shift else key)
            if isinstance(mine, dict) and isinstance(theirs, dict):
                pairs |= _pairs(mine, theirs, fits, from_end)
            elif isinstance(mine, str) and isinstance(theirs, str) and fits(mine, theirs):
                pairs[mine] = theirs
        found.append(pairs)
    return max(found, key=lambda pairs: sum(fits(*pair) for pair in pairs.items()))


# --- Freezing -----------------------------------------------------------------------------------


def freeze_first(
    networks: Networks, codec: Codec[Any], items: Sequence[Any], count: int
) -> list[str]:
    """Freezes the first layers of the discriminator (FreezeD, Mo et al. 2020): they are not
    trained. A layer is a module with parameters of its own, in the order in which they are called.

    Args:
        items: a few real ones, to see the order.

    Returns:
        The names of the frozen layers.

    Raises:
        GankitError: nothing would be left to train.
    """
    if not count:
        return []
    layers = layers_in_order(networks.discriminator, codec, items)
    if count >= len(layers):
        raise GankitError(
            f"transfer.freeze_d={count}: the discriminator has {len(layers)} layers, and one has "
            "to be trained",
            f"Use at most {len(layers) - 1}",
        )
    for name in layers[:count]:
        for p in networks.discriminator.get_submodule(name).parameters(recurse=False):
            p.requires_grad_(False)
    return layers[:count]


def layers_in_order(network: nn.Module, codec: Codec[Any], items: Sequence[Any]) -> list[str]:
    """Names of the modules with parameters of their own, as a discriminator calls them first.
    Neither random numbers nor running statistics are changed."""
    network, order = copy.deepcopy(network).eval(), list[str]()

    def called(name: str) -> Callable[..., None]:
        return lambda *unused: None if name in order else order.append(name)

    for name, module in network.named_modules():
        if [*module.parameters(recurse=False)]:
            module.register_forward_pre_hook(called(name))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        batch = codec.prepare(codec.encode(items, np.random.default_rng(0)))
        network(batch.x, batch.c)
    return order
