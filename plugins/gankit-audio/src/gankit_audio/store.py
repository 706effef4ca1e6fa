"""Where decoded clips are kept: in memory, in a temporary file, or in a folder for later runs."""

from __future__ import annotations

import json
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from gankit.errors import GankitError
from gankit_audio.clips import Samples


class Store:
    """Float32 arrays of a number of channels, one after another.

    Args:
        channels: of every array.
        limit: bytes beyond which they go to a temporary file.
        kept: the file, without suffix, that keeps them for later; None for none.
    """

    def __init__(self, channels: int, limit: float, kept: Path | None = None) -> None:
        self.channels, self.limit, self.kept = channels, limit, kept
        self._lengths: list[int] = []
        self._waiting: list[Samples] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        if kept is not None:
            try:
                kept.parent.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it is renamed at the end
                    dir=kept.parent, suffix=".part", delete=False
                )
            except OSError as error:
                raise GankitError(
                    f"cache={kept.parent}: {error.strerror or error}", "Name another folder"
                ) from None

    def append(self, x: Samples) -> None:
        """Keeps ``(channels, L)``."""
        self._lengths.append(x.shape[1])
        self._size += x.nbytes
        if self._file is None and self._size > self.limit:
            self._file = tempfile.TemporaryFile(prefix="gankit-audio-")  # noqa: SIM115 - for long
            for waiting in self._waiting:
                self._write(waiting)
            self._waiting.clear()
        if self._file is None:
            self._waiting.append(np.ascontiguousarray(x))
        else:
            self._write(x)

    def _write(self, x: Samples) -> None:
        assert self._file is not None
        try:
            self._file.write(np.ascontiguousarray(x, np.float32).tobytes())
        except OSError as error:
            self.discard()
            raise GankitError(
                f"cannot keep the decoded audio: {error.strerror or error}",
                "Make room, set TMPDIR to a larger disk, or cache=FOLDER",
            ) from None

    def discard(self) -> None:
        """Removes what was begun."""
        if self._file is not None:
            self._file.close()
            if self.kept is not None:
                Path(self._file.name).unlink(missing_ok=True)

    def finish(self, record: dict[str, Any]) -> Sequence[Samples]:
        """The arrays, read when asked; with ``record`` beside them where they are kept."""
        if self._file is None:
            return self._waiting
        self._file.flush()
        if self.kept is None:
            return Mapped(self._file.fileno(), self.channels, self._lengths)
        os.fsync(self._file.fileno())
        self._file.close()
        sound, about = _names(self.kept)
        os.replace(self._file.name, sound)
        text = json.dumps({"channels": self.channels, "lengths": self._lengths, **record})
        part = about.with_suffix(".json.part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, about)
        with sound.open("rb") as file:
            return Mapped(file.fileno(), self.channels, self._lengths)


def _names(kept: Path) -> tuple[Path, Path]:
    return kept.with_name(f"{kept.name}.f32"), kept.with_name(f"{kept.name}.json")


def recall(kept: Path) -> tuple[Sequence[Samples], dict[str, Any]] | None:
    """What :meth:`Store.finish` kept; None where there is nothing whole."""
    sound, about = _names(kept)
    try:
        record = json.loads(about.read_text(encoding="utf-8"))
        channels, lengths = int(record["channels"]), [int(n) for n in record["lengths"]]
        if sound.stat().st_size != 4 * channels * sum(lengths):
            return None
        with sound.open("rb") as file:
            return Mapped(file.fileno(), channels, lengths), record
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Mapped(Sequence[Samples]):
    """Arrays in a file, of which memory holds only what is looked at."""

    def __init__(self, file: int, channels: int, lengths: Sequence[int]) -> None:
        self.channels = channels
        self.ends = np.cumsum(np.asarray(lengths, np.int64)) * channels
        self._map = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        self._values = np.frombuffer(self._map, np.float32)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        start = self.ends[i - 1] if i else 0
        return self._values[start : self.ends[i]].reshape(self.channels, -1)
