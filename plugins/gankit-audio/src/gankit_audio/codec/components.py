"""The default path's codec: a clip as principal components of its mel spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Codec, CodecState, Layout, Progress
from gankit.errors import GankitError
from gankit_audio.codec.common import as_clips, view
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.spectrogram import MelSpectrogram
from gankit_audio.data.clips import Clip, Samples
from gankit_audio.settings import AudioSettings

HOP = 0.01
"""Seconds between two frames, where as many are allowed."""
MOST_FRAMES = 160
BLOCK = 256
MOST_VALUES = 200_000_000
"""Values of spectrograms from which components are learnt: 800 MB."""
LOUDEST = 2.0
"""Logarithm of a magnitude beyond which no band of a generated clip goes."""
WIDEST = 1e4
"""Coordinates of diverged networks are cut off here, so that sums of them are finite."""


class ComponentCodec(Codec[Clip]):
    """Layout ``(code,)``: the best linear autoencoder of log-mel spectrograms, fitted in seconds.

    A component of deviation s is scaled by ``1 / sqrt(s)``: were all scaled to the same deviation,
    the discriminator would look at details as much as at what the sound is. Phases are found when
    a clip is decoded (Griffin-Lim).

    Args:
        rate, channels, length: of a clip.
        frames: of its spectrogram.
        code: components.
        conditions: what the networks are told.
        settings: mels, rounds, loop, slice.

    Raises:
        GankitError: a setting out of its range.
    """

    tolerance = 1.0
    """Phases are found anew, and what is all but silent is not."""

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
        for name, size, least, most in (
            ("mels", settings.mels, 4, 512),
            ("frames", frames, 8, length),
            ("code", code, 1, channels * settings.mels * frames),
            ("rounds", settings.rounds, 0, 10_000),
        ):
            if not least <= size <= most:
                raise GankitError(f"{name}={size}: out of range", f"Set {least} to {most:,}")
        self.rate, self.channels, self.length = rate, channels, length
        self.conditions, self.settings = conditions, settings
        self.mel = MelSpectrogram(rate, length, settings.mels, frames)
        self.layout = Layout((code,), conditions.condition)
        self.deterministic = settings.slice != "random"
        values = channels * settings.mels * frames
        self.mean = torch.zeros(values)
        self.basis = torch.zeros(values, code)
        """Orthonormal columns."""
        self.scale = torch.ones(code)

    @classmethod
    def fit(
        cls,
        clips: Sequence[Clip],
        conditions: Conditions,
        settings: AudioSettings,
        progress: Progress,
    ) -> ComponentCodec:
        """Learns the components, with torch's default generator."""
        first = clips[0]
        channels, length = first.samples.shape
        frames = settings.frames or frames_for(length / first.rate)
        values = max(channels * settings.mels * frames, 1)  # what is out of range is refused below
        used = min(len(clips), max(MOST_VALUES // values, 2))
        code = min(settings.code, max(min(used - 1, values), 1))
        codec = cls(first.rate, channels, length, frames, code, conditions, settings)
        chosen = np.linspace(0, len(clips) - 1, used).astype(int).tolist()
        parts = []
        for i in range(0, used, BLOCK):
            progress("looking at the sounds", i, used)
            parts += [codec._spectrogram(clips[k].samples) for k in chosen[i : i + BLOCK]]
        s = torch.cat(parts)
        codec.mean = s.mean(0)
        s -= codec.mean
        if used > 1:
            codec.basis = torch.svd_lowrank(s, code, niter=3)[2].contiguous()
            deviation = (s @ codec.basis).std(0).clamp(min=1e-6)
            codec.scale = deviation[0] * (deviation / deviation[0]) ** 0.5
        return codec

    def _spectrogram(self, samples: Samples) -> Tensor:
        """``(1, channels · mels · frames)``."""
        s: Tensor = self.mel(torch.from_numpy(samples))
        return s.reshape(1, -1)

    # Clips are encoded and decoded one by one: in a batch, the rounding of a matrix product depends
    # on how many there are, and Griffin-Lim makes another sound of another last digit.
    @torch.no_grad()
    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """Float32 ``(N, code)``; of another window at each visit, where a clip has a recording."""
        rows = [self._spectrogram(view(clip, rng)) - self.mean for clip in items]
        x = [row @ self.basis / self.scale for row in rows]
        return Batch(
            torch.cat(x) if x else torch.zeros(0, *self.layout.shape), self.conditions.encode(items)
        )

    @torch.no_grad()
    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Clip]:
        """Clips whose phases are found, not drawn: ``seeds`` are unused."""
        x = batch.x.nan_to_num(0.0).clamp(-WIDEST, WIDEST)
        sounds = torch.stack([self._sound(row) for row in x[:, None]])
        return as_clips(sounds, batch.c, self.rate, self.conditions, self.settings)

    def _sound(self, row: Tensor) -> Tensor:
        """``(1, code) -> (channels, length)``."""
        s = (row * self.scale) @ self.basis.T + self.mean
        mels = s.clamp(max=LOUDEST).reshape(-1, self.settings.mels, self.mel.frames)
        return self.mel.invert(mels, self.settings.rounds)

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
        """The codec that :meth:`state` described."""
        config = dict(state.config)
        config["conditions"] = Conditions.load(config["conditions"])
        codec = cls(**config, settings=settings)
        codec.mean, codec.basis = state.tensors["mean"], state.tensors["basis"]
        codec.scale = state.tensors["scale"]
        return codec


def frames_for(seconds: float) -> int:
    """10 ms apart while there are not too many."""
    return min(max(round(seconds / HOP), 16), MOST_FRAMES)
