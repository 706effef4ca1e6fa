"""A projected discriminator (Sauer et al. 2021, "Projected GANs Converge Faster", arXiv
2111.01007, section 3): small networks judge what a frozen network of ImageNet sees.

    image -> EfficientNet-Lite0, four scales -> random 1×1 across channels
          -> random 1×1 and bilinear ×2, added from the coarsest scale down
          -> four discriminators with spectral normalisation

Neither the feature network nor the random mixing is trained. With only the four small networks to
train, a few hundred images last much longer before they are memorised.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Condition, Layout, Networks
from gankit.kit.layers import SLOPE, embedding
from gankit_image.networks.efficientnet import (
    CHANNELS,
    NAME,
    STRIDES,
    EfficientNetLite0,
    load_efficientnet_lite0,
)
from gankit_image.networks.fastgan import FastGANGenerator
from gankit_image.settings import ImageSettings

MIXED = (64, 128, 256, 512)
"""Channels of the four scales after mixing, from the finest."""
FINAL = 8
"""Rows and columns from which on a head has its last convolution."""
EMBEDDING = 64
"""Features that a condition's embedding is multiplied with, in each position."""
MULTIPLE = 32
"""What the sides of the feature network's input are multiples of."""


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """FastGAN's generator and a projected discriminator, for images (C, H, W) of any size.

    Raises:
        GankitError: the package with the feature network's weights is missing.
    """
    return Networks(
        FastGANGenerator(layout, settings),
        ProjectedDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
        batch_dependent=True,
        backbones=frozenset({NAME}),
    )


class ProjectedDiscriminator(nn.Module):
    """``(images (N, C, H, W) in [-1, 1], c (N, width) | None)`` to logits (N, M).

    The logits of the four scales stand side by side, as many of each, so that scales count
    equally. More than three channels are shown to the feature network three at a time (the alpha
    channel as a grey image of its own), and their features are mixed together.

    Its state holds the random mixing, but not the feature network, which comes from its package.
    """

    def __init__(
        self,
        layout: Layout,
        settings: ImageSettings,
        deep: bool = False,
        backbone: EfficientNetLite0 | None = None,
    ) -> None:
        super().__init__()
        channels, height, width = layout.shape
        self.deep = deep
        self.size = backbone_size(height, width, settings.backbone_side)
        self.views = -(-channels // 3)
        self.backbone = backbone or load_efficientnet_lite0("architecture=projected")
        self.mix = Mixing(self.views)
        grids = [(self.size[0] // stride, self.size[1] // stride) for stride in STRIDES]
        self.heads = nn.ModuleList(
            Head(inputs, grid, layout.condition) for inputs, grid in zip(MIXED, grids, strict=True)
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        scales = self.mix(self.features(x))
        grids = [head(h, c) for head, h in zip(self.heads, scales, strict=True)]
        # Coarse grids of logits are repeated to the size of the largest.
        height, width = (max(grid.shape[axis] for grid in grids) for axis in (1, 2))
        return torch.cat([_repeated(grid, height, width).flatten(1) for grid in grids], 1)

    def features(self, x: Tensor) -> list[Tensor]:
        """The feature network's four maps; those of all views of an image side by side."""
        n, channels, height, width = x.shape
        if channels % 3:  # grey is repeated, and so is the last of several bands
            x = torch.cat([x, x[:, -1:].expand(-1, 3 * self.views - channels, -1, -1)], 1)
        if (height, width) != self.size:
            smaller = height > self.size[0] or width > self.size[1]
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False, antialias=smaller)
        found = self.backbone(x.reshape(n * self.views, 3, *self.size), self.deep)
        if self.views == 1:
            return list(found)
        return [h.reshape(n, -1, *h.shape[2:]) for h in found]


def backbone_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns that an image is brought to: about ``side``² pixels of its own aspect ratio,
    in multiples of 32."""
    scale = side / math.sqrt(height * width)
    rows, columns = (max(round(n * scale / MULTIPLE), 1) * MULTIPLE for n in (height, width))
    return rows, columns


class Mixing(nn.Module):
    """The frozen random mixing of channels and scales (sections 3.2 and 3.3).

    Four maps of EfficientNet's channels, ``views`` of each, to four of :data:`MIXED`. Its weights
    are N(0, 2/fan-in), and part of the state.
    """

    def __init__(self, views: int) -> None:
        super().__init__()
        for i, (inputs, outputs) in enumerate(zip(CHANNELS, MIXED, strict=True)):
            self.register_buffer(f"across{i}", _random(inputs * views, outputs))
        for i, (fine, coarse) in enumerate(pairwise(MIXED)):
            self.register_buffer(f"down{i}", _random(coarse, fine))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        mixed = [F.conv2d(h, self.get_buffer(f"across{i}")) for i, h in enumerate(maps)]
        for i in reversed(range(len(mixed) - 1)):
            coarse = F.conv2d(mixed[i + 1], self.get_buffer(f"down{i}"))
            mixed[i] = mixed[i] + F.interpolate(
                coarse, scale_factor=2, mode="bilinear", align_corners=False
            )
        return mixed


def _random(inputs: int, outputs: int) -> Tensor:
    return torch.randn(outputs, inputs, 1, 1) * math.sqrt(2 / inputs)


class Head(nn.Module):
    """``(features (N, inputs, *grid), c | None)`` to a grid of logits (N, h, w).

    Convolutions of stride 2 until a grid of at most 8×8, which double the channels, then one to
    logits. With a condition, the last one gives features, and a logit is their product with the
    condition's embedding over the root of their number (Miyato & Koyama 2018).
    """

    def __init__(self, inputs: int, grid: tuple[int, int], condition: Condition | None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while max(grid) > FINAL and min(grid) > 1:
            layers += [
                SpectralConv2d(inputs, 2 * inputs, (4, 4), stride=2, padding=1),
                nn.BatchNorm2d(2 * inputs),
                nn.LeakyReLU(SLOPE),
            ]
            inputs, grid = 2 * inputs, (grid[0] // 2, grid[1] // 2)
        self.layers = nn.Sequential(*layers)
        kernel = min(4, grid[0]), min(4, grid[1])
        self.last = SpectralConv2d(inputs, EMBEDDING if condition else 1, kernel)
        self.embed = embedding(condition, EMBEDDING) if condition else None

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        h = self.layers(x)
        with torch.autocast(x.device.type, enabled=False):  # logits need full precision
            found: Tensor = self.last(h.to(self.last.weight.dtype))
            if self.embed is not None:
                found = found * self.embed(c)[:, :, None, None] / math.sqrt(EMBEDDING)
            return found.sum(1)


class SpectralConv2d(nn.Module):
    """A convolution whose weight, as a matrix of its outputs' rows, has spectral norm 1 (Miyato et
    al. 2018): divided by an estimate that one power iteration improves in each forward pass in
    training."""

    direction: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], *, stride: int = 1,
        padding: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, kernel)
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.padding = stride, padding
        self.register_buffer("direction", F.normalize(torch.randn(outputs), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight / self.norm(), self.bias, self.stride, self.padding)

    def norm(self) -> Tensor:
        """The estimate of the weight's largest singular value, 0-d, differentiable."""
        with torch.autocast(self.weight.device.type, enabled=False):
            matrix = self.weight.flatten(1)
            with torch.no_grad():
                right = F.normalize(matrix.t() @ self.direction, dim=0)
                left = F.normalize(matrix @ right, dim=0)
                if self.training:
                    self.direction.copy_(left)
            return left @ (matrix @ right)


def _repeated(grid: Tensor, height: int, width: int) -> Tensor:
    if grid.shape[1:] == (height, width):
        return grid
    return F.interpolate(grid[:, None], (height, width), mode="nearest")[:, 0]
