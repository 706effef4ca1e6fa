"""Features of untrained convolutions on mel spectrograms."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from gankit.contract import Extractor
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.network_extractor import (
    NetworkExtractor,
)


class RandomMel(nn.Module):
    """Untrained convolutions over a log-mel spectrogram; mean and standard deviation over time.

    The channels of each layer are averaged within frequency bands, so that features depend on
    pitch, and over time, so that they depend on texture but not on position. They detect noise,
    smeared phases, wrong pitches and missing classes, and need no download.
    """

    rate = 16_000
    size, hop, mels = 512, 128, 96
    floor = 1e-3
    """Magnitude of silence in a band, relative to a full-scale sine: -60 dB."""
    layers = ((8, 8), (16, 4), (32, 2))
    """Channels of each layer, and bands within which they are averaged."""
    bands, weight = 24, 0.3
    """Bands of the moments of the spectrogram itself, and their weight, which keeps them, and with
    them loudness, from dominating."""
    weight0: Tensor
    weight1: Tensor
    weight2: Tensor
    window: Tensor
    bank: Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        fan = 1
        for i, (width, _) in enumerate(self.layers):
            weight = torch.randn(width, fan, 5, 5, generator=draw)
            if i == 0:  # detects edges and lines at any level
                weight -= weight.mean((2, 3), keepdim=True)
            self.register_buffer(f"weight{i}", weight * (2.0 / (25 * fan)) ** 0.5)
            fan = width
        self.register_buffer("window", torch.hann_window(self.size))
        bank = melscale_fbanks(self.size // 2 + 1, 40.0, self.rate / 2, self.mels, self.rate)
        self.register_buffer("bank", bank / bank.sum(0).clamp_min(1e-9))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, max(0, 8 * self.hop - x.shape[1])))
        spectrum = torch.stft(
            x, self.size, self.hop, window=self.window, pad_mode="constant", return_complex=True
        )
        power = (spectrum.abs() / (self.window.sum() / 2)).square()
        x = (power.transpose(1, 2) @ self.bank).transpose(1, 2)[:, None]
        x = 0.5 * torch.log(x + self.floor**2) - math.log(self.floor) - 2.0
        moments = [self.weight * m for m in _moments(x, self.bands)]
        for weight, (_, bands) in zip(
            (self.weight0, self.weight1, self.weight2), self.layers, strict=True
        ):
            x = F.relu(F.conv2d(x, weight, padding=2))
            moments += _moments(x, bands)
            x = F.avg_pool2d(x, 2)
        return torch.cat(moments, dim=1)


def _moments(x: Tensor, bands: int) -> list[Tensor]:
    """Mean and deviation over time within bands, of ``(N, C, mels, frames)``."""
    banded = x.view(*x.shape[:2], bands, -1, x.shape[3]).mean(3)
    return [banded.mean(3).flatten(1), banded.std(3, unbiased=False).flatten(1)]


def random_mel() -> Extractor[Clip]:
    """432 features of :class:`RandomMel` at 16 kHz."""
    return NetworkExtractor("random-mel", RandomMel(), RandomMel.rate)
