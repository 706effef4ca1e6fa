"""The clips of a data set, read from a block of samples as they are needed."""

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
class Form:
    """What all clips have in common: their rate, channels and samples, and how they are cut."""

    rate: int
    channels: int
    size: int
    settings: AudioSettings


class Clips(Sequence[Clip]):
    """Clips that lie in a block; each is made when it is asked for, and nothing is copied."""

    def __init__(
        self,
        stored: Stored,
        names: Sequence[str],
        values: Sequence[dict[str, str | float]],
        form: Form,
    ) -> None:
        index = stored.index
        self._block, self._names, self._values, self._form = stored.block, names, values, form
        self._rows, self._starts = np.array(index.rows, int), np.array(index.starts, int)
        self._sizes = np.array(index.sizes, int)
        self._places = np.cumsum(self._sizes) - self._sizes
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
        """The classes that there are."""
        return {v[LABEL] for row in set(self._rows.tolist()) if LABEL in (v := self._values[row])}

    def _clip(self, i: int) -> Clip:
        piece, window, form = self._pieces[i], int(self._windows[i]), self._form
        row, place, size = self._rows[piece], self._places[piece], int(self._sizes[piece])
        whole = self._block[place * form.channels : (place + size) * form.channels]
        whole = whole.reshape(form.channels, size)
        name, values = self._names[row], self._values[row]
        if form.settings.slice != "first" and (at := self._starts[piece] + window):
            name = f"{name} at {at / form.rate:.3f} s"
        if form.settings.slice != "random":
            return Clip(whole, form.rate, values, name)
        samples = slicing.window(whole, form.rate, window, form.size)
        return Clip(samples, form.rate, values, name, whole)
