"""Dates and times that go with the order of a sequence: how far each is from it, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.codec.trees.differences import Differences
from gankit_tabular.codec.trees.walks import easier
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.formats.columns import column_formats


@dataclass
class Offset:
    """A column of dates or times, coded as the distance from its row's place in the order.

    Distances are whole numbers in the unit of the type.
    """

    cells: Differences
    """How its cells are read and written."""

    @property
    def name(self) -> str:
        return self.cells.name

    def split(self, values: pa.ChunkedArray, order: Ints | Floats) -> pa.Array:
        """The distance of each row's value from the order's, in the same unit."""
        at, known = self._read(values)
        return pa.array(np.where(known, at - order, 0), mask=~known)

    def join(self, distances: pa.Array, order: Ints | Floats) -> pa.Array:
        """The values of rows, as cells."""
        known = distances.is_valid()
        more = np.rint(distances.fill_null(0).to_numpy(zero_copy_only=False)).astype(np.int64)
        made = self.cells.write(order.astype(np.int64) + more)
        return pc.if_else(known, made, pa.scalar(None, made.type))

    def _read(self, values: pa.ChunkedArray) -> tuple[Ints, np.ndarray]:
        """Values in the unit of their type, 0 where one is missing; and which are there."""
        typed = self.cells.typed(values)
        known = typed.is_valid().to_numpy(zero_copy_only=False)
        return typed.fill_null(0).to_numpy().astype(np.int64), known

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return self.cells.state()

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Offset:
        """The one that :meth:`state` described."""
        return cls(Differences.load(state))


def find_offsets(trees: Trees, order: Differences, names: Iterable[str]) -> list[Offset]:
    """The columns of the order's type whose distance from it is much easier to predict.

    Args:
        names: columns that may be.
    """
    if not pa.types.is_temporal(order.values_type):
        return []
    table = trees.tables[trees.structure.names[0]].table
    at, found = order.read(table.column(order.name)), []
    forms = column_formats(table, {})
    for name in names:
        t = forms[name].type if name in forms else table.schema.field(name).type
        if t != order.values_type:
            continue
        cells = Differences(name, str(table.schema.field(name).type))
        cells.format = forms[name].state() if name in forms else []
        made = Offset(cells)
        values, known = made._read(table.column(name))
        own = values[known].astype(np.float64)
        if easier(own, (values - at)[known].astype(np.float64)):
            found.append(made)
    return found
