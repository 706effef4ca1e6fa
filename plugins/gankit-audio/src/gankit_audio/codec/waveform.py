"""The codec of the networks of waveforms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from gankit.contract import Batch, CodecState, ComparesSamples, DecodesInGraph, DecodingGraph
from gankit.errors import GankitError
from gankit_audio.codec.base import ClipCodec, view
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.sound_graph import Finish, FromWaveform, not_finished
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

FULL = 32767.0
"""The stored value of full scale."""
MEASURED = 500
"""Most clips, evenly spread, whose level is measured."""
WINDOW, POOLED, QUIET = 256, 32, 0.01
"""Of the spectra that samples are compared by: samples of a window, bands and spans at most, and
what is added to magnitudes before their logarithm."""
MOST = 2**22
"""Most values in a batch of generated clips."""


class WaveformCodec(ClipCodec, DecodesInGraph, ComparesSamples):
    """Layout ``(channels, T)``: 16-bit samples in storage, floats without DC offset when prepared.

    WaveGAN gets samples in [-1, 1], as published; the iSTFT networks get samples with a root mean
    square of 1 over the data. There is no pre-emphasis: with y[t] = x[t] - 0.9 x[t-1], training on
    spoken digits was slower.

    Args:
        rate, channels, length: of a clip.
        conditions: what the networks are conditioned on.
        settings: architecture, slice, loop, loudness.
        gain: factor of prepared samples.
    """

    is_absolute = True

    def __init__(
        self,
        rate: int,
        channels: int,
        length: int,
        conditions: Conditions,
        settings: AudioSettings,
        gain: float = 1.0,
    ) -> None:
        super().__init__((channels, length), rate, conditions, settings)
        self.gain = gain
        self.decode_batch_size = max(1, min(64, MOST // (channels * length)))

    @property
    def form(self) -> tuple[int, int]:
        channels, length = self.layout.shape
        return channels, length

    @classmethod
    def fit(
        cls, clips: Sequence[Clip], conditions: Conditions, settings: AudioSettings
    ) -> WaveformCodec:
        """For clips of the rate and shape of the first one."""
        channels, length = clips[0].samples.shape
        codec = cls(clips[0].rate, channels, length, conditions, settings)
        if settings.architecture == "istft":
            codec.gain = 1 / max(codec._level(clips), 1 / FULL)
        return codec

    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Int16 ``(N, channels, T)``; of a random window if a clip has a recording.

        Raises:
            GankitError: a clip has another rate or shape.
        """
        x = np.empty((len(items), *self.layout.shape), np.int16)
        for row, clip in zip(x, items, strict=True):
            np.rint(self._samples(clip, rng).clip(-1, 1) * FULL, out=row, casting="unsafe")
        return Batch(torch.from_numpy(x), self.conditions.encode(items))

    def prepare(self, batch: Batch) -> Batch:
        x = batch.x.float() / FULL
        return Batch((x - x.mean(-1, keepdim=True)) * self.gain, batch.c)

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Clip]:
        """Clips without DC offset, turned down where they exceed full scale.

        Loops are shorter than the training clips by the part that is blended. Nothing is drawn, so
        ``seeds`` are unused.
        """
        x = batch.x.detach().float().cpu().nan_to_num(0.0) / self.gain
        return self.as_clips(x, batch.c)

    def comparable(self, batch: Batch) -> torch.Tensor:
        """Logarithms of energies in at most 32 bands and 32 spans of time, (N, bands · spans)."""
        x = batch.x.float().mean(1) / self.gain
        window = min(WINDOW, 1 << (x.shape[1].bit_length() - 1))
        spectra = torch.stft(
            x, window, max(window // 2, 1), window=torch.hann_window(window), return_complex=True
        ).abs()
        bands, spans = (min(size, POOLED) for size in spectra.shape[1:])
        pooled = torch.nn.functional.adaptive_avg_pool2d(spectra[:, None], (bands, spans))
        return (pooled + QUIET).log().flatten(1)

    def decoding_graph(self) -> DecodingGraph:
        return DecodingGraph(
            FromWaveform(self.gain, Finish(self.form[1], self.rate, self.settings)),
            {"samples": self.samples_in_words()},
            decoding={"rate": self.rate},
            left_out=not_finished(self.settings),
        )

    def state(self) -> CodecState:
        channels, length = self.layout.shape
        return CodecState(
            {
                "rate": self.rate,
                "channels": channels,
                "length": length,
                "conditions": self.conditions.state(),
                "gain": self.gain,
            }
        )

    @classmethod
    def load(cls, state: CodecState, settings: AudioSettings) -> WaveformCodec:
        """The inverse of :meth:`state`."""
        config = dict(state.config)
        config["conditions"] = Conditions.load(config["conditions"])
        return cls(**config, settings=settings)

    def _samples(self, clip: Clip, rng: np.random.Generator) -> Samples:
        samples = view(clip, rng)
        if samples.shape != self.layout.shape or clip.rate != self.rate:
            raise GankitError(
                f"clip {clip.name}: {_size(samples.shape, clip.rate)}; the run has "
                + _size(self.layout.shape, self.rate),
                "Read the recordings with the settings of the run",
            )
        return samples

    def _level(self, clips: Sequence[Clip]) -> float:
        """Root mean square of prepared clips."""
        rng = np.random.default_rng(0)
        measured = range(0, len(clips), max(len(clips) // MEASURED, 1))
        squares = [self.prepare(self.encode([clips[i]], rng)).x.square().mean() for i in measured]
        return math.sqrt(float(torch.stack(squares).mean()))


def _size(shape: tuple[int, ...], rate: int) -> str:
    return " × ".join(f"{size:,}" for size in shape) + f" samples at {rate:,} Hz"
