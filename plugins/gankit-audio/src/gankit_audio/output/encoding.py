"""Clips as the bytes of WAV, FLAC, Ogg Vorbis or MP3 files, with texts in their metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from gankit.contract import Modality
from gankit.errors import GankitError
from gankit.kit.pictures import MADE_BY

if TYPE_CHECKING:
    from gankit_audio.data.clips import Clip

LOSSY_PEAK = 10 ** (-1 / 20)
"""Highest sample for a lossy encoder, -1 dB: decoded samples may exceed those encoded."""
BLOCK = 65536
"""Frames that are encoded at once."""


@dataclass(frozen=True)
class Coding:
    """A container and its encoding; ``bits`` is 0 for floats and lossy encodings."""

    suffix: str
    bits: int = 0
    container: str = ""
    """Names in libsndfile; empty for WAV, which is written by this module."""
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
"""The texts that a file can carry, and their names in the LIST chunk of a WAV file."""


def encode(
    samples: np.ndarray[Any, Any],
    rate: int,
    format: str,
    texts: Mapping[str, str],
    exact: bool = False,
) -> bytes:
    """The bytes of a file.

    A clip that exceeds full scale is turned down as a whole, not clipped.

    Args:
        samples: floats ``(channels, T)``, full scale is 1.
        format: one of ``CODINGS``.
        texts: any of ``title``, ``comment``, ``software`` and ``date``, and for WAV ``xmp``, which
            the others lack a place for. MP3 supports ASCII only.
        exact: whether ``wavfloat`` keeps samples beyond full scale.

    Raises:
        GankitError: samples are not finite, or the format does not support the rate.
    """
    coding = CODINGS[format]
    if not np.isfinite(samples).all():
        raise GankitError(
            "a clip holds NaN or infinite samples", "Train again: this run has diverged"
        )
    texts = {key: " ".join(text.split()) for key, text in texts.items() if text}
    if not coding.container:
        return _wav(samples, rate, coding.bits, texts, exact)
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
            for key in (key for key in INFO if key in texts):
                setattr(out, key, texts[key])
            for start in range(0, frames.shape[1], BLOCK):
                out.write(np.ascontiguousarray(frames[:, start : start + BLOCK].T))
    except sf.LibsndfileError:
        raise GankitError(
            f"{coding.suffix[1:]} does not support {rate} samples per second", "Use --format wav"
        ) from None
    return file.getvalue()


def to_wav(clip: Clip, marked: bool) -> bytes:
    """A clip as a 16-bit WAV file.

    Args:
        marked: whether its metadata states that it is synthetic.
    """
    texts = {"title": MADE_BY, "comment": Modality.source_type} if marked else {}
    return encode(clip.samples, clip.rate, "wav", texts)


def within(
    samples: np.ndarray[Any, Any], high: float, low: float | None = None
) -> np.ndarray[Any, Any]:
    """Samples in float64, turned down if needed to lie in ``[low, high]``."""
    wide = samples.astype(np.float64)
    over = max(wide.max(initial=0) / high, wide.min(initial=0) / (-high if low is None else low))
    return wide / over if over > 1 else wide


def _integers(samples: np.ndarray[Any, Any], bits: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Samples as integers; samples that were read from such integers give the same ones."""
    full = 2 ** (bits - 1)
    whole = np.rint(within(samples, 1 - 1 / full, -1.0) * full)
    return np.asarray(whole, np.int32)


def _wav(
    samples: np.ndarray[Any, Any], rate: int, bits: int, texts: Mapping[str, str], exact: bool
) -> bytes:
    """A RIFF WAVE file; libsndfile would write the current time into files of floats."""
    channels, frames = samples.shape
    if bits:
        wide = _integers(samples, bits).T.astype("<i4").reshape(-1, 1).view(np.uint8)
        data = wide[:, : bits // 8].tobytes()  # the low bytes come first
    else:
        wide_floats = samples if exact else within(samples, 1.0)
        bits, data = 32, wide_floats.T.astype("<f4").tobytes()
    size, floats = bits // 8 * channels, bits == 32
    layout = struct.pack("<HHIIHH", 3 if floats else 1, channels, rate, rate * size, size, bits)
    parts = [_chunk(b"fmt ", layout + b"\0\0" if floats else layout)]
    if floats:
        parts.append(_chunk(b"fact", struct.pack("<I", frames)))
    if texts:
        listed = (
            _chunk(name, texts[key].encode() + b"\0") for key, name in INFO.items() if key in texts
        )
        parts.append(_chunk(b"LIST", b"INFO" + b"".join(listed)))
    if xmp := texts.get("xmp"):
        parts.append(_chunk(b"_PMX", xmp.encode()))  # XMP Specification Part 3, WAV
    return _chunk(b"RIFF", b"WAVE" + b"".join(parts) + _chunk(b"data", data))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
