"""The order of a sequence's rows as a first value and differences, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.calendars import fit_calendar, instants, periods
from gankit_tabular.codec.columns import Column
from gankit_tabular.data.arrow import Floats, Ints, storage_type, type_from_text
from gankit_tabular.data.trees.facts import measured
from gankit_tabular.formats.columns import column_formats, load_format

DECIMALS = 9
"""Numbers with at most so many decimals are added up exactly."""
CALENDAR = {"Y": "years", "M": "months"}
DAY = 86_400
"""Seconds; times of a day stay below."""


@dataclass
class Differences:
    """How an order column's values follow each other.

    Differences are whole numbers in the unit of a date's or a time's type, or of the calendar where
    all are at the same place of a month or a year; of numbers with few decimals as well.
    """

    name: str
    type: str
    """Of the column, as text."""
    format: list[Any] = field(default_factory=list)
    """How its cells are written, if they are texts."""
    scale: int = 0
    """Parts of one in which numbers are added up; 0 for as floats."""
    unit: str = ""
    anchor: int = 0
    """The place in the calendar, see :class:`gankit_tabular.codec.columns.Column`."""
    usual: float = 0.0
    """A usual difference, for a first row, which has none."""

    @classmethod
    def fit(
        cls, name: str, values: pa.ChunkedArray, metadata: pa.Field | None = None
    ) -> Differences:
        """For a column like this, whose values are none of them missing."""
        table = pa.table([values], schema=pa.schema([metadata or pa.field(name, values.type)]))
        forms = column_formats(table, {name: "number"})
        made = cls(name, str(values.type))
        if name in forms:
            made.format = forms[name].state()
        t = made.values_type
        if pa.types.is_floating(t):
            numbers = made.read(values)
            distinct = np.unique(numbers[:: -(-len(numbers) // 10_000)])
            fits = (
                d for d in range(DECIMALS + 1) if np.array_equal(np.round(distinct, d), distinct)
            )
            places = next(fits, -1)
            if places >= 0 and np.abs(distinct).max(initial=0) * 10**places < 2**53:
                made.scale = 10**places
        elif pa.types.is_temporal(t):
            calendar = Column(name, str(t), "number")
            fit_calendar(calendar, t, np.unique(made.read(values)).astype(np.float64))
            made.unit, made.anchor = calendar.unit, calendar.anchor
        return made

    @property
    def values_type(self) -> pa.DataType:
        """The type of the values that the cells stand for."""
        return load_format(self.format).type if self.format else type_from_text(self.type)

    @property
    def is_whole(self) -> bool:
        """Whether differences are whole numbers as they are."""
        return not pa.types.is_floating(self.values_type)

    def with_unit(self, shown: str) -> str:
        """``0 to 30``, a range of differences, with its unit where the order is a date or time."""
        try:
            low, *more = ends = [float(end) for end in shown.split(" to ")]
        except ValueError:  # categories
            return shown
        if self.unit:
            return f"{shown} {CALENDAR[self.unit[-1]]}"
        if not pa.types.is_temporal(self.values_type):
            return shown
        first, last = measured(self.values_type, np.array([low, *(more or ends)]))
        return f"{first.partition(' ')[0]} to {last}" if more else last

    def read(self, values: pa.ChunkedArray) -> Ints | Floats:
        """Cells as numbers, dates and times in the unit of their type; none is missing."""
        return self.typed(values).to_numpy()  # type: ignore[no-any-return]

    def typed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Cells as integers or floats, dates and times in the unit of their type."""
        if self.format:
            values = load_format(self.format).read_column(values)
        if pa.types.is_temporal(values.type):
            return values.cast(storage_type(values.type)).cast(pa.int64())
        if pa.types.is_integer(values.type):
            return values.cast(pa.int64())
        return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values

    def differ(self, values: pa.ChunkedArray, first: np.ndarray) -> pa.Array:
        """What each row's value adds to that of the row before it.

        Args:
            first: flags of the rows that have none before them.
        """
        at = self._steps(self.read(values))
        found = np.empty_like(at)
        found[1:] = at[1:] - at[:-1]
        if self.scale:
            found = found / self.scale
        found[first] = self.usual
        return pa.array(found)

    def learn_usual(self, values: pa.ChunkedArray, first: np.ndarray) -> None:
        """Takes a usual difference from rows."""
        found = np.sort(self.differ(values, first).to_numpy()[~first])
        if len(found):
            self.usual = float(found[len(found) // 2])

    def add_up(self, begin: pa.Array, differences: pa.Array, entity: Ints) -> pa.Array:
        """The values of rows, as cells.

        Args:
            begin: the first value of each entity, as a cell.
            differences: of all rows; the first one of an entity does not count.
            entity: of each row, ascending.
        """
        start = self._steps(self.read(pa.chunked_array([begin])))
        first = np.ones(len(entity), bool)
        first[1:] = entity[1:] != entity[:-1]
        found = differences.to_numpy(zero_copy_only=False)
        if self.scale:
            found = np.rint(found * self.scale).astype(np.int64)
        elif self.is_whole:
            found = np.rint(found).astype(np.int64)
        found = np.where(first, 0, np.maximum(found, 0))
        total = np.cumsum(found)
        values = start[entity] + total - total[first][np.cumsum(first) - 1]
        return self.write(self._values(values))

    def _steps(self, values: Ints | Floats) -> Ints | Floats:
        if self.unit:
            return periods(self.unit, values)
        return np.rint(values * self.scale).astype(np.int64) if self.scale else values

    def _values(self, steps: Ints | Floats) -> Ints | Floats:
        if self.unit:
            return instants(self.unit, self.anchor, steps)
        return steps / self.scale if self.scale else steps

    def write(self, values: Ints | Floats) -> pa.Array:
        """Numbers, or dates and times in the unit of their type, as cells."""
        t, own = self.values_type, type_from_text(self.type)
        if self.format:
            form = load_format(self.format)
            return form.write_column(values.tolist(), DECIMALS, own)
        if pa.types.is_time(t):
            parts = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[t.unit]
            values = np.minimum(values, DAY * parts - 1)  # what would be the next day
        made = pa.array(values)
        return made.cast(storage_type(t)).cast(t) if pa.types.is_temporal(t) else made.cast(own)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Differences:
        """The ones that :meth:`state` described."""
        return cls(**state)
