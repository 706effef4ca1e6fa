"""Compact networks: what keeps R3GAN stable, at several times the images per second on a CPU.

R3GAN's objective, filtered resampling, head and initialisation (arXiv 2501.05441, section 3), with
two changes of arithmetic. Residual blocks are two ordinary 3×3 convolutions, which a CPU computes
faster than a 1×1, a grouped and another 1×1 one. And all blocks stand below full resolution, where
three quarters of the pixels are: a discriminator's first convolution sees the image as 2×2 pixels
a position, and a generator ends with two narrow convolutions at full resolution.

Every stage of the generator sees ``z``, which scales the channels inside its blocks (Karras et al.
2019, section 2, without the mapping network).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import SLOPE, embedding
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import Conv2d, Resample, exact, linear
from gankit_image.networks.r3gan import GAIN, Basis, Head, resample
from gankit_image.settings import ImageSettings

MODULATION = 0.5
"""Standard deviation of the factors by which ``z`` scales channels, initially."""
FINE = 16
"""Channels at full resolution, where a convolution costs most."""


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """Networks for images (C, H, W) of any size; ``settings.width`` ends at half of it."""
    return Networks(
        CompactGenerator(layout, settings, deep),
        CompactDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
    )


def widths(settings: ImageSettings, stages: int) -> list[int]:
    """Channels of each stage from the coarsest up: the last ones of the setting, of which the first
    is repeated. So a width belongs to a resolution, which decides what it costs."""
    given = list(settings.width[-stages:])
    return given[:1] * (stages - len(given)) + given


class Block(nn.Module):
    """``x + conv₃(f(conv₃(x)) · scale)``; initially the identity. f is a leaky ReLU.

    Args:
        branches: residual blocks of the network. The gain is L^(-1/2) for branches of two layers
            (Zhang et al. 2019, section 3).
    """

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        gain = GAIN * branches**-0.5
        self.expand = Conv2d(channels, channels, 3, bias=True, gain=gain)
        self.contract = Conv2d(channels, channels, 3, gain=0)

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        h = F.leaky_relu(self.expand(x), SLOPE)
        y: Tensor = x + self.contract(h if scale is None else h * scale)
        return y


class ModulatedStage(nn.Module):
    """Blocks of one resolution, each with channels scaled by ``1 + A z``."""

    def __init__(self, channels: int, inputs: int, blocks: int, stages: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(channels, blocks * stages) for _ in range(blocks))
        self.scales = nn.ModuleList(linear(inputs, channels) for _ in range(blocks))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        for block, scale in zip(self.blocks, self.scales, strict=True):
            x = block(x, 1 + MODULATION * scale(z)[:, :, None, None].to(x.dtype))
        return x


class CompactGenerator(nn.Module):
    """``(z (N, latent) or (N, stages, latent), c (N, width) | None)`` to images (N, C, H, W),
    unbounded (no tanh)."""

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width, at_least=1)
        stages = widths(settings, self.canvas.doublings)
        self.stages = len(stages)
        condition = layout.condition
        self.embed = embedding(condition, settings.embedding) if condition else None
        inputs = settings.latent + (settings.embedding if condition else 0)
        self.basis = Basis(inputs, stages[0], self.canvas.base)
        self.modulated = nn.ModuleList(
            ModulatedStage(w, inputs, settings.blocks, len(stages)) for w in stages
        )
        self.ups = nn.ModuleList(
            resample(coarse, fine, up=True) for coarse, fine in pairwise(stages)
        )
        self.to_fine = nn.Sequential(Conv2d(stages[-1], FINE), Resample(up=True))
        self.refine = Conv2d(FINE, FINE, 3, bias=True, gain=GAIN)
        self.to_image = Conv2d(FINE, channels, 3)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        each = [z] * self.stages if z.ndim == 2 else list(z.unbind(1))
        if self.embed is not None:
            e = self.embed(c)
            each = [torch.cat([z, e], 1) for z in each]
        x = self.modulated[0](self.basis(each[0]), each[0])
        for up, stage, z in zip(self.ups, self.modulated[1:], each[1:], strict=True):
            x = stage(up(x), z)
        x = F.leaky_relu(self.refine(self.to_fine(x)), SLOPE)
        return self.canvas.crop(exact(self.to_image, x, self.deep))


class CompactDiscriminator(nn.Module):
    """``(images (N, C, H, W), c (N, width) | None)`` to logits (N,)."""

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width, at_least=1)
        stages = widths(settings, self.canvas.doublings)[::-1]
        branches = settings.blocks * len(stages)
        self.from_image = Conv2d(4 * channels, stages[0], 3)
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(w, branches) for _ in range(settings.blocks))) for w in stages
        )
        self.downs = nn.ModuleList(
            resample(fine, coarse, up=False) for fine, coarse in pairwise(stages)
        )
        self.head = Head(stages[-1], self.canvas.base, layout.condition)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = exact(self.from_image, F.pixel_unshuffle(self.canvas.pad(x), 2), self.deep)
        for blocks, down in zip(self.blocks[:-1], self.downs, strict=True):
            x = down(blocks(x))
        logits: Tensor = self.head(self.blocks[-1](x), c)
        return logits
