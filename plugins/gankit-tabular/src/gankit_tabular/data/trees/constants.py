"""Which columns are the same in all rows of an entity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows

AT_ONCE = 2**18
"""Rows that are compared at a time."""


def first_changes(rows: Rows, starts: Ints, names: Sequence[str]) -> dict[str, int]:
    """For each of these columns the first row that differs from the row before it, of the same
    entity; -1 for a column that is constant within all entities. Missing values are alike.

    Args:
        starts: the first row of each entity, then the number of rows.
    """
    found = dict.fromkeys(names, -1)
    begins = np.zeros(len(rows) + 1, bool)
    begins[starts] = True
    for at in range(0, len(rows), AT_ONCE):
        left = [name for name in names if found[name] < 0]
        if not left:
            break
        first = max(at - 1, 0)
        table = rows.block(first, at + AT_ONCE - first).select(left)
        inside = ~begins[first + 1 : first + len(table)]
        for name in left:
            changed = np.flatnonzero(_changes(table.column(name)) & inside)
            if len(changed):
                found[name] = first + 1 + int(changed[0])
    return found


def constant_columns(rows: Rows, starts: Ints, names: Sequence[str]) -> tuple[str, ...]:
    """The columns, of these, that are the same in all rows of every entity."""
    return tuple(name for name, row in first_changes(rows, starts, names).items() if row < 0)


def _changes(values: pa.ChunkedArray) -> np.ndarray:
    """Whether each value but the first differs from the one before it."""
    coded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.asarray(codes[1:] != codes[:-1])
