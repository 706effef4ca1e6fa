"""Blocks of decoded samples in a cache folder, for later runs with the same data and settings."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gankit.kit.cache import open_cache
from gankit.kit.files import cache_folder
from gankit_audio.data.store import Index, Stored, Writer, mapped

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

CACHE_VERSION = 2
"""Of the files, and of everything that turns recordings into clips."""
_CHUNK = 2**24


class ClipCache:
    """Two files for each data set and way of cutting it.

    ``<key>.f32`` is the block; ``<key>.json``, which is written last, has its index and CRC-32.

    Args:
        setting: auto, none, or a path.
        key: a hash of everything that determines the clips.

    Raises:
        GankitError: the folder that the user named cannot be created.
    """

    def __init__(self, setting: str, key: str) -> None:
        self._cache = open_cache(setting, cache_folder("audio"))
        self._block = self._cache.path("", f"{key}.f32")
        self._index = self._cache.path("", f"{key}.json")

    def load(self, recordings: int, channels: int, size: int) -> Stored | None:
        """The stored clips; None if there are none, or they are incomplete or damaged.

        Args:
            recordings: their number.
            channels: of each piece.
            size: samples of each clip.
        """
        if self._block is None or self._index is None:
            return None
        try:
            stored = json.loads(self._index.read_text(encoding="utf-8"))
            with self._block.open("rb") as file:
                block = mapped(file)
            index = _checked(stored["index"], recordings, len(block), channels, size)
            if stored["version"] != CACHE_VERSION or stored["crc32"] != _checksum(block):
                return None
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        return Stored(block, index)

    def write(self, fill: Callable[[Writer], Index]) -> Stored | None:
        """Writes clips for later runs and returns them; None without a cache, or if the system's
        cache cannot be written.

        Args:
            fill: gives all samples to the writer and returns their index.

        Raises:
            GankitError: the folder that the user named cannot be written.
        """
        if self._block is None or self._index is None:
            return None
        stored = None
        with self._cache.writing(self._block) as part:
            with part.open("x+b") as file:
                writer = Writer(0, file=file)
                index = fill(writer)
                stored = Stored(writer.finish(), index)
            if not index.pieces:
                part.unlink()
                return stored
            self._index.unlink(missing_ok=True)
        if stored is None:
            return None
        with self._cache.writing(self._index) as part:
            content = {"version": CACHE_VERSION, "crc32": writer.checksum, "index": vars(index)}
            part.write_text(json.dumps(content), encoding="utf-8")
        return stored


def _checksum(block: Samples) -> int:
    checksum = 0
    for start in range(0, len(block), _CHUNK):
        checksum = zlib.crc32(block[start : start + _CHUNK].data, checksum)
    return checksum


def _checked(
    content: Mapping[str, Any], recordings: int, values: int, channels: int, size: int
) -> Index:
    """An index from a file.

    Raises:
        ValueError: it is not an index of this block.
    """
    rows, starts, sizes, pieces, windows = (
        _integers(content[name]) for name in ("rows", "starts", "sizes", "pieces", "windows")
    )
    if not (len(rows) == len(starts) == len(sizes) and len(pieces) == len(windows)):
        raise ValueError("columns of different lengths")
    issues = [(int(row), str(reason)) for row, reason in content["issues"]]
    counts = {str(what): int(count) for what, count in dict(content["counts"]).items()}
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
        rows=rows.tolist(),
        starts=starts.tolist(),
        sizes=sizes.tolist(),
        pieces=pieces.tolist(),
        windows=windows.tolist(),
        issues=issues,
        counts=counts,
    )


def _integers(column: Sequence[int]) -> npt.NDArray[np.int64]:
    found = np.array(column, np.int64) if len(column) else np.zeros(0, np.int64)
    if found.ndim != 1:
        raise ValueError("not a column of integers")
    return found
