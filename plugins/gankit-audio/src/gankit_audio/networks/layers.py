"""Layers and sizes that the networks of waveforms share."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Condition, Layout
from gankit.kit.layers import SLOPE, embedding
from gankit_audio.settings import AudioSettings

EMBEDDING = 64
"""Width of a generator's embedding of its condition."""


def width_of(settings: AudioSettings, default: int) -> int:
    """Channels of the networks: ``settings.width``, or the default for 0."""
    return settings.width or default


def input_width(layout: Layout, settings: AudioSettings) -> int:
    """Width of ``z`` concatenated with the embedding of a condition."""
    return settings.latent + (EMBEDDING if layout.condition else 0)


def power_of_two(seconds: float, rate: int, length: int) -> int:
    """A window of about ``seconds`` in samples, as a power of two; at most half of a clip of
    ``length`` samples."""
    nearest = round(math.log2(seconds * rate))
    return int(2 ** max(min(nearest, int(math.log2(length / 2))), 3))


def linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """A linear map with weights from N(0, gain²/inputs) and zero bias."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    nn.init.zeros_(layer.bias)
    return layer


class ProjectionHead(nn.Module):
    """Features (N, W) to logits (N,): a linear map, plus with a condition the product of features
    and its embedding, over sqrt(W) (Miyato & Koyama 2018, equation 3)."""

    def __init__(self, channels: int, condition: Condition | None) -> None:
        super().__init__()
        self.plain = linear(channels, 1)
        self.embed = embedding(condition, channels) if condition else None

    def forward(self, features: Tensor, c: Tensor | None) -> Tensor:
        logits: Tensor = self.plain(features).squeeze(1)
        if self.embed is not None:
            logits = logits + (features * self.embed(c)).sum(1) / math.sqrt(features.shape[1])
        return logits


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)
