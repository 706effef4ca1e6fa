"""A table as a sequence of rows: what the engine handles, and what a file holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit_tabular.data.spool import Spool

Row = Mapping[str, Any]
Ints = npt.NDArray[np.int64]

BLOCK = 1024
"""Rows that are turned into Python objects at a time."""


class Rows(Sequence[Row]):
    """Rows of an Arrow table, as mappings from column to value; read in order they are cheap.

    Args:
        spool: the file that holds the table, where it is too large for memory.
    """

    def __init__(self, table: pa.Table, spool: Spool | None = None) -> None:
        self.table, self.spool = table, spool
        self._start, self._block = 0, []  # type: tuple[int, list[Row]]
        self._pieces: list[pa.RecordBatch] = []
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
        return self._block[i - self._start]

    def __getitems__(self, indices: Any) -> Rows:
        """These rows, in memory."""
        numbers = np.asarray(indices, np.int64)
        if self.spool is None:
            return Rows(self.table.take(pa.array(numbers)).combine_chunks())
        taken = self._gathered(numbers)
        self.spool.release()
        return Rows(taken)

    def _gathered(self, numbers: Ints) -> pa.Table:
        """Rows out of the pieces that they lie in: Arrow would join all pieces first."""
        if not self._pieces:
            self._pieces = self.table.to_batches()
            self._ends = np.cumsum([len(piece) for piece in self._pieces])
        order = np.argsort(numbers, kind="stable")
        each = np.split(numbers[order], np.searchsorted(numbers[order], self._ends[:-1]))
        found = [
            piece.take(pa.array(inside - (end - len(piece))))
            for piece, end, inside in zip(self._pieces, self._ends, each, strict=True)
            if len(inside)
        ]
        together = pa.Table.from_batches(found, self.table.schema).combine_chunks()
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return together.take(pa.array(back))

    def block(self, start: int, length: int) -> pa.Table:
        """Neighbouring rows as a table."""
        found = self.table.slice(start, length)
        if self.spool:
            found = found.combine_chunks()
            self.spool.release()
        return found

    def without(self, columns: Sequence[str]) -> Rows:
        return Rows(self.table.drop_columns(list(columns)), self.spool)


def as_table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table with these columns; others are left out."""
    if isinstance(rows, Rows) and rows.table.schema.equals(schema):
        return rows.table
    return pa.Table.from_pylist(list(rows), schema=schema)


def table_of(items: Sequence[Row], indices: Any) -> pa.Table:
    """Rows by their numbers, as a table."""
    found = take(items, indices)
    return found.table if isinstance(found, Rows) else pa.Table.from_pylist(list(map(dict, found)))


def refuse_twins(names: Sequence[str], where: str, hint: str = "Rename one") -> None:
    """Columns have names of their own.

    Raises:
        GankitError: two have the same.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise GankitError(f"{where} has two columns named {twice[0]!r}", hint)


def type_from_text(text: str) -> pa.DataType:
    """The Arrow type that ``str(type)`` described."""
    if match := re.fullmatch(r"timestamp\[(\w+)(?:, tz=(.+))?\]", text):
        return pa.timestamp(match[1], tz=match[2])
    if match := re.fullmatch(r"(date32|date64|time32|time64|duration)\[(\w+)\]", text):
        kind, unit = match[1], match[2]
        return getattr(pa, kind)() if kind.startswith("date") else getattr(pa, kind)(unit)
    return pa.type_for_alias(text)
