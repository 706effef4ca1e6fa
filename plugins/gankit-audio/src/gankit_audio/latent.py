"""The default path's codec: a clip as the latent of an autoencoder of its mel spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Codec, CodecState, Layout, Progress
from gankit_audio.autoencoder import Autoencoder, train
from gankit_audio.clips import Clip, Samples
from gankit_audio.codec import Conditions
from gankit_audio.settings import AudioSettings
from gankit_audio.spectrogram import MelSpectrogram

WIDTH = 128
"""Channels of the autoencoder."""
HOP = 0.008
"""Seconds between two frames, where as many are allowed."""
MOST_FRAMES = 128
BLOCK = 256


class LatentCodec(Codec[Clip]):
    """Layout ``(code,)``. Latents are standardised; a spectrogram has its phases found when it is
    decoded (Griffin-Lim).

    Args:
        rate, channels, length: of a clip.
        frames: of its spectrogram, a multiple of 8.
        conditions: what the networks are told.
        settings: mels, code, rounds.
    """

    block = 64

    def __init__(
        self,
        rate: int,
        channels: int,
        length: int,
        frames: int,
        conditions: Conditions,
        settings: AudioSettings,
    ) -> None:
        self.rate, self.channels, self.length = rate, channels, length
        self.conditions, self.settings = conditions, settings
        self.mel = MelSpectrogram(rate, length, settings.mels, frames)
        bands = channels * settings.mels
        self.autoencoder = Autoencoder(bands, frames, settings.code, WIDTH)
        self.layout = Layout((settings.code,), conditions.condition)
        self.deterministic = settings.slice != "random"
        self.scales = {
            "band_mean": torch.zeros(bands),
            "band_scale": torch.ones(()),
            "code_mean": torch.zeros(settings.code),
            "code_scale": torch.ones(settings.code),
        }

    @classmethod
    def fit(
        cls,
        clips: Sequence[Clip],
        conditions: Conditions,
        settings: AudioSettings,
        progress: Progress,
    ) -> LatentCodec:
        """Learns the autoencoder, with torch's default generator."""
        first = clips[0]
        channels, length = first.samples.shape
        frames = settings.frames or frames_for(length / first.rate)
        codec = cls(first.rate, channels, length, frames, conditions, settings)
        parts = []
        for i in range(0, len(clips), BLOCK):
            progress("looking at the sounds", i, len(clips))
            parts.append(codec._spectrograms([c.samples for c in clips[i : i + BLOCK]]))
        s = torch.cat(parts)
        codec.scales["band_mean"] = s.mean((0, 2))
        codec.scales["band_scale"] = (s - codec.scales["band_mean"][:, None]).std()
        s = codec._standard(s)
        train(codec.autoencoder, s, settings.autoencoder, progress)
        with torch.inference_mode():
            z = torch.cat([codec.autoencoder.posterior(part)[0] for part in s.split(BLOCK)])
        codec.scales["code_mean"] = z.mean(0)
        codec.scales["code_scale"] = z.std(0).clamp(min=1e-6) if len(z) > 1 else torch.ones_like(z[0])
        codec.autoencoder.requires_grad_(False).eval()
        return codec

    def _spectrograms(self, samples: Sequence[Samples]) -> Tensor:
        """``(N, channels · mels, frames)``."""
        x = torch.from_numpy(np.stack(samples))
        return self.mel(x.flatten(0, 1)).unflatten(0, x.shape[:2]).flatten(1, 2)

    def _standard(self, s: Tensor) -> Tensor:
        return (s - self.scales["band_mean"][:, None]) / self.scales["band_scale"]

    @torch.inference_mode()
    def encode(self, items: Sequence[Clip], rng: np.random.Generator) -> Batch:
        """The latent's mean, float32 ``(N, code)``; of another window at each visit, where the
        clip has a recording.
        """
        samples = [window(clip, rng) for clip in items]
        z = self.autoencoder.posterior(self._standard(self._spectrograms(samples)))[0]
        x = (z - self.scales["code_mean"]) / self.scales["code_scale"]
        return Batch(x, self.conditions.encode(items))

    @torch.inference_mode()
    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Clip]:
        z = batch.x.nan_to_num(0.0) * self.scales["code_scale"] + self.scales["code_mean"]
        s = self.autoencoder.decode(z) * self.scales["band_scale"]
        s = (s + self.scales["band_mean"][:, None]).clamp(max=2.0)
        mels = s.unflatten(1, (self.channels, -1)).flatten(0, 1)
        x = self.mel.invert(mels, self.settings.rounds).unflatten(0, (-1, self.channels))
        return as_clips(x, batch.c, self.rate, self.conditions)

    def state(self) -> CodecState:
        config: dict[str, Any] = {
            "rate": self.rate,
            "channels": self.channels,
            "length": self.length,
            "frames": self.mel.frames,
            "conditions": self.conditions.state(),
        }
        return CodecState(config, {**self.scales, **self.autoencoder.state_dict()})

    @classmethod
    def load(cls, state: CodecState, settings: AudioSettings) -> LatentCodec:
        """The codec that :meth:`state` described."""
        config = dict(state.config)
        config["conditions"] = Conditions.load(config["conditions"])
        codec = cls(**config, settings=settings)
        tensors = dict(state.tensors)
        codec.scales = {name: tensors.pop(name) for name in codec.scales}
        codec.autoencoder.load_state_dict(tensors)
        codec.autoencoder.requires_grad_(False).eval()
        return codec


def frames_for(seconds: float) -> int:
    """A multiple of 8, 8 ms apart while there are not too many."""
    return min(max(round(seconds / HOP / 8) * 8, 16), MOST_FRAMES)


def window(clip: Clip, rng: np.random.Generator) -> Samples:
    """The clip's samples, or a random window of its recording."""
    if clip.recording is None:
        return clip.samples
    length = clip.samples.shape[1]
    start = int(rng.integers(0, clip.recording.shape[1] - length + 1))
    return clip.recording[:, start : start + length]


def as_clips(x: Tensor, c: Tensor | None, rate: int, conditions: Conditions) -> list[Clip]:
    """Generated samples ``(N, channels, T)`` as clips: without offset, none above full scale."""
    x = x - x.mean(2, keepdim=True)
    x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=1.0)
    told = [{}] * len(x) if c is None else [conditions.values(row) for row in c.tolist()]
    return [Clip(s, rate, values) for s, values in zip(x.numpy(), told, strict=True)]
