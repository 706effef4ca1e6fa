"""DCGAN: strided convolutions and batch normalisation (Radford et al. 2016, section 3)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import SLOPE, embedding
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import exact
from gankit_image.settings import ImageSettings

STD = 0.02
WIDEST = 8
"""Channels stop doubling at this multiple of the base width: 64 to 512 at 64×64 and above."""


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """Networks for images (C, H, W) of any size; ``settings.width[0]`` is the base width."""
    return Networks(
        DCGANGenerator(layout, settings, deep),
        DCGANDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
        batch_dependent=True,
    )


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02²) for weights (section 4), N(1, 0.02²) for the scale of batch normalisation."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=STD)


def _widths(settings: ImageSettings, levels: int) -> list[int]:
    """Channels from full resolution down, after each strided convolution."""
    return [settings.width[0] * min(2**level, WIDEST) for level in range(levels)]


class DCGANGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to images (N, C, H, W) in [-1, 1].

    The embedding of ``c`` is concatenated to ``z``. In ``eval()`` the running statistics replace
    the batch's, so that a sample depends only on its own ``z`` and ``c``.
    """

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width, at_least=1)
        condition = layout.condition
        self.embed = embedding(condition, settings.embedding) if condition else None
        inputs = settings.latent + (settings.embedding if condition else 0)
        widths = _widths(settings, self.canvas.doublings)[::-1]

        layers: list[nn.Module] = [
            nn.ConvTranspose2d(inputs, widths[0], self.canvas.base, bias=False)
        ]
        for coarse, fine in pairwise(widths):
            layers += [nn.BatchNorm2d(coarse), nn.ReLU()]
            layers += [nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers).apply(_initialise)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        h = self.layers[:-1](z[:, :, None, None])
        return self.canvas.crop(exact(self.layers[-1], h, self.deep).tanh())


class DCGANDiscriminator(nn.Module):
    """``(images (N, C, H, W), c (N, width) | None)`` to logits (N,).

    Constant label planes concatenated to the image are equivalent to a bias on the first
    convolution's outputs, which is cheap for any number of classes.
    """

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width, at_least=1)
        widths = _widths(settings, self.canvas.doublings)
        self.first = nn.Conv2d(channels, widths[0], 4, stride=2, padding=1)
        condition = layout.condition
        self.planes = nn.Linear(condition.width, widths[0], bias=False) if condition else None

        layers: list[nn.Module] = []
        for fine, coarse in pairwise(widths):
            layers += [nn.Conv2d(fine, coarse, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(coarse), nn.LeakyReLU(SLOPE)]
        layers += [nn.Conv2d(widths[-1], 1, self.canvas.base)]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)
        if self.planes is not None:  # as the sum of a plane's 4×4 weights
            nn.init.normal_(self.planes.weight, std=4 * STD)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = exact(self.first, self.canvas.pad(x), self.deep)
        if self.planes is not None:
            h = h + self.planes(c)[:, :, None, None]
        logits: Tensor = self.layers(F.leaky_relu(h, SLOPE)).flatten()
        return logits
