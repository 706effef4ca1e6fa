"""Where decoded samples are kept: one float32 block in memory, in a temporary file, or in a cache.

Each recording is decoded once a run, or once for all runs that share a cache.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

Ints = npt.NDArray[np.int64]

VERSION = 1
"""Of the cache's format, and of all that turns recordings into clips."""
ABANDONED = 24 * 3600
"""Seconds after which an unfinished file of a cache is taken for what a killed run left."""
_PIECE = 2**24
_NORESERVE = 0x4000 if sys.platform == "linux" else 0


@dataclass
class Index:
    """What the block holds: pieces, one after the other, and the clips that lie in them.

    Attributes:
        rows: of each piece, the number of its recording.
        starts: of each piece, where in its recording it begins, in samples.
        sizes: of each piece, its samples in each channel.
        pieces: of each clip, the number of its piece.
        windows: of each clip, where in its piece it begins.
        problems: number of a recording, and why it, or some of it, was left out.
    """

    rows: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)
    issues: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """A block, float32 ``(values,)``, with its index."""

    block: Samples
    index: Index


class Writer:
    """Takes samples one after the other: in memory up to a limit, then in a temporary file.

    Args:
        limit: bytes that memory may hold.
        expected: bytes that will probably come; only the first guess of how much room to take.
        file: where all of it goes instead.
    """

    def __init__(self, limit: float, expected: int = 0, file: BinaryIO | None = None) -> None:
        self._limit, self._file, self._used = limit, file, 0
        self._ours = file is None
        if file is None and expected > limit:
            self._file = _temporary()
        room = 0 if self._file else min(expected, int(limit)) // 4
        self._memory = np.empty(room, np.float32)  # the system gives pages as they are written
        self.checksum = 0

    def append(self, samples: Samples) -> None:
        """Adds samples ``(channels, L)``, one channel after the other.

        Raises:
            OSError: no room for the file.
        """
        flat = np.ascontiguousarray(samples, np.float32).reshape(-1)
        end = self._used + len(flat)
        if self._file is None and end * 4 > self._limit:
            self._file = _temporary()
            self._file.write(self._memory[: self._used].data)
            self._memory = np.empty(0, np.float32)
        if self._file is not None:
            self._file.write(flat.data)
            self.checksum = zlib.crc32(flat.data, self.checksum)
        else:
            if end > len(self._memory):
                grown = np.empty(max(end, len(self._memory) * 3 // 2), np.float32)
                grown[: self._used] = self._memory[: self._used]
                self._memory = grown
            self._memory[self._used : end] = flat
        self._used = end

    def finish(self) -> Samples:
        """All that was written, float32 ``(values,)``."""
        if self._file is None:
            return self._memory[: self._used]
        self._file.flush()
        block = mapped(self._file)
        if self._ours:
            self._file.close()  # what is mapped stays
        return block


def mapped(file: BinaryIO) -> Samples:
    """A file of float32 as an array that memory need not hold. What is changed in it stays here."""
    if not os.fstat(file.fileno()).st_size:
        return np.empty(0, np.float32)
    return np.frombuffer(_private_map(file), np.float32)


@contextmanager
def room_in(where: str) -> Iterator[None]:
    """Turns a full or forbidden disk into a user's error."""
    try:
        yield
    except OSError as error:
        raise GankitError(
            f"cannot keep decoded audio in {where}: {error.strerror or error}",
            "Make room; set TMPDIR, or cache, to a larger disk",
        ) from None


def _temporary() -> BinaryIO:
    return tempfile.TemporaryFile(prefix="gankit-audio-")


def _private_map(file: BinaryIO) -> mmap.mmap:
    """Pages that are copied when written to, so that an array over them is an ordinary one."""
    if hasattr(mmap, "MAP_PRIVATE"):
        # Without NORESERVE, Linux refuses what could never be copied as a whole.
        return mmap.mmap(
            file.fileno(),
            0,
            flags=mmap.MAP_PRIVATE | _NORESERVE,
            prot=mmap.PROT_READ | mmap.PROT_WRITE,
        )
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


# --- A cache for later runs ---------------------------------------------------------------------


class Cache:
    """A folder with two files for each data set and way of cutting it.

    ``<key>.f32`` is the block, as it lies in memory; ``<key>.json`` its index, with the block's
    CRC-32. The index is written last, and both appear whole, or not at all.

    Raises:
        GankitError: the folder cannot be made.
    """

    def __init__(self, folder: str, key: str) -> None:
        self.folder = Path(folder).expanduser()
        self.block, self.index = self.folder / f"{key}.f32", self.folder / f"{key}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GankitError(
                f"cache={folder}: no folder there ({error.strerror or error})", "Set another"
            ) from None

    def load(self, recordings: int, channels: int, size: int) -> Stored | None:
        """What was kept, or None where that is nothing, unfinished or damaged.

        Args:
            recordings: how many there are.
            channels: of each piece.
            size: samples of each clip.
        """
        try:
            told = json.loads(self.index.read_text(encoding="utf-8"))
            with self.block.open("rb") as file:
                block = mapped(file)
            index = _checked(told["index"], recordings, len(block), channels, size)
            if told["version"] != VERSION or told["crc32"] != _checksum(block):
                return None
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        return Stored(block, index)

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """An unfinished file for the block, which goes when something goes wrong."""
        self._sweep()
        part = self.folder / f"{self.block.stem}.{secrets.token_hex(8)}.part"
        try:
            with part.open("x+b") as file:
                yield file
        finally:
            part.unlink(missing_ok=True)

    def keep(self, file: BinaryIO, index: Index, checksum: int) -> None:
        """Gives a finished block its name, and writes its index."""
        file.flush()
        os.fsync(file.fileno())
        self.index.unlink(missing_ok=True)
        os.replace(file.name, self.block)
        told = {"version": VERSION, "crc32": checksum, "index": vars(index)}
        part = Path(f"{file.name}.json.part")
        part.write_text(json.dumps(told), encoding="utf-8")
        os.replace(part, self.index)

    def _sweep(self) -> None:
        for part in self.folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink(missing_ok=True)


def _checksum(block: Samples) -> int:
    checksum = 0
    for start in range(0, len(block), _PIECE):
        checksum = zlib.crc32(block[start : start + _PIECE].data, checksum)
    return checksum


def _checked(
    told: Mapping[str, Any], recordings: int, values: int, channels: int, size: int
) -> Index:
    """An index that was read, if it can be that of the block.

    Raises:
        ValueError: it cannot.
    """
    rows, starts, sizes, pieces, windows = (
        _integers(told[name]) for name in ("rows", "starts", "sizes", "pieces", "windows")
    )
    if not (len(rows) == len(starts) == len(sizes) and len(pieces) == len(windows)):
        raise ValueError("columns of different lengths")
    issues = [(int(row), str(why)) for row, why in told["issues"]]
    bounds = [(rows, recordings), (_integers([row for row, _ in issues]), recordings)]
    if any(
        len(a) and (a.min() < 0 or a.max() >= most) for a, most in (*bounds, (pieces, len(rows)))
    ):
        raise ValueError("numbers out of range")
    if (sizes < size).any() or int(sizes.sum()) * channels != values:
        raise ValueError("another block")
    if (windows < 0).any() or (windows + size > sizes[pieces]).any():
        raise ValueError("windows outside their pieces")
    return Index(
        rows.tolist(), starts.tolist(), sizes.tolist(), pieces.tolist(), windows.tolist(), issues
    )


def _integers(column: Sequence[int]) -> Ints:
    found = np.array(column, np.int64) if len(column) else np.zeros(0, np.int64)
    if found.ndim != 1:
        raise ValueError("no column of integers")
    return found
