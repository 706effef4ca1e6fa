"""What trees have in common: columns that are constant in each, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Flags, Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Trees

BLOCK = 2**16
"""Rows that are compared together."""


def constant_columns(trees: Trees, among: Sequence[str] | None = None) -> tuple[str, ...]:
    """The columns of a sequence that have one value in all rows of each entity.

    Args:
        among: the columns that are looked at; by default all but the entity and the order.
    """
    structure = trees.structure
    (name,) = structure.names
    rows = trees.tables[name]
    aside = (structure.entity, structure.order)
    found = [c for c in rows.table.column_names if c not in aside] if among is None else [*among]
    for start, same in _blocks(rows, trees.starts[name]):
        table = rows.block(start, len(same) + 1)
        found = [c for c in found if not (_changes(table.column(c)) & same).any()]
        if not found:
            break
    return tuple(found)


def first_change(trees: Trees, column: str) -> int | None:
    """The first row in which a column differs from the entity's row before; None for none."""
    (name,) = trees.structure.names
    rows = trees.tables[name]
    for start, same in _blocks(rows, trees.starts[name]):
        changes = _changes(rows.block(start, len(same) + 1).column(column)) & same
        if changes.any():
            return start + 1 + int(changes.argmax())
    return None


def beyond(trees: Trees, longest: int) -> int:
    """How many rows are beyond the longest tree that is learnt from: of a sequence, an entity's
    later ones; of several tables, those after so many of a tree, depth first."""
    sizes = np.sum([trees.counts(name) for name in trees.structure.names], axis=0)
    return int(np.maximum(sizes - longest, 0).sum())


def _blocks(rows: Rows, starts: Ints) -> list[tuple[int, Flags]]:
    """First rows of blocks, and which of the rows after are of the same entity as that before."""
    if len(rows) < 2:
        return []
    same = np.ones(len(rows) - 1, bool)
    inside = starts[(starts > 0) & (starts < len(rows))]
    same[inside - 1] = False
    return [(i, same[i : i + BLOCK]) for i in range(0, len(same), BLOCK)]


def _changes(column: pa.ChunkedArray) -> Flags:
    """Which values differ from the one before, (rows − 1,); missing ones are alike."""
    values = column.combine_chunks()
    before, after = values.slice(0, len(values) - 1), values.slice(1)
    missing = [pc.is_null(part, nan_is_null=True) for part in (before, after)]
    differ = pc.if_else(pc.or_(*missing), pc.xor(*missing), pc.not_equal(before, after))
    return np.asarray(differ.to_numpy(zero_copy_only=False), bool)
