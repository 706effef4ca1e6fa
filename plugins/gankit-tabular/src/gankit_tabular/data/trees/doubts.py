"""What may be a mistake in sequences as they were read. No values are quoted."""

from __future__ import annotations

from collections.abc import Mapping

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.trees.constants import odd_row
from gankit_tabular.data.trees.items import Trees

FEW = 10
"""Entities within which a column changes; with so many it is no mistake."""
MOST_CHANGING = 0.1
"""The same as a share of the entities with two rows and more."""


def nearly_constant(trees: Trees, changes: Mapping[str, list[int]], sorting: Ints) -> list[str]:
    """A warning for each column that changes within very few entities.

    Args:
        changes: for each column a row of each entity within which it changes, of the first ``FEW``.
        sorting: where each row is in the file.
    """
    (name,) = trees.structure.names
    rows, starts, entity = trees.tables[name], trees.starts[name], trees.structure.entity
    several = int((trees.counts(name) > 1).sum())
    found = []
    for column, changed in changes.items():
        if 0 < len(changed) < FEW and len(changed) <= MOST_CHANGING * several:
            odd = (odd_row(rows, starts, column, row) for row in changed)
            row = min(int(sorting[row]) for row in odd) + 1
            found.append(
                f"{column} is the same in all rows of {several - len(changed):,} of {several:,} by "
                f"{entity}; it differs first in row {row:,}: correct that row, or it is learned as "
                "changing"
            )
    return found
