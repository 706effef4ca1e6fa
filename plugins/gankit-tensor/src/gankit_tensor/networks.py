"""The plugin's own networks: residual perceptrons over all numbers of an item."""

from __future__ import annotations

import math

from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.errors import GankitError
from gankit.kit.layers import concat_condition, residual_mlp
from gankit_tensor.settings import TensorSettings

MOST_NUMBERS = 4096
"""Numbers of an item from which on a perceptron is the wrong network."""


def build_networks(layout: Layout, settings: TensorSettings) -> Networks:
    """Networks for items of up to ``MOST_NUMBERS`` numbers.

    Raises:
        GankitError: they have more.
    """
    numbers = math.prod(layout.shape)
    if numbers > MOST_NUMBERS:
        raise GankitError(
            f"items of shape {layout.shape} have {numbers:,} numbers, too many for this plugin's "
            "networks",
            "Pass your own, gankit.fit('tensor', x, networks=(G, D)), or another plugin",
        )
    width = layout.condition.width if layout.condition else 0
    size = settings.hidden, settings.layers
    return Networks(
        Generator(settings.latent + width, *size, layout.shape),
        Discriminator(numbers + width, *size),
        settings.latent,
    )


class Generator(nn.Module):
    """Latents ``(N, latent)`` and conditions ``(N, width)`` to arrays ``(N, *shape)``."""

    def __init__(self, inputs: int, hidden: int, layers: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.body = residual_mlp(inputs, hidden, layers, math.prod(shape))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.body(concat_condition(z, c))
        return x.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Arrays ``(N, *shape)`` and conditions ``(N, width)`` to logits ``(N,)``."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = residual_mlp(inputs, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        logits: Tensor = self.body(concat_condition(x.flatten(1), c))
        return logits.squeeze(1)
