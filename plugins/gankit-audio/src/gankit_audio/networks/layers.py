"""What the networks of waveforms share: sizes, windows and maps of a condition."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Categorical, Condition, Layout
from gankit.errors import GankitError
from gankit_audio.settings import AudioSettings

SLOPE = 0.2
"""Of leaky ReLU, wherever it stands."""
EMBEDDING = 64
"""Dimensions of a generator's embedding of its condition."""


def width_of(settings: AudioSettings, default: int) -> int:
    """Channels of the networks: ``settings.width``, where 0 takes the default.

    Raises:
        GankitError: the networks would be empty.
    """
    for name, size, least in (("width", settings.width, 0), ("latent", settings.latent, 1)):
        if size < least:
            raise GankitError(
                f"{name}={size}: the networks would be empty",
                f"{name} takes numbers of at least {least}" + " (0 is the default)" * (not least),
            )
    return settings.width or default


def inputs_of(layout: Layout, settings: AudioSettings) -> int:
    """Width of ``z`` with the embedding of a condition beside it."""
    return settings.latent + (EMBEDDING if layout.condition else 0)


def power_of_two(seconds: float, rate: int, length: int) -> int:
    """The window nearest to so many seconds, in samples; at most half of a clip of ``length``.

    Powers of two are what a fast Fourier transform is fast at.
    """
    wanted = round(math.log2(seconds * rate))
    return int(2 ** max(min(wanted, int(math.log2(length / 2))), 3))


def linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """A linear map with weights from N(0, gain²/inputs), and no offset at the start."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    nn.init.zeros_(layer.bias)
    return layer


def embedding(condition: Condition, outputs: int) -> nn.Linear:
    """``c`` (N, condition.width) to (N, outputs), N(0, 1) at the start.

    Of one class it is a table; the embeddings of several fields add up. Where numbers are all
    there is, an offset keeps their mean, c = 0, from being embedded as nothing.
    """
    has_classes = any(isinstance(field, Categorical) for field in condition.fields)
    layer = nn.Linear(condition.width, outputs, bias=not has_classes)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


class Judgement(nn.Module):
    """Features (N, W) to logits (N,): a linear map, and with a condition the product with its
    embedding beside it, over sqrt(W) (Miyato & Koyama 2018, equation 3)."""

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
