"""Decoding as far as it is a computation on tensors: what exported graphs end in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from gankit_audio.codec.spectrogram import MelSpectrogram
from gankit_audio.data.slicing import PEAK, faded

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


class Finish(nn.Module):
    """Samples ``(N, channels, T)`` as :meth:`ClipCodec.as_clips` finishes them, but for loops and a
    level in LUFS: without DC offset, within full scale, faded."""

    ramp: Tensor

    def __init__(self, length: int, rate: int, settings: AudioSettings) -> None:
        super().__init__()
        self.peak = settings.loudness == "peak"
        ones = np.ones((1, length), np.float32)
        ramp = ones if settings.loop else faded(ones, rate)
        self.register_buffer("ramp", torch.from_numpy(ramp), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(2, keepdim=True)
        x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=1.0) * self.ramp
        if self.peak:
            x = x * (PEAK / x.abs().amax((1, 2), keepdim=True).clamp(min=1e-20))
        return x.clamp(-1, 1)


def not_finished(settings: AudioSettings) -> list[str]:
    """What :class:`Finish` leaves out, a clause each."""
    found = ["the cross-fade into a loop"] if settings.loop else []
    if settings.loudness not in ("keep", "peak"):
        found.append(f"the level of {settings.loudness} LUFS")
    return found


class FromWaveform(nn.Module):
    """The output of a generator of waveforms as samples."""

    def __init__(self, gain: float, finish: Finish) -> None:
        super().__init__()
        self.gain, self.finish = gain, finish

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        y: Tensor = self.finish(x / self.gain)
        return y


class FromComponents(nn.Module):
    """Principal components ``(N, code)`` as log-mel spectrograms and as magnitudes of a spectrum.

    Phases stay outside: Griffin-Lim amplifies differences of the last digit, so that no two
    runtimes agree on them.

    Args:
        basis, mean: such that ``x @ basis + mean`` is the spectrogram.
        loudest: of its values, natural logarithms.
    """

    basis: Tensor
    mean: Tensor

    def __init__(
        self, basis: Tensor, mean: Tensor, loudest: float, channels: int, mel: MelSpectrogram
    ) -> None:
        super().__init__()
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("mean", mean, persistent=False)
        self.loudest = loudest
        self.shape = channels, len(mel.bands), mel.frames
        self.mel = mel

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        s = (x @ self.basis + self.mean).clamp(max=self.loudest)
        s = s.reshape(x.shape[0], *self.shape)
        return self.mel.spectrum(s), s
