"""FastGAN's generator in its light form: one convolution a stage and skip-layer excitation
(Liu et al. 2021, arXiv 2101.04775, section 3.1; as a light generator for few images, Sauer et al.
2021, arXiv 2111.01007, section 4).

The paper adds noise to the feature maps. A generator here is a function of its input, so that a
seed stays a picture: there is none.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout
from gankit.kit.layers import embedding
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import exact
from gankit_image.networks.r3gan import stage_widths
from gankit_image.settings import ImageSettings

STD = 0.02
REACH = 4
"""Stages that an excitation skips: from 4×4 to 64×64, from 8×8 to 128×128, …"""


class FastGANGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to images (N, C, H, W) in [-1, 1].

    ``z`` is scaled to the norm ``sqrt(latent)``; the embedding of ``c`` is concatenated to it. In
    ``eval()`` running statistics replace the batch's, so that a sample depends on its own ``z``
    and ``c`` only. ``settings.width`` has the channels of each stage, from the coarsest.
    """

    def __init__(self, layout: Layout, settings: ImageSettings) -> None:
        super().__init__()
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width)
        widths = stage_widths(settings, self.canvas.doublings + 1)
        condition = layout.condition
        self.embed = embedding(condition, settings.embedding) if condition else None
        inputs = settings.latent + (settings.embedding if condition else 0)
        start = nn.ConvTranspose2d(inputs, 2 * widths[0], self.canvas.base, bias=False)
        self.stages = nn.ModuleList([nn.Sequential(start, *_gated(widths[0]))])
        for coarse, fine in pairwise(widths):
            mix = nn.Conv2d(coarse, 2 * fine, 3, padding=1, bias=False)
            self.stages.append(nn.Sequential(nn.Upsample(scale_factor=2), mix, *_gated(fine)))
        self.excite = nn.ModuleList(
            SkipLayerExcitation(low, high, self.canvas.base)
            for low, high in zip(widths, widths[REACH:], strict=False)
        )
        self.to_image = nn.Conv2d(widths[-1], channels, 3, padding=1)
        self.apply(_initialise)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        if self.embed is not None:
            x = torch.cat([x, self.embed(c)], 1)
        x = x[:, :, None, None]
        maps: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number >= REACH:
                x = self.excite[number - REACH](maps[number - REACH], x)
            maps.append(x)
        return self.canvas.crop(exact(self.to_image, x).tanh())


class SkipLayerExcitation(nn.Module):
    """``(low (N, L, ·, ·), high (N, H, ·, ·))`` to ``high`` with each channel scaled by a number in
    (0, 1) that is computed from ``low`` (equations 1 and 2).

    Args:
        low, high: channels.
        grid: rows and columns that ``low`` is averaged to; they divide its size. The paper has 4×4.
    """

    def __init__(self, low: int, high: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.squeeze = nn.Conv2d(low, high, grid)
        self.scale = nn.Conv2d(high, high, 1)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        averaged = F.avg_pool2d(low, low.shape[2] // self.grid[0])
        h = F.leaky_relu(self.squeeze(averaged), 0.1)
        y: Tensor = high * self.scale(h).sigmoid()
        return y


def _gated(channels: int) -> tuple[nn.Module, ...]:
    """Batch normalisation of twice the channels, the second half of which gates the first."""
    return nn.BatchNorm2d(2 * channels), nn.GLU(dim=1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=STD)
