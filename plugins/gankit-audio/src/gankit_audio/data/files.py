"""Sound files and arrays of samples: headers, and decoding at the rate and channels of the run.

libsndfile (https://libsndfile.github.io/libsndfile/) decodes. It goes by the content of a file,
not by its extension.
"""

from __future__ import annotations

import hashlib
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf
import torch

from gankit_audio.data.formats import (
    FFMPEG,
    chunked,
    missing_by_log,
    missing_share,
    overlay,
    unsupported,
)
from gankit_audio.data.mixdown import mixdown
from gankit_audio.data.resampling import ratio, resampler
from gankit_audio.settings import RATES

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

HEAD_SPHERE = 1024
"""Bytes of the longest header that is looked at, NIST's."""
_CANCELLED = 1e-3
"""Share of its loudest sample that a recording keeps at least when it is mixed down."""
CUT_OFF = "cut off: its header claims a longer recording"
TOO_LONG = "too long: split it (it decodes to more than 4 GiB)"
LOUDEST = 64.0
"""Times full scale (36 dB) above which values are not samples but, say, unscaled integers."""
MOST_BYTES = 4 * 2**30
"""Most bytes that a recording may decode to, at the rate and channels of the run: 18 hours in mono
at 16 kHz. A few kilobytes of FLAC can claim years of silence."""
BLOCK = 2**20
"""Values (frames times channels) that are decoded at once."""

_UNKNOWN = 2**60
"""libsndfile reports a length above this where the header does not have it."""
_SHORT_SECONDS, _SHORT_SHARE = 0.02, 0.01
"""A recording that lacks no more than either of what its header claims is used as it is."""


class UnusableError(Exception):
    """A recording that cannot be used; the message gives the reason."""


@dataclass(frozen=True)
class Waveform:
    """A recording in memory: ``(frames, channels)`` of any type of samples."""

    array: np.ndarray[Any, Any]
    rate: int


Content = Path | bytes | Waveform
"""A recording: a file, a file's bytes, or its samples."""


@dataclass(frozen=True)
class Header:
    """Properties of a recording that are known before decoding.

    Attributes:
        rate: samples per second.
        frames: samples per channel.
        format: the container, such as ``WAV``.
        encoding: libsndfile's name of it, such as ``PCM_16``.
        repaired: whether the lengths in the header are wrong, by no more than is tolerated.
    """

    rate: int
    channels: int
    frames: int
    format: str = ""
    encoding: str = ""
    repaired: bool = False

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


class Sound(ABC):
    """An open recording, read from its beginning."""

    header: Header
    vorbis = False
    """Whether the channels are in the order of Ogg Vorbis."""

    @abstractmethod
    def read(self, frames: int) -> Samples:
        """The next frames, float32 ``(n, channels)``; fewer at the end.

        Raises:
            UnusableError: they cannot be decoded.
        """

    @abstractmethod
    def close(self) -> None:
        """Closes the file."""


def read_header(content: Content) -> tuple[Header, str]:
    """The header of a recording and the SHA-256 of its content.

    Raises:
        UnusableError: damaged, cut off, empty, or at an unsupported rate.
    """
    try:
        if isinstance(content, Path) and not content.is_file():  # a pipe would block
            raise UnusableError("not a file" if content.exists() else "no such file")
        with closing(open_sound(content)) as sound:
            header = sound.header
        return header, _digest(content)
    except OSError as error:
        raise UnusableError(f"cannot be read ({error.strerror or error})") from None


def open_sound(content: Content) -> Sound:
    """Opens a recording and checks its header.

    Raises:
        UnusableError: as for :func:`read_header`.
        OSError: the file cannot be read.
    """
    sound = _Array(content) if isinstance(content, Waveform) else _File(content)
    try:
        _check(sound.header)
    except UnusableError:
        sound.close()
        raise
    return sound


def decode(content: Content, rate: int, channels: int, most: int | None = None) -> Samples:
    """A recording at another rate and number of channels, float32 ``(channels, L)``.

    Args:
        most: samples that are needed; no more of a long file is decoded.

    Raises:
        UnusableError: damaged, or its values are not samples.
    """
    try:
        with closing(open_sound(content)) as sound:
            return _decoded(sound, rate, channels, most)
    except OSError as error:
        raise UnusableError(f"cannot be read ({error.strerror or error})") from None


def resampled_length(header: Header, rate: int) -> int:
    """Samples per channel of a recording after resampling."""
    p, q = ratio(header.rate, rate)
    return -(-header.frames * q // p)


def _check(header: Header) -> None:
    if header.frames == 0:
        raise UnusableError("no samples: empty or cut off")
    if header.frames >= _UNKNOWN:
        raise UnusableError(f"its header has no length: {FFMPEG}")
    if header.rate not in RATES:
        supported = f"{RATES.least} to {RATES.most}"
        raise UnusableError(f"a rate of {header.rate} Hz; supported are {supported}")


def _decoded(sound: Sound, rate: int, channels: int, most: int | None) -> Samples:
    header = sound.header
    length = resampled_length(header, rate)
    wanted = length if most is None else min(length, most)
    if wanted * channels * 4 > MOST_BYTES:
        raise UnusableError(TOO_LONG)
    p, q = ratio(header.rate, rate)
    transform, width = resampler(p, q)
    # The filter's margin and the size of a read, in steps of p samples, which give q each.
    margin = -(-width // p)
    step = max(BLOCK // (p * header.channels), 2 * margin + 1)
    matrix = mixdown(header.channels, channels, sound.vorbis)

    found = np.empty((channels, wanted), np.float32)
    buffer, first, done = np.empty((channels, 0), np.float32), 0, 0
    loudest, mixed, heard = 0.0, 0.0, matrix.any(1)  # a subwoofer is not
    for block, last in _blocks(sound, step * p):
        block, each = block @ matrix, float(np.abs(block[:, heard]).max(initial=0.0))
        loudest, mixed = max(loudest, each), max(mixed, float(np.abs(block).max(initial=0.0)))
        buffer = np.concatenate([buffer, block.T], 1)
        resampled = transform(torch.from_numpy(buffer)).numpy()
        valid = resampled.shape[1] if last else (buffer.shape[1] // p - margin) * q
        piece = resampled[:, done - first * q : valid][:, : wanted - done]
        found[:, done : done + piece.shape[1]] = piece
        done += piece.shape[1]
        if done == wanted:
            break
        keep = max(done // q - margin, first)
        buffer, first = buffer[:, (keep - first) * p :], keep
    if header.channels > channels and mixed < _CANCELLED * loudest:
        raise UnusableError("its channels cancel each other when mixed down: set channels=stereo")
    return found[:, :done]


def _blocks(sound: Sound, frames: int) -> Iterator[tuple[Samples, bool]]:
    """Blocks of frames ``(n, channels)``, each with whether it is the last."""
    left = sound.header.frames
    while left > 0:
        block = sound.read(min(frames, left))
        if len(block) < min(frames, left):
            lack, header = left - len(block), sound.header
            if not _is_short(lack, header.frames, header.rate):
                raise UnusableError(CUT_OFF)
            left = len(block)
        if not np.isfinite(block).all():
            raise UnusableError("holds NaN or infinite samples")
        peak = float(np.abs(block).max(initial=0.0))
        if peak > LOUDEST:
            raise UnusableError(f"holds samples above {LOUDEST:g} times full scale, which is 1")
        left -= len(block)
        yield block, left == 0


# --- Arrays -------------------------------------------------------------------------------------


class _Array(Sound):
    def __init__(self, waveform: Waveform) -> None:
        self.array, self._at = waveform.array, 0
        frames, channels = waveform.array.shape
        self.header = Header(waveform.rate, channels, frames)

    def read(self, frames: int) -> Samples:
        block = self.array[self._at : self._at + frames]
        self._at += len(block)
        return _as_float(block)

    def close(self) -> None:
        """Nothing to close."""


def _as_float(block: np.ndarray[Any, Any]) -> Samples:
    """Samples of any type as float32: integers are scaled by their range, unsigned ones centred."""
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):  # infinite values are reported later
            return np.asarray(block, np.float32)
    full = 2.0 ** (8 * block.dtype.itemsize - 1)
    centre = full if block.dtype.kind == "u" else 0.0
    scaled = (block.astype(np.float64) - centre) / full
    return np.asarray(scaled, np.float32)


# --- Files --------------------------------------------------------------------------------------


class _Bytes(io.BytesIO):
    """libsndfile may seek before the start of damaged data, which a file would ignore."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return super().seek(max(offset, 0) if whence == os.SEEK_SET else offset, whence)


class _File(Sound):
    def __init__(self, content: Path | bytes) -> None:
        with content.open("rb") if isinstance(content, Path) else _Bytes(content) as file:
            if not file.seek(0, os.SEEK_END):
                raise UnusableError("an empty file")
            missing, change = missing_share(file), overlay(file)
            file.seek(0)
            head = file.read(HEAD_SPHERE)
            if change is None and isinstance(content, Path) and not _is_utf8(content):
                change = (0, b"")  # libsndfile opens no such name
            if change is not None:
                file.seek(change[0])
                content = change[1] + file.read()
        if reason := unsupported(head):
            raise UnusableError(reason)
        self._file = _open(content)
        frames, rate = self._file.frames, self._file.samplerate
        if not chunked(head):
            missing = missing_by_log(self._file.extra_info, head, frames)
        if missing and frames and not _is_short(frames / (1 - missing) - frames, frames, rate):
            self._file.close()
            raise UnusableError(CUT_OFF)
        self.header = Header(
            rate,
            self._file.channels,
            frames,
            "WAV" if self._file.format == "WAVEX" else self._file.format,
            self._file.subtype,
            bool(missing) or (change is not None and change[0] > 0 and bool(change[1])),
        )
        self.vorbis = self._file.format == "OGG"

    def read(self, frames: int) -> Samples:
        try:
            found: Samples = self._file.read(frames, dtype="float32", always_2d=True)
        except sf.LibsndfileError as error:
            raise UnusableError(_reason(error)) from None
        return found

    def close(self) -> None:
        self._file.close()


def _open(content: Path | bytes) -> Any:
    try:
        return sf.SoundFile(content if isinstance(content, Path) else _Bytes(content))
    except sf.LibsndfileError as error:
        raise UnusableError(_reason(error)) from None
    except (TypeError, ValueError, UnicodeError):  # raw samples, or an undecodable name
        raise UnusableError("not a supported sound file") from None


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_short(lack: float, frames: int, rate: int) -> bool:
    """Whether so few frames are missing that nobody hears it: a wrong header, not a cut file."""
    return lack <= max(_SHORT_SECONDS * rate, _SHORT_SHARE * frames)


def _reason(error: Any) -> str:
    text = str(error.error_string).strip().rstrip(".")
    return f"cannot be decoded ({text[:1].lower()}{text[1:]})"


def _digest(content: Content) -> str:
    if isinstance(content, Path):
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    array = content.array
    digest = hashlib.sha256(f"{content.rate} {array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
