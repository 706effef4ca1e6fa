"""What may be a mistake in sequences as they were read. No values are quoted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Ints, is_text
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


def similar_names(names: pa.Array, codes: Ints, entity: str) -> list[str]:
    """A warning where entities differ from others only as one person writes another's name.

    Args:
        names: of the entities, distinct.
        codes: the entity of each row.
    """
    if not is_text(names.type):
        return []
    plain = pc.utf8_ltrim(pc.utf8_lower(pc.utf8_trim_whitespace(names)), characters="0")
    coded = pc.dictionary_encode(plain)
    n = len(names) - len(coded.dictionary)
    if not n:
        return []
    like = coded.indices.to_numpy(zero_copy_only=False)
    _, first, of = np.unique(like, return_index=True, return_inverse=True)
    other = int(np.flatnonzero(first[of] != np.arange(len(like)))[0])
    one, two = (int((codes == code).argmax()) + 1 for code in (first[of][other], other))
    differ = "1 differs" if n == 1 else f"{n:,} differ"
    return [
        f"sequence.entity={entity}: {differ} from another one only in capitals, leading zeros or "
        f"blanks around it, such as row {two:,} from row {one:,}: write them alike if they are one"
    ]
