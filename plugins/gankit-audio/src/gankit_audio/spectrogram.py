"""Clips as pictures of their sound, and back: log-mel spectrograms and Griffin-Lim."""

from __future__ import annotations

import math

import torch
import torchaudio
from torch import Tensor, nn

FLOOR = 1e-4
"""Magnitudes below are silence: 80 dB under a full-scale sine, whose band is about 1."""
STEPS = 30
"""Multiplicative updates that look for a spectrogram of given mel bands."""


class MelSpectrogram(nn.Module):
    """``(N, T) -> (N, mels, frames)``: natural logarithms of magnitudes in mel bands, and back.

    Args:
        rate: samples a second.
        length: T, samples.
        mels: bands, from 0 to half the rate.
        frames: how many; about ``length / frames`` samples lie between two.
    """

    def __init__(self, rate: int, length: int, mels: int, frames: int) -> None:
        super().__init__()
        self.length, self.frames = length, frames
        self.hop = max(math.ceil(length / (frames - 1)), 1)
        self.padded = self.hop * (frames - 1)
        # Four windows over each sample, and a spectrum that is fine enough for the bands.
        self.n_fft = 2 ** math.ceil(math.log2(max(4 * self.hop, 2 * mels)))
        self.window: Tensor
        self.bands: Tensor
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        bands = torchaudio.functional.melscale_fbanks(
            self.n_fft // 2 + 1, 0.0, rate / 2, mels, rate, norm="slaney"
        ).T
        # The lowest bands may be narrower than a bin; they then share the nearest.
        centres = torch.linspace(0, 1, mels + 2)[1:-1]
        for i in torch.nonzero(bands.sum(1) == 0).flatten().tolist():
            bands[i, min(int(centres[i] * self.n_fft / 8), self.n_fft // 2)] = 1.0
        bands = bands / bands.sum(1, keepdim=True)
        self.register_buffer("bands", bands, persistent=False)

    def magnitudes(self, x: Tensor) -> Tensor:
        """``(N, T) -> (N, bins, frames)``; a full-scale sine has about 1."""
        x = nn.functional.pad(x, (0, self.padded - self.length))
        spectrum = torch.stft(
            x, self.n_fft, self.hop, window=self.window, return_complex=True, pad_mode="constant"
        )
        return spectrum.abs() * (2 / self.window.sum())

    def forward(self, x: Tensor) -> Tensor:
        return torch.log((self.bands @ self.magnitudes(x)).clamp(min=FLOOR))

    def invert(self, mel: Tensor, rounds: int) -> Tensor:
        """Clips ``(N, T)`` whose log-mel spectrogram is near to ``mel``.

        The magnitudes are a non-negative least-squares fit (Lee & Seung 2001, equation 4, with the
        bands fixed); phases are found by Griffin-Lim with momentum (Perraudin et al. 2013).
        """
        target = (mel.exp() - FLOOR).clamp(min=0)
        share = self.bands.T / self.bands.sum(0)[:, None].clamp(min=1e-6)
        found = share @ target + 1e-8
        up, square = self.bands.T @ target, self.bands.T @ self.bands
        for _ in range(STEPS):
            found = found * up / (square @ found + 1e-8)
        spread = found * (self.window.sum() / 2)
        out: Tensor = torchaudio.functional.griffinlim(
            spread,
            self.window,
            self.n_fft,
            self.hop,
            self.n_fft,
            power=1.0,
            n_iter=rounds,
            momentum=0.99,
            length=self.padded,
            rand_init=False,
        )
        return out[:, : self.length]
