"""A table as a sequence of rows, which is what the engine handles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, repeat
from typing import Any, overload

import numpy as np
import pyarrow as pa

from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.spool import Spool

Row = Mapping[str, Any]


BLOCK = 1024
"""Rows that are turned into Python objects together."""


class TableRow(Mapping[str, Any]):
    """A row of a table; its values become Python objects where one is read.

    Rows that only pass through, from a generator to a file, stay in their table:
    :func:`slices` puts them together again.
    """

    __slots__ = ("_values", "index", "rows")

    def __init__(self, rows: Rows, index: int) -> None:
        self.rows, self.index = rows, index
        self._values: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The values by column; not to be changed."""
        if self._values is None:
            self._values = self.rows.values_at(self.index)
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self.as_dict()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows.table.column_names)

    def __len__(self) -> int:
        return int(self.rows.table.num_columns)

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.as_dict())


class Rows(Sequence[Row]):
    """Rows of an Arrow table, as mappings from column to value. Sequential access is fast.

    Args:
        spool: the file that holds the table, if it is too large for memory.
    """

    def __init__(self, table: pa.Table, spool: Spool | None = None) -> None:
        self.table, self.spool = table, spool
        self._start, self._block = 0, []  # type: tuple[int, list[dict[str, Any]]]
        self._batches: list[pa.RecordBatch] = []
        self._ends: Ints = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, i: int) -> Row: ...
    @overload
    def __getitem__(self, i: slice) -> Rows: ...
    def __getitem__(self, i: int | slice) -> Row | Rows:
        if isinstance(i, slice):
            start, stop, step = i.indices(len(self))
            if step == 1:
                return Rows(self.block(start, max(stop - start, 0)))
            return self.__getitems__(np.arange(start, stop, step))
        if not 0 <= i < len(self):
            raise IndexError(i)
        return TableRow(self, i)

    def __iter__(self) -> Iterator[Row]:
        return map(TableRow, repeat(self), range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def values_at(self, i: int) -> dict[str, Any]:
        """The values of a row by column."""
        if not 0 <= i - self._start < len(self._block):
            self._start = i // BLOCK * BLOCK
            self._block = self.block(self._start, BLOCK).to_pylist()
        return self._block[i - self._start]

    def __getitems__(self, indices: Any) -> Rows:
        """The rows with these indices, in memory."""
        index = np.asarray(indices, np.int64)
        if self.spool is None:
            return Rows(self.table.take(pa.array(index)).combine_chunks())
        taken = self._take(index)
        self.spool.release()
        return Rows(taken)

    def _take(self, index: Ints) -> pa.Table:
        """Rows taken batch by batch: ``Table.take`` would concatenate all batches first."""
        if not self._batches:
            self._batches = self.table.to_batches()
            self._ends = np.cumsum([len(batch) for batch in self._batches])
        order = np.argsort(index, kind="stable")
        by_batch = np.split(index[order], np.searchsorted(index[order], self._ends[:-1]))
        found = [
            batch.take(pa.array(inside - (end - len(batch))))
            for batch, end, inside in zip(self._batches, self._ends, by_batch, strict=True)
            if len(inside)
        ]
        together = pa.Table.from_batches(found, self.table.schema).combine_chunks()
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return together.take(pa.array(back))

    def block(self, start: int, length: int) -> pa.Table:
        """Consecutive rows as a table."""
        found = self.table.slice(start, length)
        if self.spool:
            found = found.combine_chunks()
            self.spool.release()
        return found

    def without(self, columns: Sequence[str]) -> Rows:
        return Rows(self.table.drop_columns(list(columns)), self.spool)


def slices(rows: Iterable[Row]) -> Iterator[Rows | list[Row]]:
    """Rows in their order: those of a table that follow each other together, as rows of a smaller
    one; others as lists.
    """
    for _, some in groupby(rows, lambda row: id(row.rows) if isinstance(row, TableRow) else 0):
        part = list(some)
        index = [row.index for row in part if isinstance(row, TableRow)]
        if not isinstance(part[0], TableRow):
            yield part
        elif index == list(range(index[0], index[0] + len(index))):
            yield part[0].rows[index[0] : index[0] + len(index)]
        else:
            yield part[0].rows.__getitems__(index)


def as_table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table with the columns of ``schema``; other columns are dropped.

    Raises:
        GankitError: a value does not fit its column.
    """
    if isinstance(rows, Rows):
        if rows.table.schema.equals(schema):
            return rows.table
        if set(schema.names) <= set(rows.table.column_names):
            try:
                return rows.table.select(schema.names).cast(schema)
            except (pa.ArrowException, ValueError):
                pass
    return table_of(rows, schema, exact=True)


def table_of(
    rows: Iterable[Row], schema: pa.Schema | None = None, *, exact: bool = False
) -> pa.Table:
    """Rows as a table.

    Args:
        schema: the types to prefer. Columns in which a value does not fit get their own type.
        exact: whether all values must fit.

    Raises:
        GankitError: they must, and one does not.
    """
    rows = rows if isinstance(rows, Rows) else list(rows)
    table = rows.table if isinstance(rows, Rows) else _together(rows)
    if table is not None and (schema is None or table.schema.equals(schema)):
        return table
    found = [dict(row) for row in rows]
    if schema is not None:
        try:
            return pa.Table.from_pylist(found, schema=schema)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass
    names = list(found[0]) if schema is None and found else [] if schema is None else schema.names
    columns = {}
    for name in names:
        values = [row.get(name) for row in found]
        t = None if schema is None else schema.field(name).type
        try:
            columns[name] = pa.array(values, t)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            if exact:
                wrong = next((v for v in values if not _fits(v, t)), None)
                raise GankitError(
                    f"column {name!r} has the value {wrong!r}, which is not of the type {t}",
                    "Give data with the types of the training data",
                ) from None
            columns[name] = _mixed(values)
    return pa.table(columns)


def _together(rows: Sequence[Row]) -> pa.Table | None:
    """Rows of tables with the same columns as one table; None for other rows."""
    parts = list(slices(rows))
    tables = [part.table for part in parts if isinstance(part, Rows)]
    alike = len(tables) == len(parts) and all(t.schema.equals(tables[0].schema) for t in tables)
    return pa.concat_tables(tables).combine_chunks() if tables and alike else None


def _fits(value: Any, t: pa.DataType) -> bool:
    try:
        pa.array([value], t)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _mixed(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def take_table(items: Sequence[Row], indices: Any) -> pa.Table:
    """The rows with these indices as a table."""
    return table_of(take(items, indices))


def sample_table(items: Sequence[Row], most: int, rng: np.random.Generator) -> pa.Table:
    """At most so many random rows as a table, in their order."""
    chosen = np.arange(len(items))
    if len(items) > most:
        chosen = np.sort(rng.choice(len(items), most, replace=False))
    return take_table(items, chosen)
