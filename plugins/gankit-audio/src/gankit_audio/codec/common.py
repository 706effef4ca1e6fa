"""What both codecs share: a random window of a recording, and generated samples as clips."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.loops import seamless
from gankit_audio.data.clips import Clip, Samples
from gankit_audio.data.slicing import faded, levelled, window
from gankit_audio.settings import AudioSettings


def view(clip: Clip, rng: np.random.Generator) -> Samples:
    """The clip's samples, or a random window of its recording."""
    if clip.recording is None:
        return clip.samples
    length = clip.samples.shape[1]
    start = int(rng.integers(0, clip.recording.shape[1] - length + 1))
    return window(clip.recording, clip.rate, start, length)


def as_clips(
    x: Tensor, c: Tensor | None, rate: int, conditions: Conditions, settings: AudioSettings
) -> list[Clip]:
    """Generated samples ``(N, channels, T)`` as clips: without offset or clicks at the edges, at
    the level that the data was brought to, fit for a loop where that is set.
    """
    x = x - x.mean(2, keepdim=True)
    x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=1.0)
    told = [{}] * len(x) if c is None else [conditions.values(row) for row in c.tolist()]
    finish = seamless if settings.loop else faded
    # The level comes last: the peak may lie in what is faded, and a blend may go beyond it.
    samples = [levelled(finish(s, rate), rate, settings.loudness) for s in x.numpy()]
    return [Clip(s, rate, values) for s, values in zip(samples, told, strict=True)]
