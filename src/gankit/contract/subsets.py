"""Parts of a sequence of items, by index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def take(items: Sequence[Any], indices: Any) -> Sequence[Any]:
    """Items by their numbers: together where the sequence has ``__getitems__``, else one by one."""
    together = getattr(items, "__getitems__", None)
    if together is not None:
        return together(indices)  # type: ignore[no-any-return]
    return [items[int(i)] for i in indices]


def blocks(items: Sequence[Any]) -> Indices | None:
    """The first item of each block of neighbours that are read together, as rows of a Parquet file
    are: where the sequence says it, training visits a few blocks at a time. None where any item is
    as near as any other."""
    found: Indices | None = getattr(items, "blocks", None)
    return None if found is None or len(found) < 2 else found


class Part(Sequence[Any]):
    """Some of the items; reads them on access."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    def numbers(self, i: Indices) -> Indices:
        """Where the i-th ones of this part stand among all items."""
        raise NotImplementedError

    def _number(self, i: int) -> int:
        """The same of one; a loop over the items asks for each."""
        return int(self.numbers(np.array([i]))[0])

    @overload
    def __getitem__(self, i: int) -> Any: ...
    @overload
    def __getitem__(self, i: slice) -> Subset: ...
    def __getitem__(self, i: int | slice) -> Any:
        if isinstance(i, slice):
            return Subset(self.items, self.numbers(np.arange(*i.indices(len(self)))))
        n = len(self)
        if not -n <= i < n:
            raise IndexError(i)
        return self.items[self._number(int(i) % n)]

    def __getitems__(self, indices: Any) -> Sequence[Any]:
        return take(self.items, self.numbers(np.asarray(indices, np.int64)))

    @property
    def blocks(self) -> Indices | None:
        """As :func:`blocks`, of this part."""
        whole = blocks(self.items)
        if whole is None:
            return None
        starts = np.unique(self.before(whole))
        return starts[starts < len(self)]

    def before(self, numbers: Indices) -> Indices:
        """How many items of this part stand before each of these among all items; ascending."""
        raise NotImplementedError


class Subset(Part):
    """The items with these numbers."""

    def __init__(self, items: Sequence[Any], chosen: Indices) -> None:
        super().__init__(items)
        self.chosen = chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def numbers(self, i: Indices) -> Indices:
        return self.chosen[i]

    def _number(self, i: int) -> int:
        return int(self.chosen[i])

    def before(self, numbers: Indices) -> Indices:
        return np.searchsorted(self.chosen, numbers)


class Complement(Part):
    """All items but a few; needs memory for those few only.

    Args:
        without: their numbers, ascending.
    """

    def __init__(self, items: Sequence[Any], without: Indices) -> None:
        super().__init__(items)
        self._without = without
        self._kept_before = without - np.arange(len(without))
        """How many items of this part stand before each that is left out."""

    def __len__(self) -> int:
        return len(self.items) - len(self._kept_before)

    def numbers(self, i: Indices) -> Indices:
        return i + np.searchsorted(self._kept_before, i, side="right")

    def _number(self, i: int) -> int:
        return i + bisect_right(self._kept_before.data, i)

    def before(self, numbers: Indices) -> Indices:
        return numbers - np.searchsorted(self._without, numbers)
