"""R3GAN: residual networks without normalisation (Huang et al. 2024, arXiv 2501.05441, section 3).

Both networks are the same stack of stages of residual blocks, the coarsest at about 4×4::

    x + [1×1, w to 2w, bias, leaky ReLU; 3×3 in groups, bias, leaky ReLU; 1×1, 2w to w](x)
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Condition, Layout, Networks
from gankit.kit.layers import SLOPE, embedding
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import Conv2d, Resample, exact, linear
from gankit_image.settings import ImageSettings


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """Networks for images (C, H, W) of any size."""
    return Networks(
        R3GANGenerator(layout, settings),
        R3GANDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
    )


GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Keeps variance through a leaky ReLU (He et al. 2015, eq. 15)."""


class Block(nn.Module):
    """A residual block; initially the identity, since its third convolution is zero."""

    def __init__(self, channels: int, group_size: int, gain: float) -> None:
        super().__init__()
        inner = 2 * channels
        self.expand = Conv2d(channels, inner, bias=True, gain=gain)
        self.mix = Conv2d(inner, inner, 3, group_size=group_size, bias=True, gain=gain)
        self.contract = Conv2d(inner, channels, gain=0)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.expand(x), SLOPE)
        h = F.leaky_relu(self.mix(h), SLOPE)
        y: Tensor = x + self.contract(h)
        return y


def stage_widths(settings: ImageSettings, stages: int) -> list[int]:
    """Channels of each stage from the coarsest up; the last one of the setting is repeated."""
    given = list(settings.width[:stages])
    return given + given[-1:] * (stages - len(given))


def stage(channels: int, stages: int, settings: ImageSettings) -> nn.Sequential:
    """The blocks of one stage out of ``stages``.

    The gain keeps variance through a leaky ReLU and shrinks with the
    network's L blocks as L^(-1/4), the rule for branches of three layers (Zhang et al. 2019).
    """
    blocks = settings.blocks * stages
    gain = GAIN * blocks**-0.25
    return nn.Sequential(
        *(Block(channels, settings.group_size, gain) for _ in range(settings.blocks))
    )


def resample(inputs: int, outputs: int, *, up: bool) -> nn.Sequential:
    """The layer between two stages; channels change on the coarser side."""
    change = [Conv2d(inputs, outputs)] if inputs != outputs else []
    filter = Resample(up=up)
    return nn.Sequential(*change, filter) if up else nn.Sequential(filter, *change)


class Basis(nn.Module):
    """A learned coarse grid, scaled channel by channel by a linear map of ``z``."""

    def __init__(self, inputs: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(1, channels, *size))
        self.scale = linear(inputs, channels)

    def forward(self, z: Tensor) -> Tensor:
        scale: Tensor = self.scale(z)[:, :, None, None]
        return self.basis.to(scale.dtype) * scale


class R3GANGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to images (N, C, H, W), unbounded (no tanh)."""

    def __init__(self, layout: Layout, settings: ImageSettings) -> None:
        super().__init__()
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width)
        widths = stage_widths(settings, self.canvas.doublings + 1)
        condition = layout.condition
        self.embed = embedding(condition, settings.embedding) if condition else None
        inputs = settings.latent + (settings.embedding if condition else 0)
        self.basis = Basis(inputs, widths[0], self.canvas.base)
        self.stages = nn.ModuleList(stage(w, len(widths), settings) for w in widths)
        self.ups = nn.ModuleList(
            resample(coarse, fine, up=True) for coarse, fine in pairwise(widths)
        )
        self.to_image = Conv2d(widths[-1], channels)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        x = self.stages[0](self.basis(z))
        for up, blocks in zip(self.ups, self.stages[1:], strict=True):
            x = blocks(up(x))
        return self.canvas.crop(exact(self.to_image, x))


class Head(nn.Module):
    """Features of the coarsest stage (N, W, h, w) to logits (N,).

    A depthwise convolution over the whole grid, then a linear map to one logit. With a condition,
    the linear map has W outputs, and the logit is their product with the condition's embedding
    over sqrt(W) (Miyato & Koyama 2018).
    """

    def __init__(self, channels: int, size: tuple[int, int], condition: Condition | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, channels, *size))
        nn.init.normal_(self.weight, std=1 / math.sqrt(size[0] * size[1]))
        self.project = linear(channels, channels if condition else 1)
        self.embed = embedding(condition, channels) if condition else None

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # logits need full precision
            x = x.to(self.weight.dtype)
            features: Tensor = self.project((x * self.weight).sum((2, 3)))
            if self.embed is not None:
                features = features * self.embed(c) / math.sqrt(features.shape[1])
            return features.sum(1)


class R3GANDiscriminator(nn.Module):
    """``(images (N, C, H, W), c (N, width) | None)`` to logits (N,); the generator's mirror."""

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        channels, height, width = layout.shape
        self.canvas = Canvas.of(height, width)
        widths = stage_widths(settings, self.canvas.doublings + 1)[::-1]
        self.from_image = Conv2d(channels, widths[0])
        self.stages = nn.ModuleList(stage(w, len(widths), settings) for w in widths)
        self.downs = nn.ModuleList(
            resample(fine, coarse, up=False) for fine, coarse in pairwise(widths)
        )
        self.head = Head(widths[-1], self.canvas.base, layout.condition)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = exact(self.from_image, self.canvas.pad(x), self.deep)
        for blocks, down in zip(self.stages[:-1], self.downs, strict=True):
            x = down(blocks(x))
        logits: Tensor = self.head(self.stages[-1](x), c)
        return logits
