"""Log-mel spectrograms, and their inversion by Griffin-Lim."""

from __future__ import annotations

import math
import warnings

import torch
import torchaudio
from torch import Tensor, nn

FLOOR = 1e-4
"""Magnitude of silence: 80 dB below a full-scale sine, whose band is about 1."""
STEPS = 30
"""Multiplicative updates that fit a spectrogram to mel bands."""
MOMENTUM = 0.99
"""Of Griffin-Lim."""


class MelSpectrogram(nn.Module):
    """``(N, T) -> (N, mels, frames)``: natural logarithms of magnitudes in mel bands, and back.

    Args:
        rate: samples per second.
        length: T, samples.
        mels: bands, from 0 to half the rate.
        frames: their number, at least 8; about ``length / frames`` samples apart.
    """

    def __init__(self, rate: int, length: int, mels: int, frames: int) -> None:
        super().__init__()
        self.length, self.frames = length, frames
        self.hop = max(math.ceil(length / (frames - 1)), 1)
        self.padded = self.hop * (frames - 1)
        # Four windows overlap at each sample, and the spectrum is fine enough for the bands; but no
        # window is longer than the clip.
        exponent = math.ceil(math.log2(max(4 * self.hop, 2 * mels)))
        self.n_fft = 2 ** min(exponent, max(int(math.log2(self.padded)), 3))
        self.window: Tensor
        self.bands: Tensor
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        bins = self.n_fft // 2 + 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about empty bands
            bands = torchaudio.functional.melscale_fbanks(
                bins, 0.0, rate / 2, mels, rate, norm="slaney"
            ).T
        # The lowest bands may be too narrow to have a bin; they get the nearest one.
        top = math.log10(1 + rate / 1400)
        for i in torch.nonzero(bands.sum(1) == 0).flatten().tolist():
            centre = 700 * (10 ** (top * (i + 1) / (mels + 1)) - 1)
            bands[i, min(round(centre * self.n_fft / rate), bins - 1)] = 1.0
        bands = bands / bands.sum(1, keepdim=True)
        self.register_buffer("bands", bands, persistent=False)

    def magnitudes(self, x: Tensor) -> Tensor:
        """``(N, T) -> (N, bins, frames)``; about 1 for a full-scale sine."""
        x = nn.functional.pad(x, (0, self.padded - self.length))
        return self._stft(x).abs() * (2 / self.window.sum())

    def forward(self, x: Tensor) -> Tensor:
        return torch.log((self.bands @ self.magnitudes(x)).clamp(min=FLOOR))

    def invert(self, mel: Tensor, rounds: int) -> Tensor:
        """Clips ``(N, T)`` with nearly the log-mel spectrogram ``mel``.

        Magnitudes are a non-negative least-squares fit (Lee & Seung 2001, equation 4, with fixed
        bands), phases come from Griffin-Lim with momentum (Perraudin et al. 2013).
        """
        return self._sound(self.spectrum(mel), rounds)[:, : self.length]

    def spectrum(self, mel: Tensor) -> Tensor:
        """Magnitudes of a short-time Fourier transform, ``(..., bins, frames)``, of log-mel
        spectrograms ``(..., mels, frames)``."""
        target = (mel.exp() - FLOOR).clamp(min=0)
        share = self.bands.T / self.bands.sum(0)[:, None].clamp(min=1e-6)
        found = share @ target + 1e-8
        up, square = self.bands.T @ target, self.bands.T @ self.bands
        for _ in range(STEPS):
            found = found * up / (square @ found + 1e-8)
        return found * (self.window.sum() / 2)

    def _sound(self, magnitudes: Tensor, rounds: int) -> Tensor:
        """Griffin-Lim from zero phases, so that nothing is drawn; silence is beyond the edges, as
        for :meth:`magnitudes`.
        """
        spectrum, before = magnitudes + 0j, torch.zeros_like(magnitudes)
        for _ in range(rounds):
            now = self._stft(self._istft(spectrum))
            ahead = now + MOMENTUM * (now - before)
            spectrum = magnitudes * ahead / ahead.abs().clamp(min=1e-16)
            before = now
        return self._istft(spectrum)

    def _stft(self, x: Tensor) -> Tensor:
        return torch.stft(
            x, self.n_fft, self.hop, window=self.window, return_complex=True, pad_mode="constant"
        )

    def _istft(self, spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, self.n_fft, self.hop, window=self.window, length=self.padded)
