"""The codec of the default architecture: clips as principal components of mel spectrograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gankit.contract import (
    Batch,
    Bounds,
    CodecState,
    DecodesInGraph,
    DecodingGraph,
    Health,
    Progress,
    ReportsHealth,
)
from gankit.errors import GankitError
from gankit_audio.codec.base import ClipCodec, view
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.sound_graph import FromComponents
from gankit_audio.codec.spectrogram import MelSpectrogram
from gankit_audio.data.clips import Clip, Samples
from gankit_audio.settings import AudioSettings

HOP = 0.01
"""Seconds between two frames of short clips."""
MOST_FRAMES = 160
BLOCK = 256
MOST_VALUES = 200_000_000
"""Most values of spectrograms that components are fitted to: 800 MB."""
LOUDEST = 2.0
"""Highest logarithm of a magnitude in a generated clip."""
LEAST_KEPT = 0.5
"""Share of the variance of spectrograms below which clips decode to something else."""
DECIBELS = 20 / math.log(10)
"""Of a natural logarithm of a magnitude."""
WIDEST = 1e4
"""Coordinates are clipped to this magnitude: diverged networks then give finite sums."""


class ComponentCodec(ClipCodec, DecodesInGraph, ReportsHealth):
    """Layout ``(code,)``: principal components of log-mel spectrograms, fitted in seconds.

    A component of standard deviation s is scaled by ``1 / sqrt(s)``: with equal deviations, the
    discriminator would weigh details as much as the main components. Decoding estimates phases by
    Griffin-Lim.

    Args:
        rate, channels, length: of a clip.
        frames: of its spectrogram.
        code: number of components.
        conditions: what the networks are conditioned on.
        settings: mels, rounds, loop, slice, loudness.

    Raises:
        GankitError: ``frames`` is out of range.
    """

    tolerance = 1.0
    """Phases are estimated, and nearly silent parts are lost."""

    def __init__(
        self,
        rate: int,
        channels: int,
        length: int,
        frames: int,
        code: int,
        conditions: Conditions,
        settings: AudioSettings,
    ) -> None:
        if frames not in (allowed := Bounds(8, length)):
            raise GankitError(f"frames={frames}: out of range", f"Use {allowed}")
        super().__init__((code,), rate, conditions, settings)
        self.channels, self.length = channels, length
        self.mel = MelSpectrogram(rate, length, settings.mels, frames)
        values = channels * settings.mels * frames
        self.mean = torch.zeros(values)
        self.basis = torch.zeros(values, code)
        """Orthonormal columns."""
        self.scale = torch.ones(code)
        self.kept: float | None = None
        """Share of the variance of the spectrograms that it was fitted to; known while it is."""

    @property
    def form(self) -> tuple[int, int]:
        return self.channels, self.length

    @classmethod
    def fit(
        cls,
        clips: Sequence[Clip],
        conditions: Conditions,
        settings: AudioSettings,
        progress: Progress,
    ) -> ComponentCodec:
        """Fits the components; draws from torch's default generator."""
        first = clips[0]
        channels, length = first.samples.shape
        frames = settings.frames or frames_for(length / first.rate)
        values = channels * settings.mels * frames
        used = min(len(clips), max(MOST_VALUES // values, 2))
        code = min(settings.code, max(used - 1, 1), values)
        codec = cls(first.rate, channels, length, frames, code, conditions, settings)
        chosen = np.linspace(0, len(clips) - 1, used).astype(int).tolist()
        parts = []
        for i in range(0, used, BLOCK):
            progress("fitting components", i, used)
            parts += [codec._spectrogram(clips[k].samples) for k in chosen[i : i + BLOCK]]
        s = torch.cat(parts)
        codec.mean = s.mean(0)
        s -= codec.mean
        if used > 1:
            codec.basis = torch.svd_lowrank(s, code, niter=3)[2].contiguous()
            found = s @ codec.basis
            codec.kept = float(found.square().sum() / s.square().sum().clamp(min=1e-12))
            deviation = found.std(0).clamp(min=1e-6)
            codec.scale = deviation[0] * (deviation / deviation[0]) ** 0.5
        return codec

    def _spectrogram(self, samples: Samples) -> Tensor:
        """``(1, channels · mels · frames)``."""
        s: Tensor = self.mel(torch.from_numpy(samples))
        return s.reshape(1, -1)

    # Clips are encoded and decoded one by one: the rounding of a matrix product depends on the
    # batch size, and Griffin-Lim amplifies differences of the last digit.
    @torch.no_grad()
    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Float32 ``(N, code)``; of a random window if a clip has a recording."""
        rows = [self._spectrogram(view(clip, rng)) - self.mean for clip in items]
        x = [row @ self.basis / self.scale for row in rows]
        return Batch(
            torch.cat(x) if x else torch.zeros(0, *self.layout.shape), self.conditions.encode(items)
        )

    @torch.no_grad()
    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Clip]:
        """Clips; nothing is drawn, so ``seeds`` are unused."""
        x = batch.x.nan_to_num(0.0).clamp(-WIDEST, WIDEST)
        sounds = torch.stack([self._sound(row) for row in x[:, None]])
        return self.as_clips(sounds, batch.c)

    def _sound(self, row: Tensor) -> Tensor:
        """``(1, code) -> (channels, length)``."""
        s = (row * self.scale) @ self.basis.T + self.mean
        mels = s.clamp(max=LOUDEST).reshape(-1, self.settings.mels, self.mel.frames)
        return self.mel.invert(mels, self.settings.rounds)

    @torch.no_grad()
    def health(
        self, items: Sequence[Clip], heldout: bool, rng: np.random.Generator
    ) -> list[Health]:
        """How much of spectrograms the components keep; phases are estimated on top of that."""
        s = torch.cat([self._spectrogram(view(clip, rng)) for clip in items]) - self.mean
        lost = s - s @ self.basis @ self.basis.T
        kept = float(1 - lost.square().sum() / s.square().sum().clamp(min=1e-12))
        error = DECIBELS * float(lost.square().mean().sqrt())
        of = f"{len(items)} {'held-out' if heldout else 'training'} clips"
        code, remedy = self.layout.shape[0], ""
        if kept < LEAST_KEPT and (self.kept or 0) - kept > LEAST_KEPT / 2:
            remedy = "Give more recordings: the components are those of the few that were there"
        elif kept < LEAST_KEPT:
            remedy = f"Use more components (code={2 * code}), or shorter clips (duration=…)"
        text = f"{code} components keep {kept:.0%} of the variance of {of}"
        return [
            Health("variance kept", kept, text, self.kept, remedy),
            Health(
                *("error", error),
                f"they are {error:.1f} dB from the spectrograms of {of}, as root mean square",
            ),
        ]

    def decoding_graph(self) -> DecodingGraph:
        basis, mel = (self.basis * self.scale).T.contiguous(), self.mel
        shape = f"(N, {self.channels}, {{}}, {mel.frames}) float32: channels,"
        how = "of the short-time Fourier transform of decoding.transform"
        return DecodingGraph(
            FromComponents(basis, self.mean, LOUDEST, self.channels, mel),
            {
                "magnitudes": f"{shape.format(mel.n_fft // 2 + 1)} bins and frames {how}",
                "log_mel": f"{shape.format(len(mel.bands))} bands and frames, natural logarithms",
            },
            decoding={
                "rate": self.rate,
                "samples": self.length,
                "transform": {"n_fft": mel.n_fft, "hop": mel.hop, "window": "hann, periodic"},
            },
            left_out=[
                f"phases, by {self.settings.rounds} rounds of Griffin-Lim",
                "fading the ends, and the level",
            ],
        )

    def state(self) -> CodecState:
        return CodecState(
            {
                "rate": self.rate,
                "channels": self.channels,
                "length": self.length,
                "frames": self.mel.frames,
                "code": self.layout.shape[0],
                "conditions": self.conditions.state(),
            },
            {"mean": self.mean, "basis": self.basis, "scale": self.scale},
        )

    @classmethod
    def load(cls, state: CodecState, settings: AudioSettings) -> ComponentCodec:
        """The inverse of :meth:`state`."""
        config = dict(state.config)
        config["conditions"] = Conditions.load(config["conditions"])
        codec = cls(**config, settings=settings)
        codec.mean, codec.basis = state.tensors["mean"], state.tensors["basis"]
        codec.scale = state.tensors["scale"]
        return codec


def frames_for(seconds: float) -> int:
    """Frames 10 ms apart, at most ``MOST_FRAMES``."""
    return min(max(round(seconds / HOP), 16), MOST_FRAMES)
