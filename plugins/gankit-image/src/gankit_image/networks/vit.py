"""Plain transformers on patches, without convolutions (GAT, arXiv 2509.24935).

Both networks are stacks of pre-normalised blocks on a grid of patches::

    x + attention(norm(x));  x + MLP(norm(x))

In the generator every normalisation is scaled and shifted by the latent (Peebles & Xie 2023).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.errors import GankitError
from gankit.kit.layers import embedding
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import exact, linear
from gankit_image.settings import ImageSettings

HEAD = 32
"""Channels of an attention head, or all channels where they are no multiple of it."""
EXPAND = 4
"""Hidden channels of an MLP, relative to its input's."""


def build(layout: Layout, settings: ImageSettings, deep: bool = False) -> Networks:
    """Networks for images (C, H, W) of any size.

    ``settings.width[0]`` channels, ``settings.blocks`` blocks, patches with a side of
    ``settings.patch`` pixels.

    Raises:
        GankitError: a patch whose side is not a power of two.
    """
    return Networks(
        ViTGenerator(layout, settings, deep),
        ViTDiscriminator(layout, settings, deep),
        latent_dim=settings.latent,
    )


def patches(layout: Layout, settings: ImageSettings) -> Canvas:
    """The canvas whose coarsest grid has one cell for each patch."""
    _, height, width = layout.shape
    side = settings.patch
    if side & (side - 1):
        near = 2 ** (side.bit_length() - 1)
        raise GankitError(
            f"patch={side}: patches have a side that is a power of two", f"Use {near} or {2 * near}"
        )
    return Canvas(height, width, (-(-height // side), -(-width // side)), side.bit_length() - 1)


class Attention(nn.Module):
    """Self-attention over tokens (N, T, W), written out so that it has second derivatives."""

    def __init__(self, width: int, gain: float) -> None:
        super().__init__()
        self.heads = width // HEAD if width % HEAD == 0 else 1
        self.qkv = linear(width, 3 * width)
        self.out = _scaled(linear(width, width), gain)

    def forward(self, x: Tensor) -> Tensor:
        # (N, T, 3W) to three of (N, heads, T, W / heads)
        n, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(3)
        y: Tensor = self.out((weights.to(v.dtype) @ v).transpose(1, 2).flatten(2))
        return y


class MLP(nn.Module):
    """Two linear maps of each token with a GELU between them."""

    def __init__(self, width: int, gain: float) -> None:
        super().__init__()
        self.expand = nn.Linear(width, EXPAND * width)
        self.contract = _scaled(linear(EXPAND * width, width), gain)
        nn.init.normal_(self.expand.weight, std=1 / math.sqrt(width))
        nn.init.zeros_(self.expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.contract(F.gelu(self.expand(x), approximate="tanh"))
        return y


class Norm(nn.Module):
    """Layer normalisation of tokens (N, T, W), scaled and shifted by a style (N, S) if given."""

    def __init__(self, width: int, style: int = 0) -> None:
        super().__init__()
        self.width = width
        self.modulate = _scaled(linear(style, 2 * width), 0.5) if style else None
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        y = F.layer_norm(x, (self.width,), self.scale, self.shift)
        if self.modulate is not None:
            scale, shift = self.modulate(style)[:, None].chunk(2, 2)
            y = y * (1 + scale) + shift
        return y


class Block(nn.Module):
    """One block out of ``blocks``; its branches start small, so that their sum keeps variance."""

    def __init__(self, width: int, blocks: int, style: int = 0) -> None:
        super().__init__()
        gain = (2 * blocks) ** -0.5
        self.norms = nn.ModuleList(Norm(width, style) for _ in range(2))
        self.attend, self.think = Attention(width, gain), MLP(width, gain)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        x = x + self.attend(self.norms[0](x, style))
        y: Tensor = x + self.think(self.norms[1](x, style))
        return y


class ViTGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to images (N, C, H, W), unbounded."""

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        self.canvas = patches(layout, settings)
        channels, width = layout.shape[0], settings.width[0]
        condition = layout.condition
        self.embed = embedding(condition, settings.embedding) if condition else None
        inputs = settings.latent + (settings.embedding if condition else 0)
        self.style = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))
        self.tokens = nn.Parameter(torch.randn(1, math.prod(self.canvas.base), width))
        self.blocks = nn.ModuleList(
            Block(width, settings.blocks, width) for _ in range(settings.blocks)
        )
        self.norm = Norm(width, width)
        self.to_pixels = linear(width, channels * settings.patch**2)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        style = self.style(z)
        x = self.tokens.expand(z.shape[0], -1, -1)
        for block in self.blocks:
            x = block(x, style)
        pixels = exact(self.to_pixels, self.norm(x, style), self.deep)
        rows, columns = self.canvas.base
        side = 2**self.canvas.doublings
        # (N, rows * columns, C * side * side) to (N, C, rows * side, columns * side)
        grid = pixels.reshape(z.shape[0], rows, columns, -1, side, side).permute(0, 3, 1, 4, 2, 5)
        return self.canvas.crop(grid.reshape(z.shape[0], -1, *self.canvas.size))


class ViTDiscriminator(nn.Module):
    """``(images (N, C, H, W), c (N, width) | None)`` to logits (N,).

    A class token is read out by a linear map; with a condition, by the product with the condition's
    embedding over sqrt(W) (Miyato & Koyama 2018).
    """

    def __init__(self, layout: Layout, settings: ImageSettings, deep: bool = False) -> None:
        super().__init__()
        self.deep = deep
        self.canvas = patches(layout, settings)
        channels, width = layout.shape[0], settings.width[0]
        self.from_pixels = linear(channels * settings.patch**2, width)
        self.tokens = nn.Parameter(torch.randn(1, math.prod(self.canvas.base) + 1, width))
        self.blocks = nn.ModuleList(Block(width, settings.blocks) for _ in range(settings.blocks))
        self.norm = Norm(width)
        condition = layout.condition
        self.project = linear(width, width if condition else 1)
        self.embed = embedding(condition, width) if condition else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        rows, columns = self.canvas.base
        side = 2**self.canvas.doublings
        # (N, C, rows * side, columns * side) to (N, rows * columns, C * side * side)
        grid = self.canvas.pad(x).reshape(len(x), -1, rows, side, columns, side)
        pixels = grid.permute(0, 2, 4, 1, 3, 5).reshape(len(x), rows * columns, -1)
        h = F.pad(exact(self.from_pixels, pixels, self.deep), (0, 0, 1, 0)) + self.tokens
        for block in self.blocks:
            h = block(h)
        with torch.autocast(x.device.type, enabled=False):  # logits need full precision
            features: Tensor = self.project(self.norm(h[:, 0].to(self.tokens.dtype)))
            if self.embed is not None:
                features = features * self.embed(c) / math.sqrt(features.shape[1])
            return features.sum(1)


def _scaled(layer: nn.Linear, gain: float) -> nn.Linear:
    """The layer with its weights times ``gain``."""
    with torch.no_grad():
        layer.weight.mul_(gain)
    return layer
