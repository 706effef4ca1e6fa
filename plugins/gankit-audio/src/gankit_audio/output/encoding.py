"""A clip as the bytes of a WAV, FLAC, Ogg Vorbis or MP3 file, with texts in its own metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

LOSSY_PEAK = 10 ** (-1 / 20)
"""Highest sample that a lossy encoder is given, -1 dB: what it decodes to may lie above it."""
BLOCK = 65536
"""Frames that an encoder is given at a time."""


@dataclass(frozen=True)
class Coding:
    """A container and what it holds; ``bits`` is 0 where samples are floats or lossy."""

    suffix: str
    bits: int = 0
    container: str = ""
    """libsndfile's names; empty for WAV, which is written here."""
    subtype: str = ""


CODINGS = {
    "wav": Coding(".wav", 16),
    "wav24": Coding(".wav", 24),
    "wavfloat": Coding(".wav"),
    "flac": Coding(".flac", 16, "FLAC", "PCM_16"),
    "flac24": Coding(".flac", 24, "FLAC", "PCM_24"),
    "ogg": Coding(".ogg", 0, "OGG", "VORBIS"),
    "mp3": Coding(".mp3", 0, "MP3", "MPEG_LAYER_III"),
}

INFO = {"title": b"INAM", "comment": b"ICMT", "software": b"ISFT", "date": b"ICRD"}
"""The texts that a file can carry, and their names in a WAV file's LIST chunk."""


def encode(samples: Samples, rate: int, format: str, texts: Mapping[str, str]) -> bytes:
    """The bytes of a file.

    A clip that goes beyond full scale is made quieter as a whole: nothing is cut off.

    Args:
        samples: float32 ``(channels, T)``, full scale is 1.
        format: one of ``CODINGS``.
        texts: any of ``title``, ``comment``, ``software`` and ``date``. MP3 keeps ASCII alone.

    Raises:
        GankitError: samples are no numbers, or the format has no such rate.
    """
    coding = CODINGS[format]
    if not np.isfinite(samples).all():
        raise GankitError(
            "a clip holds samples that are no numbers", "Train again: this run has diverged"
        )
    texts = {key: " ".join(text.split()) for key, text in texts.items() if text}
    if not coding.container:
        return _wav(samples, rate, coding.bits, texts)
    if coding.container == "MP3":  # libsndfile's ID3 tags are in Latin-1
        texts = {k: t.encode("ascii", "backslashreplace").decode() for k, t in texts.items()}
    if coding.bits:
        frames = _integers(samples, coding.bits) << (32 - coding.bits)
    else:
        frames = within(samples, LOSSY_PEAK).astype(np.float32)
    file, channels = io.BytesIO(), len(samples)
    try:
        with sf.SoundFile(
            file, "w", rate, channels, coding.subtype, format=coding.container
        ) as out:
            for key, text in texts.items():
                setattr(out, key, text)
            for start in range(0, frames.shape[1], BLOCK):
                out.write(np.ascontiguousarray(frames[:, start : start + BLOCK].T))
    except sf.LibsndfileError:
        raise GankitError(
            f"{coding.suffix[1:]} cannot hold {rate} samples a second", "Use --format wav"
        ) from None
    return file.getvalue()


def within(samples: Samples, high: float, low: float | None = None) -> np.ndarray[Any, Any]:
    """Samples in float64, made quieter as far as they have to be to lie in ``[low, high]``."""
    wide = samples.astype(np.float64)
    over = max(wide.max(initial=0) / high, wide.min(initial=0) / (-high if low is None else low))
    return wide / over if over > 1 else wide


def _integers(samples: Samples, bits: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Samples as whole numbers of so many bits; those that were read from such are the same."""
    full = 2 ** (bits - 1)
    whole = np.rint(within(samples, 1 - 1 / full, -1.0) * full)
    return np.asarray(whole, np.int32)


def _wav(samples: Samples, rate: int, bits: int, texts: Mapping[str, str]) -> bytes:
    """A RIFF WAVE file; libsndfile would write the time of day into those of floats."""
    channels, frames = samples.shape
    if bits:
        wide = _integers(samples, bits).T.astype("<i4").reshape(-1, 1).view(np.uint8)
        data = wide[:, : bits // 8].tobytes()  # the low bytes come first
    else:
        bits, data = 32, within(samples, 1.0).T.astype("<f4").tobytes()
    size, floats = bits // 8 * channels, bits == 32
    layout = struct.pack("<HHIIHH", 3 if floats else 1, channels, rate, rate * size, size, bits)
    parts = [_chunk(b"fmt ", layout + b"\0\0" if floats else layout)]
    if floats:
        parts.append(_chunk(b"fact", struct.pack("<I", frames)))
    if texts:
        listed = (_chunk(INFO[key], text.encode() + b"\0") for key, text in texts.items())
        parts.append(_chunk(b"LIST", b"INFO" + b"".join(listed)))
    return _chunk(b"RIFF", b"WAVE" + b"".join(parts) + _chunk(b"data", data))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
