"""The short-time Fourier transform and its inverse, cheap to differentiate twice.

It equals ``torch.stft`` with a Hann window and a hop of a quarter window. Frames are concatenated
slices, whose derivatives are slices again, and nothing is copied from the device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OVERLAP = 4
"""Frames that overlap at each sample."""


class Fourier(nn.Module):
    """The transform of clips of ``length`` samples, with windows of ``n``; the first frame is
    centred on the first sample.

    Spectra have the scale of the samples: for white noise of variance 1, E|X|² = 1 in each bin.

    Args:
        n: a power of two from 8 up, at most half of ``length``.
    """

    window: Tensor
    envelope: Tensor

    def __init__(self, n: int, length: int) -> None:
        super().__init__()
        self.n, self.length = n, length
        self.hop = n // OVERLAP
        self.frames = -(-length // self.hop) + 1
        self.bins = n // 2 + 1
        window = torch.hann_window(n, dtype=torch.float64)
        norm = window.square().sum().sqrt()
        squares = (window / norm).square().expand(self.frames, n)
        # The sum of the overlapping squared windows, by which the inverse divides.
        self.register_buffer("window", (window / norm).float(), persistent=False)
        self.register_buffer("envelope", self._overlap_add(squares).float(), persistent=False)

    def analyse(self, x: Tensor) -> Tensor:
        """Spectra, complex (N, C, frames, bins), of samples (N, C, length).

        Clips are padded by reflection.
        """
        half = self.n // 2
        x = F.pad(x, (half, half + -self.length % self.hop), mode="reflect")
        blocks = x.reshape(*x.shape[:-1], -1, self.hop)
        framed = torch.cat([blocks[..., j : j + self.frames, :] for j in range(OVERLAP)], -1)
        spectra: Tensor = torch.fft.rfft(framed * self.window)
        return spectra

    def synthesise(self, spectra: Tensor) -> Tensor:
        """Samples (N, C, length) from spectra (N, C, frames, bins): the waveform whose spectra are
        nearest (Griffin & Lim 1984, equation 6)."""
        samples: Tensor = self._overlap_add(torch.fft.irfft(spectra, self.n) * self.window)
        return samples / self.envelope

    def _overlap_add(self, framed: Tensor) -> Tensor:
        """Overlap-add of frames (..., frames, n), without the padding."""
        total = framed.new_zeros(())
        for j in range(OVERLAP):
            quarter = framed[..., j * self.hop : (j + 1) * self.hop]
            total = total + F.pad(quarter, (0, 0, j, OVERLAP - 1 - j))
        half = self.n // 2
        return total.flatten(-2)[..., half : half + self.length]
