"""The first networks of many courses: an MLP generator and a small CNN discriminator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import SLOPE, concat_condition
from gankit_image.networks.layers import exact
from gankit_image.settings import ImageSettings


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """Networks for images (C, H, W); hidden sizes are multiples of ``settings.width[0]``."""
    return Networks(
        TextbookGenerator(layout, settings, deep),
        TextbookDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
    )


class TextbookGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to images (N, C, H, W) in [-1, 1].

    Hidden layers of 256, 512 and 1,024 at width 32. A condition is concatenated to ``z``.
    """

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        self.shape = layout.shape
        width = settings.width[0]
        inputs = settings.latent + (layout.condition.width if layout.condition else 0)
        hidden = [8 * width, 16 * width, 32 * width]
        layers: list[nn.Module] = []
        for a, b in zip([inputs, *hidden[:-1]], hidden, strict=True):
            layers += [nn.Linear(a, b), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1], math.prod(self.shape)))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.layers[:-1](concat_condition(z, c))
        flat = exact(self.layers[-1], h, self.deep).tanh()
        return flat.view(-1, *self.shape)


class TextbookDiscriminator(nn.Module):
    """``(images (N, C, H, W), c (N, width) | None)`` to logits (N,).

    Two strided convolutions (64 and 128 channels at width 32) and a linear map. A condition is
    concatenated to the image as constant planes.
    """

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        base = settings.width[0]
        planes = layout.condition.width if layout.condition else 0
        grid = math.ceil(height / 4) * math.ceil(width / 4)
        self.layers = nn.Sequential(
            nn.Conv2d(channels + planes, 2 * base, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(2 * base, 4 * base, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
            nn.Linear(4 * base * grid, 1),
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        if c is not None:
            planes = c[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, planes.to(x.dtype)], 1)
        logits: Tensor = self.layers[1:](exact(self.layers[0], x, self.deep)).squeeze(1)
        return logits
