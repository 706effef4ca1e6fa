"""A table as a sequence of rows, which is what the engine handles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.dialect import Dialect, schema_dialect
from gankit_tabular.data.spool import Spool

Row = Mapping[str, Any]


class SourceRow(dict[str, Any]):
    """A row of a text file, with the file's dialect."""

    def __init__(self, row: Row, dialect: Dialect) -> None:
        super().__init__(row)
        self.dialect = dialect


BLOCK = 1024
"""Rows that are turned into Python objects together."""


class Rows(Sequence[Row]):
    """Rows of an Arrow table, as mappings from column to value. Sequential access is fast.

    Args:
        spool: the file that holds the table, if it is too large for memory.
    """

    def __init__(self, table: pa.Table, spool: Spool | None = None) -> None:
        self.table, self.spool = table, spool
        self.dialect = schema_dialect(table.schema.metadata)
        self._start, self._block = 0, []  # type: tuple[int, list[Row]]
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
        if not 0 <= i - self._start < len(self._block):
            self._start = i // BLOCK * BLOCK
            self._block = self.block(self._start, BLOCK).to_pylist()
            if self.dialect is not None:
                self._block = [SourceRow(row, self.dialect) for row in self._block]
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
    found = take(items, indices)
    return found.table if isinstance(found, Rows) else pa.Table.from_pylist(list(map(dict, found)))


def sample_table(items: Sequence[Row], most: int, rng: np.random.Generator) -> pa.Table:
    """At most so many random rows as a table, in their order."""
    chosen = np.arange(len(items))
    if len(items) > most:
        chosen = np.sort(rng.choice(len(items), most, replace=False))
    return take_table(items, chosen)
