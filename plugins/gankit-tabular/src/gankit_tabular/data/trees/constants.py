"""Which columns are the same in all rows of an entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows

AT_ONCE = 2**18
"""Rows that are compared at a time."""


def changing_rows(
    rows: Rows, starts: Ints, names: Sequence[str], most: int = 1
) -> dict[str, list[int]]:
    """For each of these columns the rows that differ from the row before them, of the same entity:
    the first one of each entity, of at most ``most`` entities. Missing values are alike.

    Args:
        starts: the first row of each entity, then the number of rows.
    """
    found: dict[str, list[int]] = {name: [] for name in names}
    last = dict.fromkeys(names, -1)  # the entity of the last one found
    begins = np.zeros(len(rows) + 1, bool)
    begins[starts] = True
    for at in range(0, len(rows), AT_ONCE):
        left = [name for name in names if len(found[name]) < most]
        if not left:
            break
        first = max(at - 1, 0)
        table = rows.block(first, at + AT_ONCE - first).select(left)
        inside = ~begins[first + 1 : first + len(table)]
        for name in left:
            changed = first + 1 + np.flatnonzero(_changes(table.column(name)) & inside)
            entities, of = np.unique(
                np.searchsorted(starts, changed, side="right") - 1, return_index=True
            )
            new = changed[of[entities > last[name]]]
            found[name] += new[: most - len(found[name])].tolist()
            last[name] = max([last[name], *entities[-1:].tolist()])
    return found


def constant_columns(rows: Rows, starts: Ints, names: Sequence[str]) -> tuple[str, ...]:
    """The columns, of these, that are the same in all rows of every entity."""
    return tuple(name for name, found in changing_rows(rows, starts, names).items() if not found)


def odd_row(rows: Rows, starts: Ints, name: str, changed: int) -> int:
    """The row of an entity that has the rarest of its values in a column; of several the last.

    Args:
        changed: a row that differs from the one before.
    """
    entity = int(np.searchsorted(starts, changed, side="right")) - 1
    begin, end = int(starts[entity]), int(starts[entity + 1])
    values = rows.block(begin, end - begin).column(name).to_pylist()
    counts = Counter(values)
    return begin + min(range(len(values)), key=lambda i: (counts[values[i]], -i))


def _changes(values: pa.ChunkedArray) -> np.ndarray:
    """Whether each value but the first differs from the one before it."""
    coded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.asarray(codes[1:] != codes[:-1])
