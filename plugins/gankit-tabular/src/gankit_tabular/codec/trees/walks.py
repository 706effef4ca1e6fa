"""Numbers that go on from the row before: a first value and changes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.trees.differences import DECIMALS, Differences
from gankit_tabular.data.arrow import Floats, Ints, type_from_text
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.formats.columns import column_formats, load_format

SAMPLE = 20_000
"""Rows in which numbers that go on are looked for."""
GAIN = 0.7
"""Nats by which a change has to be easier to predict than a value: half the spread."""
GRID = 1000
"""Steps between a column's 1st and 99th percentile, in which entropies are compared."""
FEWEST = 50
"""Pairs of rows that are needed to tell."""


@dataclass
class Walk:
    """A column of numbers, each of which goes on from the one before in the same sequence."""

    name: str
    first: str
    """The name of the column of first values."""
    type: str
    scale: int
    """Parts of one in which numbers are added up; 0 for as floats."""
    low: float
    high: float
    mean: float
    std: float
    format: list[Any] = field(default_factory=list)
    """How its cells are written, if they are texts."""

    @property
    def values_type(self) -> pa.DataType:
        """The type of the numbers that the cells stand for."""
        return load_format(self.format).type if self.format else type_from_text(self.type)

    def split(self, values: pa.ChunkedArray, starts: Ints) -> tuple[pa.Array, pa.Array]:
        """The first known value of each sequence, and each row's change from the last known one.

        Args:
            values: of all rows.
            starts: the first row of each sequence, and the number of rows.
        """
        if self.format:
            values = load_format(self.format).read_column(values)
        steps = self._steps(values)
        known = np.isfinite(steps)
        row = np.arange(len(steps))
        last = np.maximum.accumulate(np.where(known, row, -1))  # the last known row, this included
        before = np.concatenate([[-1], last[:-1]])
        begin = np.repeat(starts[:-1], np.diff(starts))
        has = before >= begin
        change = np.where(has, steps - steps[np.maximum(before, 0)], 0.0)
        firsts = np.flatnonzero(known & ~has)
        found = np.full(len(starts) - 1, np.nan)
        found[np.searchsorted(starts, firsts, side="right") - 1] = steps[firsts]
        return self._array(found), self._array(np.where(known, change, np.nan))

    def join(self, first: pa.Array, changes: pa.Array, entity: Ints) -> pa.Array:
        """The values of rows, within the range of the training data.

        Args:
            entity: of each row, ascending.
        """
        level, change = self._steps(first), self._steps(changes)
        low, high = self._scaled(self.low), self._scaled(self.high)
        place = np.arange(len(entity)) - np.searchsorted(entity, entity)
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(place.max(initial=-1) + 2))
        found = np.full(len(entity), np.nan)
        for start, stop in pairwise(ends):  # all sequences, row by row
            rows = order[start:stop]
            more = np.nan_to_num(change[rows])
            level[entity[rows]] = np.clip(level[entity[rows]] + more, low, high)
            found[rows] = np.where(np.isfinite(change[rows]), level[entity[rows]], np.nan)
        made, t = self._array(found), type_from_text(self.type)
        if not self.format:
            return made.cast(t)
        places = round(np.log10(self.scale)) if self.scale else DECIMALS
        return load_format(self.format).write_column(made.to_pylist(), places, t)

    def _scaled(self, value: float) -> float:
        return round(value * self.scale) if self.scale else value

    def _steps(self, values: pa.ChunkedArray | pa.Array) -> Floats:
        found = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        found = np.asarray(found, np.float64)
        return np.rint(found * self.scale) if self.scale else np.array(found)

    def _array(self, steps: Floats) -> pa.Array:
        unknown = ~np.isfinite(steps)
        values = steps / self.scale if self.scale else steps
        if pa.types.is_integer(self.values_type):
            values = np.where(unknown, 0, np.rint(values)).astype(np.int64)
        return pa.array(values, mask=unknown)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Walk:
        """The one that :meth:`state` described."""
        return cls(**state)


def find_walks(trees: Trees, names: Iterable[str]) -> list[Walk]:
    """The columns of sequences whose changes are much easier to predict than their values.

    Args:
        names: columns that may be.
    """
    name = trees.structure.names[0]
    table, starts = trees.tables[name].table, trees.starts[name]
    taken = set(table.column_names)
    found = []
    forms = column_formats(table, {})
    for column in names:
        form, values = forms.get(column), table.column(column)
        if form is not None:
            values = form.read_column(values)
        t = values.type
        if not (pa.types.is_integer(t) or pa.types.is_floating(t)):
            continue
        plain = np.asarray(values.cast(pa.float64()).to_numpy(), np.float64)
        if not _goes_on(plain, starts):
            continue
        known = plain[np.isfinite(plain)]
        limits = float(known.min()), float(known.max())
        scale = 1
        if pa.types.is_floating(t):
            scale = Differences.fit(column, pa.chunked_array([pa.array(known)])).scale
        first = f"first {column}"
        while first in taken:
            first += "_"
        taken.add(first)
        spread = max(float(known.std()), 1e-12)
        own, written = str(table.schema.field(column).type), [] if form is None else form.state()
        moments = float(known.mean()), spread
        found.append(Walk(column, first, own, scale, *limits, *moments, written))
    return found


def _goes_on(values: Floats, starts: Ints) -> bool:
    """Whether changes have less entropy than values."""
    inner = np.ones(len(values), bool)
    inner[starts[:-1][starts[:-1] < len(values)]] = False
    inner[1:] &= np.isfinite(values[1:]) & np.isfinite(values[:-1])
    rows = np.flatnonzero(inner)
    return easier(values[rows], values[rows] - values[rows - 1])


def easier(values: Floats, instead: Floats) -> bool:
    """Whether one number of each row is much easier to predict than another."""
    step = -(-len(values) // SAMPLE) or 1
    values, instead = values[::step], instead[::step]
    if len(values) < FEWEST:
        return False
    low, high = np.percentile(values, [1, 99])
    grid = (high - low) / GRID
    return grid > 0 and _entropy(values, grid) - _entropy(instead, grid) > GAIN


def _entropy(values: Floats, grid: float) -> float:
    """Of values on a grid, in nats."""
    _, counts = np.unique(np.rint(values / grid), return_counts=True)
    share = counts / len(values)
    return float(-(share * np.log(share)).sum())
