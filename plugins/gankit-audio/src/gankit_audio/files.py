"""One recording's bytes as samples: what it is, and what of it can be used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import soundfile
import torch
import torchaudio

from gankit_audio.clips import Samples

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
LOWEST, HIGHEST = 4_000, 192_000
"""Samples a second that are taken."""
MOST_HOURS = 12
"""A file that claims to be longer is damaged, or meant to fill the memory."""
PIECE = 60
"""Seconds that are resampled at once."""
ASIDE = 2**-0.5
"""Weight of the centre and surround channels when 5.1 is mixed down (ITU-R BS.775, table 2)."""


class UnusableError(Exception):
    """A recording that cannot be used; the message says why."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself."""

    rate: int
    channels: int
    frames: int
    format: str

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def read_header(file: BinaryIO) -> Header:
    """Of a WAV, FLAC, OGG, MP3 or AIFF file, told by its content and not by its name.

    Raises:
        UnusableError: no such file, none of a known rate, an empty one.
    """
    with _opened(file) as sound:
        found = Header(sound.samplerate, sound.channels, sound.frames, str(sound.format))
    if not LOWEST <= found.rate <= HIGHEST:
        raise UnusableError(f"{found.rate:,} samples a second, {LOWEST:,} to {HIGHEST:,} are taken")
    if found.frames < 1:
        raise UnusableError("it has no samples")
    if found.seconds > MOST_HOURS * 3600:
        raise UnusableError(f"it says that it lasts {found.seconds / 3600:,.0f} hours")
    return found


def decode(file: BinaryIO, seconds: float = math.inf) -> tuple[Samples, int]:
    """The first so many seconds, float32 ``(channels, L)``, and their rate.

    Raises:
        UnusableError: damaged, or with samples that are no numbers.
    """
    with _opened(file) as sound:
        rate = sound.samplerate
        wanted = -1 if seconds == math.inf else math.ceil(seconds * rate)
        try:
            x = sound.read(wanted, dtype="float32", always_2d=True).T
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise UnusableError(f"damaged: {_line(error)}") from None
    return usable(x), rate


def usable(x: Samples) -> Samples:
    """Checks samples ``(channels, L)``.

    Raises:
        UnusableError: there are none, or some are not finite.
    """
    if not x.size:
        raise UnusableError("it has no samples")
    if not np.isfinite(x).all():
        raise UnusableError(f"{int((~np.isfinite(x)).sum()):,} samples are not numbers")
    return np.ascontiguousarray(x, dtype=np.float32)


def _opened(file: BinaryIO) -> Any:
    try:
        return soundfile.SoundFile(file)
    except (soundfile.SoundFileError, RuntimeError, TypeError, OSError) as error:
        raise UnusableError(f"no readable recording: {_line(error)}") from None


def _line(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or error)
    return " ".join(text.split()).rstrip(".")[:120]


def mixed(x: Samples, channels: int) -> Samples:
    """``(C, L)`` as one or two channels. 5.1 and 7.1 keep their sides and lose the low-frequency
    channel; of other counts each side is the mean.
    """
    if len(x) >= 6:  # left, right, centre, low frequencies, surrounds left and right in turn
        centre = ASIDE * x[2]
        around = [ASIDE * x[4 + side :: 2].mean(0) for side in (0, 1)]
        sides = np.stack([x[0] + centre + around[0], x[1] + centre + around[1]])
        x = (sides / (1 + 2 * ASIDE)).astype(np.float32)
    if channels == 2 and len(x) == 2:
        return x
    middle: Samples = x.mean(0, keepdims=True)
    return np.repeat(middle, channels, 0)


def resampled(x: Samples, rate: int, wanted: int) -> Samples:
    """At another rate, by a windowed sinc, a minute at a time so that memory is bounded."""
    if rate == wanted:
        return x
    step, context, length = rate * PIECE, rate, x.shape[1]
    parts = []
    for start in range(0, length, step):
        first, last = max(start - context, 0), min(start + step + context, length)
        part = torch.from_numpy(x[:, first:last])
        out = torchaudio.functional.resample(part, rate, wanted)
        skip = (start - first) // rate * wanted
        parts.append(out[:, skip : skip + PIECE * wanted].numpy())
    return np.concatenate(parts, 1)[:, : max(math.ceil(length * wanted / rate), 1)]
