"""Clips as waveforms: what the networks see is the sound itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torchaudio.functional as AF
from torch import Tensor

from gankit.contract import Batch, Codec, CodecState, Layout, Progress
from gankit.errors import GankitError
from gankit_audio.clips import Clip
from gankit_audio.codec import Conditions
from gankit_audio.settings import AudioSettings

if TYPE_CHECKING:
    from gankit_audio.clips import Samples

FULL = 32767.0
"""What is stored for full scale."""
EMPHASIS = 0.9
"""Pre-emphasis where the networks are istft's: R1 and R2 measure a discriminator's slope per unit
of its input, so in a sound that is 40 dB weaker at the top, the top would hardly be learnt. It
takes 26 dB of that away."""
MEASURED = 500
"""Clips whose level is measured, evenly spread."""
BLOCK = 2**22
"""Numbers in a block of generated clips at the most."""


class WaveformCodec(Codec[Clip]):
    """Stored as 16-bit samples; prepared as float32 (N, channels, T) without a constant part.

    Args:
        length: T, samples of a clip.
        rate: samples a second.
        conditions: what the networks are told of a clip.
        gain: what pre-emphasised samples are multiplied by.
        emphasis: a of the filter ``y[t] = x[t] - a x[t-1]``; 0 leaves clips as they are.
        random: whether another window of a clip's recording is taken at each visit.
        loop: whether the end of a generated clip is blended into its start, which shortens it.
    """

    def __init__(
        self,
        channels: int,
        length: int,
        rate: int,
        conditions: Conditions,
        *,
        gain: float = 1.0,
        emphasis: float = 0.0,
        random: bool = False,
        loop: bool = False,
    ) -> None:
        self.layout = Layout((channels, length), conditions.condition)
        self.rate, self.conditions = rate, conditions
        self.gain, self.emphasis = gain, emphasis
        self.random, self.loop = random, loop
        self.deterministic = not random
        self.block = max(1, min(64, BLOCK // (channels * length)))

    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Int16 samples and conditions.

        Raises:
            GankitError: a clip has another shape than those that the codec was fitted on.
        """
        stack = np.empty((len(items), *self.layout.shape), np.int16)
        for row, clip in zip(stack, items, strict=True):
            np.rint(self._window(clip, rng).clip(-1, 1) * FULL, out=row, casting="unsafe")
        return Batch(torch.from_numpy(stack), self.conditions.encode(items))

    def prepare(self, batch: Batch) -> Batch:
        x = batch.x.float() / FULL
        x = x - x.mean(-1, keepdim=True)
        if self.emphasis:
            x = torch.cat([x[..., :1], x[..., 1:] - self.emphasis * x[..., :-1]], -1)
        return Batch(x * self.gain, batch.c)

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Clip]:
        """Clips whose highest sample is at most full scale: what is higher is turned down, not cut
        off. Nothing is drawn, so ``seeds`` are unused."""
        x = batch.x.detach().float().cpu().nan_to_num(0.0) / self.gain
        if self.emphasis:
            x = AF.deemphasis(x, self.emphasis)
        x = x - x.mean(-1, keepdim=True)
        x = x / x.abs().amax((1, 2), keepdim=True).clamp_min(1)
        rows = [[]] * len(x) if batch.c is None else batch.c.tolist()
        return [
            Clip(self._looped(samples), self.rate, self.conditions.values(row))
            for samples, row in zip(x.numpy(), rows, strict=True)
        ]

    def state(self) -> CodecState:
        channels, length = self.layout.shape
        return CodecState(
            {
                "channels": channels,
                "length": length,
                "rate": self.rate,
                "conditions": self.conditions.state(),
                "gain": self.gain,
                "emphasis": self.emphasis,
                "random": self.random,
                "loop": self.loop,
            }
        )

    @classmethod
    def from_state(cls, state: CodecState) -> WaveformCodec:
        """The codec that :meth:`state` described.

        Raises:
            GankitError: the description is incomplete.
        """
        config: dict[str, Any] = state.config
        try:
            return cls(
                int(config["channels"]),
                int(config["length"]),
                int(config["rate"]),
                Conditions.load(config["conditions"]),
                gain=float(config["gain"]),
                emphasis=float(config["emphasis"]),
                random=bool(config["random"]),
                loop=bool(config["loop"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GankitError(
                f"the run's audio codec is damaged ({error!r})", "Copy the run's model folder again"
            ) from None

    def _window(self, clip: Clip, rng: np.random.Generator) -> Samples:
        samples = clip.samples
        if self.random and clip.recording is not None:
            length = self.layout.shape[1]
            start = int(rng.integers(clip.recording.shape[1] - length + 1))
            samples = clip.recording[:, start : start + length]
        if samples.shape != self.layout.shape or clip.rate != self.rate:
            raise GankitError(
                f"clip {clip.name}: {_said(samples.shape, clip.rate)}, where the run has "
                + _said(self.layout.shape, self.rate),
                "Let gankit read the recordings with the settings of the run",
            )
        return samples

    def _looped(self, samples: Samples) -> Samples:
        if not self.loop:
            return samples
        from gankit_audio.loops import seamless

        looped: Samples = seamless(samples, self.rate)
        return looped


def fit_waveform_codec(
    items: Sequence[Clip], settings: AudioSettings, progress: Progress
) -> WaveformCodec:
    """The codec of clips of one rate and shape, for ``settings.architecture``.

    WaveGAN is given the samples as they are, as published. The iSTFT's networks get them with
    pre-emphasis and, on average, a root mean square of 1.

    Raises:
        GankitError: see :meth:`gankit_audio.codec.Conditions.of`.
    """
    first = items[0]
    channels, length = first.samples.shape
    codec = WaveformCodec(
        channels,
        length,
        first.rate,
        Conditions.of(items, settings),
        emphasis=EMPHASIS if settings.architecture == "istft" else 0.0,
        random=settings.slice == "random",
        loop=settings.loop,
    )
    if settings.architecture == "istft":
        codec.gain = 1 / max(_level(items, codec, progress), 1 / FULL)
    return codec


def _level(items: Sequence[Clip], codec: WaveformCodec, progress: Progress) -> float:
    """Root mean square of prepared clips."""
    shown = range(0, len(items), max(len(items) // MEASURED, 1))
    rng, squares = np.random.default_rng(0), 0.0
    for done, i in enumerate(shown):
        progress("measuring levels", done, len(shown))
        x: Tensor = codec.prepare(codec.encode([items[i]], rng)).x
        squares += float(x.square().mean())
    return math.sqrt(squares / len(shown))


def _said(shape: tuple[int, ...], rate: int) -> str:
    return " × ".join(f"{size:,}" for size in shape) + f" samples at {rate:,} Hz"
