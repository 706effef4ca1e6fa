"""The discriminator for the iSTFT generator: critics of spectra and one of the waveform, whose
logits are summed.

Each critic of spectra sees a complex short-time Fourier transform, real and imaginary parts as
channels, with a window length of its own (Défossez et al. 2022, arXiv 2210.13438, section 3.4, has
five): short windows resolve time, long ones pitch. Magnitudes and angles are not used: without
roots and quotients all derivatives exist at silence too. There is no normalisation: R1 and R2 bound
the critics.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Condition, Layout
from gankit.kit.layers import SLOPE
from gankit_audio.networks.fourier import Fourier
from gankit_audio.networks.layers import ProjectionHead, leaky, power_of_two

WINDOWS = (1 / 128, 1 / 32, 1 / 16)
"""Approximate window lengths in seconds, rounded to powers of two in samples."""
FOLD = 8
"""Samples that the critic of the waveform folds into channels."""
COARSE = 8
"""Most steps along time, and along frequency, after the last layer."""


class Critics(nn.Module):
    """``(waveforms (N, C, T), c (N, width) | None)`` to logits (N,): the sum over critics, divided
    by the square root of their number.

    Args:
        width: channels of each critic's first layer; later layers have twice as many.
        rate: samples per second, which determines the window lengths.
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
    """A critic of spectra with windows of ``n`` samples: convolutions over time and frequency, with
    stride 2 along an axis while it is longer than ``COARSE``."""

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
        with torch.autocast(x.device.type, enabled=False):  # bf16 has no Fourier transform
            spectra = torch.view_as_real(self.fourier.analyse(x)[..., 1:])
            h = spectra.permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous()
        for layer in self.layers:
            h = leaky(layer(h))
        logits: Tensor = self.head(h, c)
        return logits


class WaveformCritic(nn.Module):
    """The critic of the waveform: convolutions over time with stride 4."""

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
    """Features (N, W, time, frequency) to logits (N,): the mean over time and a weighted sum over
    frequencies, then a :class:`ProjectionHead`."""

    def __init__(self, channels: int, frequencies: int, condition: Condition | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, frequencies) / math.sqrt(frequencies))
        self.judgement = ProjectionHead(channels, condition)

    def forward(self, h: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(h.device.type, enabled=False):  # logits need full precision
            features = (h.to(self.weight.dtype).mean(2) * self.weight).sum(2)
            logits: Tensor = self.judgement(features, c)
        return logits


def _scaled(layer: Any, inputs: int, outputs: int, kernel: int, stride: Any) -> nn.Module:
    """A convolution that preserves variance through a leaky ReLU (He et al. 2015)."""
    made: nn.Module = layer(inputs, outputs, kernel, stride, padding=kernel // 2)
    assert isinstance(made, nn.Conv1d | nn.Conv2d)
    nn.init.kaiming_normal_(made.weight, a=SLOPE)
    assert made.bias is not None
    nn.init.zeros_(made.bias)
    return made
