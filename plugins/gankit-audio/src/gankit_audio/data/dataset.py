"""The clips of a data set, as a sequence over one block of samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from gankit_audio.data import slicing
from gankit_audio.data.clips import LABEL, Clip
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
        names: of each recording.
        values: of each recording.
        spec: rate, channels and size.
    """

    def __init__(
        self,
        stored: Stored,
        names: Sequence[str],
        values: Sequence[dict[str, str | float]],
        spec: ClipSpec,
    ) -> None:
        index = stored.index
        self._block, self._names, self._values, self._spec = stored.block, names, values, spec
        self._rows, self._starts = np.array(index.rows, int), np.array(index.starts, int)
        self._sizes = np.array(index.sizes, int)
        self._offsets = np.cumsum(self._sizes) - self._sizes
        self._pieces, self._windows = np.array(index.pieces, int), np.array(index.windows, int)

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

    def labels(self) -> set[str | float]:
        """The classes."""
        return {v[LABEL] for row in set(self._rows.tolist()) if LABEL in (v := self._values[row])}

    def _clip(self, i: int) -> Clip:
        piece, window, spec = self._pieces[i], int(self._windows[i]), self._spec
        row, offset, size = self._rows[piece], self._offsets[piece], int(self._sizes[piece])
        whole = self._block[offset * spec.channels : (offset + size) * spec.channels]
        whole = whole.reshape(spec.channels, size)
        name, values = self._names[row], self._values[row]
        if spec.settings.slice != "first" and (start := self._starts[piece] + window):
            name = f"{name} at {start / spec.rate:.3f} s"
        if spec.settings.slice != "random":
            return Clip(whole, spec.rate, values, name)
        samples = slicing.window(whole, spec.rate, window, spec.size)
        return Clip(samples, spec.rate, values, name, whole)
