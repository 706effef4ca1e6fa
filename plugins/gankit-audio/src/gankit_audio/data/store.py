"""Decoded samples as one float32 block, in memory or in a file that is mapped into memory."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

_NORESERVE = 0x4000 if sys.platform == "linux" else 0


@dataclass
class Index:
    """The content of a block: consecutive pieces, and the clips inside them.

    Attributes:
        rows: the number of each piece's recording.
        starts: where each piece begins in its recording, in samples.
        sizes: samples per channel of each piece.
        pieces: the number of each clip's piece.
        windows: where each clip begins in its piece.
        issues: numbers of recordings that were skipped, wholly or in part, and the reasons.
        counts: how many recordings were cut or padded, and how many are doubtful, by what.
    """

    rows: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)
    issues: list[tuple[int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A block, float32 ``(values,)``, with its index."""

    block: Samples
    index: Index


class Writer:
    """Collects samples in memory up to a limit, then in a temporary file.

    Args:
        limit: most bytes in memory.
        expected: an estimate of the bytes to come, for the first allocation.
        file: to write everything to instead.
    """

    def __init__(self, limit: float, expected: int = 0, file: BinaryIO | None = None) -> None:
        self._limit, self._file, self._used = limit, file, 0
        self._ours = file is None
        if file is None and expected > limit:
            self._file = _temporary()
        room = 0 if self._file else min(expected, int(limit)) // 4
        self._memory = np.empty(room, np.float32)  # the system allocates pages as they are written
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
        """The block, float32 ``(values,)``."""
        if self._file is None:
            return self._memory[: self._used]
        self._file.flush()
        block = mapped(self._file)
        if self._ours:
            self._file.close()  # the mapping remains
        return block


def mapped(file: BinaryIO) -> Samples:
    """A file of float32 as an array, read from disk on demand; changes do not reach the file."""
    if not os.fstat(file.fileno()).st_size:
        return np.empty(0, np.float32)
    return np.frombuffer(_private_map(file), np.float32)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raises a GankitError for an OSError while temporary files are written."""
    try:
        yield
    except OSError as error:
        where = os.environ.get("TMPDIR", "temporary files")
        raise GankitError(
            f"cannot store decoded audio in memory and {where}: {error.strerror or error}",
            "Free some space; set TMPDIR, or cache, to a larger disk",
        ) from None


def _temporary() -> BinaryIO:
    return tempfile.TemporaryFile(prefix="gankit-audio-")


def _private_map(file: BinaryIO) -> mmap.mmap:
    """Pages that are copied on write, so that an array over them is writable."""
    if hasattr(mmap, "MAP_PRIVATE"):
        # Without NORESERVE, Linux refuses mappings that are larger than memory.
        return mmap.mmap(
            file.fileno(),
            0,
            flags=mmap.MAP_PRIVATE | _NORESERVE,
            prot=mmap.PROT_READ | mmap.PROT_WRITE,
        )
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
