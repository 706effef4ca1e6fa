"""The clips of a data set, as a sequence over one block of samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gankit_audio.data import slicing
from gankit_audio.data.clips import LABEL, Clip, Original
from gankit_audio.data.listing import Entry
from gankit_audio.data.store import Stored

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


@dataclass(frozen=True)
class ClipSpec:
    """What all clips of a run share."""

    rate: int
    """Samples per second."""
    channels: int
    size: int
    """Samples per channel."""
    settings: AudioSettings


class Clips(Sequence[Clip]):
    """Clips over a block of samples; each is built when it is accessed, and nothing is copied.

    Args:
        stored: the block with its index.
        entries: the recordings.
        values: of each recording.
        spec: rate, channels and size.
    """

    def __init__(
        self,
        stored: Stored,
        entries: Sequence[Entry],
        values: Sequence[dict[str, str | float]],
        spec: ClipSpec,
    ) -> None:
        index = stored.index
        self._block, self.entries, self.values, self.spec = stored.block, entries, values, spec
        self._rows, self._starts = np.array(index.rows, int), np.array(index.starts, int)
        self._sizes = np.array(index.sizes, int)
        self._offsets = np.cumsum(self._sizes) - self._sizes
        self._pieces, self._windows = np.array(index.pieces, int), np.array(index.windows, int)
        self._columns = tuple(dict.fromkeys(key for entry in entries for key in entry.row))
        self._per_row = np.bincount(self._rows[self._pieces], minlength=len(entries))

    def __len__(self) -> int:
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> list[Clip]: ...
    def __getitem__(self, index: int | slice) -> Clip | list[Clip]:
        found = range(len(self))[index]
        return self._clip(found) if isinstance(found, int) else [self._clip(i) for i in found]

    def __getitems__(self, indices: Iterable[int]) -> list[Clip]:
        return [self[int(i)] for i in indices]

    def labels(self) -> list[str | None]:
        """The class of each clip, None for one without."""
        labels = [None if (v := values.get(LABEL)) is None else str(v) for values in self.values]
        return [labels[row] for row in self.rows()]

    def rows(self) -> list[int]:
        """The number of each clip's recording."""
        found: list[int] = self._rows[self._pieces].tolist()
        return found

    def take(self, numbers: np.ndarray[Any, np.dtype[np.int_]]) -> Clips:
        """Some of the clips, by number."""
        chosen = copy(self)
        chosen._pieces, chosen._windows = self._pieces[numbers], self._windows[numbers]
        return chosen

    def name(self, i: int) -> str:
        """The name of a clip's recording."""
        return self.entries[int(self._rows[self._pieces[i]])].name

    def _clip(self, i: int) -> Clip:
        piece, window, spec = self._pieces[i], int(self._windows[i]), self.spec
        row, offset, size = self._rows[piece], self._offsets[piece], int(self._sizes[piece])
        whole = self._block[offset * spec.channels : (offset + size) * spec.channels]
        whole = whole.reshape(spec.channels, size)
        entry, values = self.entries[row], self.values[row]
        name, only = entry.name, spec.settings.slice == "first" or self._per_row[row] == 1
        at = (self._starts[piece] + window) / spec.rate
        part = None if only else spec.size / spec.rate
        original = Original(
            entry.content, entry.row, self._columns, 0.0 if only else float(at), part, entry.made
        )
        if spec.settings.slice != "first" and (start := self._starts[piece] + window):
            name = f"{name} at {start / spec.rate:.3f} s"
        if spec.settings.slice != "random":
            return Clip(whole, spec.rate, values, name, None, original)
        samples = slicing.window(whole, spec.rate, window, spec.size)
        return Clip(samples, spec.rate, values, name, whole, original)
