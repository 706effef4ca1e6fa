"""Classes by which held-out items are chosen in proportion."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.rows import Rows

MOST_CLASSES = 50
"""A target with at most so many values is held out class by class."""


def strata(rows: Rows, target: str) -> list[object] | None:
    """The target's classes, if there are few."""
    column = rows.table.column(target or rows.table.column_names[-1])
    if not (is_text(column.type) or pa.types.is_boolean(column.type)):
        return None
    coded = pc.dictionary_encode(column.combine_chunks() if rows.spool is None else column)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    if not 2 <= len(coded.dictionary) <= MOST_CLASSES:
        return None
    return list(coded.indices.to_pylist())
