"""Rows of integers of different lengths, stored without padding."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

PAD = 0

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Ragged:
    """Rows of integers from 0 to 65,535 in one flat array, padded only when some are taken."""

    def __init__(self, rows: Iterable[Sequence[int]]) -> None:
        flat, lengths = array("H"), array("l")
        for row in rows:
            flat.extend(row)
            lengths.append(len(row))
        self._flat = np.frombuffer(flat, np.uint16) if flat else np.zeros(1, np.uint16)
        self.lengths: Ints = np.array(lengths, np.int64)
        self._starts = self.lengths.cumsum() - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def subset(self, rows: Ints) -> Ragged:
        """Some of the rows."""
        ends = self._starts + self.lengths
        return Ragged(self._flat[self._starts[i] : ends[i]].tolist() for i in rows.tolist())

    def take(self, chosen: Ints | slice = slice(None)) -> Tensor:
        """The chosen rows as int64 ``(N, T)``, padded at the end with :data:`PAD`."""
        lengths = self.lengths[chosen]
        places = np.arange(lengths.max(initial=0))
        at = (self._starts[chosen][:, None] + places).clip(max=len(self._flat) - 1)
        rows = np.where(places < lengths[:, None], self._flat[at], PAD).astype(np.int64)
        return torch.from_numpy(rows)
