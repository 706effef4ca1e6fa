"""The short-time Fourier transform and its inverse, made of slices: cheap to differentiate twice.

Frames lie a quarter of a window apart and are seen through a Hann window. ``torch.stft`` does the
same; here frames are slices set side by side, whose derivatives are slices again, and nothing is
read back from the device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OVERLAP = 4
"""Frames that see a sample."""


class Fourier(nn.Module):
    """Of clips of ``length`` samples, with windows of ``n``; the first frame's middle is the first
    sample.

    Spectra have the scale of the samples: white noise of variance 1 has bins with E|X|² = 1.

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
        # What the overlapping squares of the window add up to: the inverse divides by it.
        self.register_buffer("window", (window / norm).float(), persistent=False)
        self.register_buffer("envelope", self._add_up(squares).float(), persistent=False)

    def analyse(self, x: Tensor) -> Tensor:
        """Spectra, complex (N, C, frames, bins), of samples (N, C, length).

        Outside, a clip is its own mirror image.
        """
        half = self.n // 2
        x = F.pad(x, (half, half + -self.length % self.hop), mode="reflect")
        blocks = x.reshape(*x.shape[:-1], -1, self.hop)
        framed = torch.cat([blocks[..., j : j + self.frames, :] for j in range(OVERLAP)], -1)
        spectra: Tensor = torch.fft.rfft(framed * self.window)
        return spectra

    def synthesise(self, spectra: Tensor) -> Tensor:
        """Samples (N, C, length) of spectra (N, C, frames, bins): of all waveforms the one whose
        spectra are nearest (Griffin & Lim 1984, equation 6)."""
        samples: Tensor = self._add_up(torch.fft.irfft(spectra, self.n) * self.window)
        return samples / self.envelope

    def _add_up(self, framed: Tensor) -> Tensor:
        """Frames (..., frames, n), each added where it belongs, without the padding."""
        total = framed.new_zeros(())
        for j in range(OVERLAP):
            quarter = framed[..., j * self.hop : (j + 1) * self.hop]
            total = total + F.pad(quarter, (0, 0, j, OVERLAP - 1 - j))
        half = self.n // 2
        return total.flatten(-2)[..., half : half + self.length]
