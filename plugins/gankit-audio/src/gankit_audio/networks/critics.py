"""Discriminators for what has an inverse Fourier transform at its end: critics of spectra and one
of the waveform, whose logits add up.

Each critic of spectra sees a complex short-time transform, real and imaginary parts as channels,
through windows of its own length (Défossez et al. 2022, arXiv 2210.13438, section 3.4, has five):
short ones see when something happens, long ones at which pitch. There is no magnitude and no angle
and hence no root and no quotient, so that all derivatives exist at silence too. Nothing is
normalised: R1 and R2 hold the critics in bounds.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Condition, Layout
from gankit_audio.networks.fourier import Fourier
from gankit_audio.networks.layers import SLOPE, Judgement, leaky, power_of_two

WINDOWS = (1 / 128, 1 / 32, 1 / 16)
"""Lengths of the windows in seconds, roughly: the powers of two nearest to them."""
FOLD = 8
"""Samples that the critic of waveforms takes together, as channels."""
COARSE = 8
"""Steps, along time and along frequency, at which a critic halves no further."""


class Critics(nn.Module):
    """``(waveforms (N, C, T), c (N, width) | None)`` to logits (N,): the sum over critics, divided
    by the root of their number.

    Args:
        rate: samples a second, from which the windows' lengths follow.
        width: channels of each critic's first layer; later ones have twice as many.
    """

    def __init__(self, layout: Layout, width: int, rate: int) -> None:
        super().__init__()
        length = layout.shape[1]
        windows = dict.fromkeys(power_of_two(seconds, rate, length) for seconds in WINDOWS)
        self.critics = nn.ModuleList(SpectrumCritic(layout, width, n) for n in windows)
        self.critics.append(WaveformCritic(layout, width))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        logits = torch.stack([critic(x, c) for critic in self.critics])
        return logits.sum(0) / math.sqrt(len(self.critics))


class SpectrumCritic(nn.Module):
    """One critic of spectra with windows of ``n`` samples: convolutions over time and frequency,
    each halving what is still long."""

    def __init__(self, layout: Layout, width: int, n: int) -> None:
        super().__init__()
        channels, length = layout.shape
        self.fourier = Fourier(n, length)
        time, frequency = self.fourier.frames, self.fourier.bins - 1  # without bin 0
        layers: list[nn.Module] = []
        inputs, outputs = 2 * channels, width
        while not layers or max(time, frequency) > COARSE:
            stride = (1 + (time > COARSE), 1 + (frequency > COARSE))
            kernel = 3 if layers else 5
            layers.append(_scaled(nn.Conv2d, inputs, outputs, kernel, stride))
            time, frequency = -(-time // stride[0]), -(-frequency // stride[1])
            inputs, outputs = outputs, 2 * width
        self.layers = nn.ModuleList(layers)
        self.head = Head(inputs, frequency, layout.condition)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # there is no transform in bf16
            spectra = torch.view_as_real(self.fourier.analyse(x)[..., 1:])
            h = spectra.permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous()
        for layer in self.layers:
            h = leaky(layer(h))
        logits: Tensor = self.head(h, c)
        return logits


class WaveformCritic(nn.Module):
    """The critic of waveforms: convolutions over time, each with a stride of 4."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        channels, length = layout.shape
        self.beyond = -length % FOLD
        steps = -(-length // FOLD)
        layers: list[nn.Module] = []
        inputs = channels * FOLD
        while not layers or steps > COARSE:
            layers.append(_scaled(nn.Conv1d, inputs, 2 * width, 9, 4))
            steps, inputs = -(-steps // 4), 2 * width
        self.layers = nn.ModuleList(layers)
        self.head = Head(inputs, 1, layout.condition)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        n, channels, _ = x.shape
        h = F.pad(x, (0, self.beyond)).reshape(n, channels, -1, FOLD)
        h = h.transpose(2, 3).flatten(1, 2)
        for layer in self.layers:
            h = leaky(layer(h))
        logits: Tensor = self.head(h.unsqueeze(3), c)
        return logits


class Head(nn.Module):
    """Features (N, W, time, frequency) to logits (N,): a weighted sum over frequencies and the
    mean over time, then the judgement."""

    def __init__(self, channels: int, frequencies: int, condition: Condition | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, frequencies) / math.sqrt(frequencies))
        self.judgement = Judgement(channels, condition)

    def forward(self, h: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(h.device.type, enabled=False):  # logits want all their digits
            features = (h.to(self.weight.dtype).mean(2) * self.weight).sum(2)
            logits: Tensor = self.judgement(features, c)
        return logits


def _scaled(layer: Any, inputs: int, outputs: int, kernel: int, stride: Any) -> nn.Module:
    """A convolution that keeps variance through the leaky ReLU after it (He et al. 2015)."""
    made: nn.Module = layer(inputs, outputs, kernel, stride, padding=kernel // 2)
    assert isinstance(made, nn.Conv1d | nn.Conv2d)
    nn.init.kaiming_normal_(made.weight, a=SLOPE)
    assert made.bias is not None
    nn.init.zeros_(made.bias)
    return made
