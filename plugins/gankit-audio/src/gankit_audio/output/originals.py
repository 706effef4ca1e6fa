"""Clips of the user's own data, written as they were: the file's bytes, or its own samples."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gankit.errors import GankitError
from gankit_audio.data.clips import LABEL, PITCH, Clip, Original
from gankit_audio.data.files import Content, Sound, UnusableError, Waveform, open_sound
from gankit_audio.data.formats import SUFFIXES
from gankit_audio.output.encoding import CODINGS, encode

LONGEST = 3600.0
"""Seconds of a recording above which its clip is written as the run reads it."""
_SUFFIXES = {"WAV": ".wav", "FLAC": ".flac", "OGG": ".ogg", "MP3": ".mp3"}
_OPUS = "OPUS"
_DEEP = {"PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 32, "ALAC_24": 24, "ALAC_32": 32}


@dataclass(frozen=True)
class Written:
    """A file, with what it holds."""

    suffix: str
    data: bytes
    rate: int
    seconds: float


def as_it_was(clip: Clip, format: str) -> Written | None:
    """The recording of a real clip: its file byte for byte where it has the format's container
    (any container for ``parquet``), otherwise its samples at its own rate, channels and depth.

    Returns:
        None where that is not possible: the clip is then written as the run reads it.
    """
    original = clip.original
    if original is None:
        return None
    try:
        content: Content = original.content()
        with closing(open_sound(content)) as sound:
            header = sound.header
            container = "" if format == "parquet" else CODINGS[format].container or "WAV"
            if original.seconds is None and not isinstance(content, Waveform):
                suffix = _suffix(content, header.format, header.encoding)
                if container in ("", header.format):
                    data = content.read_bytes() if isinstance(content, Path) else content
                    return Written(suffix, data, header.rate, header.seconds)
            if header.seconds > LONGEST or (sound.vorbis and header.channels > 2):
                return None
            samples = _samples(sound, original)
    except (UnusableError, OSError):
        return None
    coding = _coding("wav" if format == "parquet" else format, header.encoding, content)
    if coding.startswith("wav") and np.abs(samples).max() > 1:  # as decoded lossy files may be
        coding = "wavfloat"
    try:
        data = encode(samples, header.rate, coding, {}, exact=True)
    except GankitError:  # the container does not have that rate, or so many channels
        return None
    seconds = samples.shape[1] / header.rate
    return Written(CODINGS[coding].suffix, data, header.rate, seconds)


def _suffix(content: Path | bytes, container: str, encoding: str) -> str:
    """The suffix of a file that is passed through."""
    if isinstance(content, Path) and content.suffix.lower() in SUFFIXES:
        return content.suffix.lower()
    return ".opus" if encoding == _OPUS else _SUFFIXES.get(container, f".{container.lower()}")


def _samples(sound: Sound, original: Original) -> np.ndarray[Any, Any]:
    """All samples of a recording, or those of a part, ``(channels, T)``."""
    header = sound.header
    first, last = 0, header.frames
    if original.seconds is not None:
        first = round(original.start * header.rate)
        last = min(first + round(original.seconds * header.rate), last)
    blocks, at = [], 0
    while at < last and len(block := sound.read(min(2**20, last - at))):
        blocks.append(block[max(first - at, 0) :])
        at += len(block)
    if not blocks:
        raise UnusableError("no samples")
    found = np.concatenate(blocks).T
    if not found.size or not np.isfinite(found).all():
        raise UnusableError("no samples")
    return found


def _coding(format: str, encoding: str, content: Content) -> str:
    """The coding of a container that keeps a recording's depth."""
    bits = _DEEP.get(encoding, 32 if isinstance(content, Waveform) else 16)
    if format == "wav":
        return {16: "wav", 24: "wav24", 32: "wavfloat"}[bits]
    if format == "wav24":
        return "wavfloat" if bits == 32 else "wav24"
    return "flac24" if format == "flac" and bits > 16 else format


def values(clip: Clip, condition: Mapping[str, str | float]) -> dict[str, Any]:
    """A real clip's values: conditions as generated clips have them, other cells as they were."""
    row = clip.original.row if clip.original is not None else {}
    kept = {
        key: value
        for key, value in condition.items()
        if key in (LABEL, PITCH) or isinstance(value, float) or key not in row
    }
    return {key: kept.get(key, row.get(key)) for key in dict.fromkeys([*condition, *row])}
