"""The codec of networks that make waveforms: what they see is the sound itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from gankit.contract import Batch, Codec, CodecState, Layout
from gankit.errors import GankitError
from gankit_audio.codec.common import as_clips, view
from gankit_audio.codec.conditions import Conditions
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

FULL = 32767.0
"""What is stored for full scale."""
MEASURED = 500
"""Clips whose level is measured, evenly spread."""
MOST = 2**22
"""Numbers in a block of generated clips."""


class WaveformCodec(Codec[Clip]):
    """Layout ``(channels, T)``. Stored as 16-bit samples; prepared without a constant part.

    WaveGAN is given the samples as they are, in [-1, 1], as published; the iSTFT's networks get
    them with a root mean square of 1 over the data. There is no pre-emphasis: with y[t] = x[t] -
    0.9 x[t-1], spoken digits were learnt more slowly.

    Args:
        rate, channels, length: of a clip.
        conditions: what the networks are told.
        settings: architecture, slice, loop.
        gain: what is multiplied by.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        length: int,
        conditions: Conditions,
        settings: AudioSettings,
        gain: float = 1.0,
    ) -> None:
        self.rate, self.conditions, self.gain = rate, conditions, gain
        self.layout = Layout((channels, length), conditions.condition)
        self.settings = settings
        self.deterministic = settings.slice != "random"
        self.decode_batch_size = max(1, min(64, MOST // (channels * length)))

    @classmethod
    def fit(
        cls, clips: Sequence[Clip], conditions: Conditions, settings: AudioSettings
    ) -> WaveformCodec:
        """For clips of the first one's rate and shape."""
        channels, length = clips[0].samples.shape
        codec = cls(clips[0].rate, channels, length, conditions, settings)
        if settings.architecture == "istft":
            codec.gain = 1 / max(codec._level(clips), 1 / FULL)
        return codec

    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Int16 ``(N, channels, T)``; of another window at each visit, where there is a recording.

        Raises:
            GankitError: a clip has another rate or shape.
        """
        x = np.empty((len(items), *self.layout.shape), np.int16)
        for row, clip in zip(x, items, strict=True):
            np.rint(self._fitting(clip, rng).clip(-1, 1) * FULL, out=row, casting="unsafe")
        return Batch(torch.from_numpy(x), self.conditions.encode(items))

    def prepare(self, batch: Batch) -> Batch:
        x = batch.x.float() / FULL
        return Batch((x - x.mean(-1, keepdim=True)) * self.gain, batch.c)

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Clip]:
        """Clips without a constant part; what exceeds full scale is turned down, not cut off.

        A loop is shorter than the clips it was learnt from, by what is blended. Nothing is drawn,
        so ``seeds`` are unused.
        """
        x = batch.x.detach().float().cpu().nan_to_num(0.0) / self.gain
        return as_clips(x, batch.c, self.rate, self.conditions, self.settings)

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
        """The codec that :meth:`state` described."""
        config = dict(state.config)
        config["conditions"] = Conditions.load(config["conditions"])
        return cls(**config, settings=settings)

    def _fitting(self, clip: Clip, rng: np.random.Generator) -> Samples:
        samples = view(clip, rng)
        if samples.shape != self.layout.shape or clip.rate != self.rate:
            raise GankitError(
                f"clip {clip.name}: {_said(samples.shape, clip.rate)}, where the run has "
                + _said(self.layout.shape, self.rate),
                "Let gankit read the recordings with the settings of the run",
            )
        return samples

    def _level(self, clips: Sequence[Clip]) -> float:
        """Root mean square of prepared clips."""
        rng = np.random.default_rng(0)
        shown = range(0, len(clips), max(len(clips) // MEASURED, 1))
        squares = [self.prepare(self.encode([clips[i]], rng)).x.square().mean() for i in shown]
        return math.sqrt(float(torch.stack(squares).mean()))


def _said(shape: tuple[int, ...], rate: int) -> str:
    return " × ".join(f"{size:,}" for size in shape) + f" samples at {rate:,} Hz"
