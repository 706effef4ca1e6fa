"""The base of both codecs: conditions, random windows, and generated samples as clips."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from gankit.contract import Codec, Conformed, Conforms, Layout
from gankit.errors import GankitError
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.loops import seamless
from gankit_audio.data.clips import Clip, Samples
from gankit_audio.data.recut import recut
from gankit_audio.data.slicing import faded, levelled, window
from gankit_audio.settings import AudioSettings


class ClipCodec(Codec[Clip], Conforms):
    """A codec for clips of one rate.

    Args:
        shape: of an encoded clip.
        rate: samples per second.
        conditions: what the networks are conditioned on.
        settings: slice, loop, loudness.
    """

    def __init__(
        self, shape: tuple[int, ...], rate: int, conditions: Conditions, settings: AudioSettings
    ) -> None:
        self.layout = Layout(shape, conditions.condition)
        self.rate, self.conditions, self.settings = rate, conditions, settings
        self.deterministic = settings.slice != "random"

    @property
    @abstractmethod
    def form(self) -> tuple[int, int]:
        """Channels and samples of a clip."""

    def conform(self, items: Sequence[Clip], strict: bool) -> Conformed[Clip]:
        """Clips of another data set at the rate and duration of the run's.

        Raises:
            GankitError: a clip lacks a condition, or has a class that the run does not know; the
                recordings were cut into clips of another form.
        """
        if not len(items):
            return Conformed(items)
        first, warnings = items[0], []
        if first.samples.shape != self.form or first.rate != self.rate:
            channels, size = self.form
            again = recut(items, self.rate, channels, size)
            if again is None:
                raise GankitError(
                    f"the data has clips of {_form(first.samples.shape, first.rate)}; the run has "
                    + _form(self.form, self.rate),
                    f"Train with rate={self.rate} duration={size / self.rate:g}, which then hold "
                    "for all data",
                )
            warnings.append(
                f"The recordings were cut to {_form(self.form, self.rate)}, as in the run"
            )
            items = again
        self.conditions.check(items)
        return Conformed(items, warnings)

    def as_clips(self, x: Tensor, c: Tensor | None) -> list[Clip]:
        """Generated samples ``(N, channels, T)`` as clips at the level of the data: without DC
        offset or clicks at the edges, and ready for looping if that is set."""
        x = x - x.mean(2, keepdim=True)
        x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=1.0)
        values = [{}] * len(x) if c is None else [self.conditions.values(r) for r in c.tolist()]
        finish = seamless if self.settings.loop else faded
        # The level comes last: fading may remove the peak, and blending may exceed full scale.
        samples = [
            levelled(finish(s, self.rate), self.rate, self.settings.loudness) for s in x.numpy()
        ]
        return [Clip(s, self.rate, v) for s, v in zip(samples, values, strict=True)]

    def samples_in_words(self) -> str:
        """What the samples in an exported graph are."""
        channels, size = self.form
        return f"(N, {channels}, {size}) float32: channels and samples at {self.rate} Hz, -1 to 1"


def _form(shape: tuple[int, ...], rate: int) -> str:
    channels, size = shape
    return f"{size / rate:g} s at {rate:,} Hz, {'mono' if channels == 1 else 'stereo'}"


def view(clip: Clip, rng: np.random.Generator) -> Samples:
    """The samples of a clip, or a random window of its recording."""
    if clip.recording is None:
        return clip.samples
    length = clip.samples.shape[1]
    start = int(rng.integers(0, clip.recording.shape[1] - length + 1))
    return window(clip.recording, clip.rate, start, length)
