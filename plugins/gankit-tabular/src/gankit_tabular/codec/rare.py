"""Rare categories, merged into one value before anything is learned from them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.fitting import infer_kind
from gankit_tabular.data.arrow import is_text, plain
from gankit_tabular.formats.columns import column_formats

OTHER = "other"
"""What rare texts become; other values become missing ones."""


def frequent_values(
    table: pa.Table, fewest: int, kinds: Mapping[str, str], ordered: Container[str] = ()
) -> dict[str, pa.Array]:
    """The values of each column of categories that has rare ones, without these.

    Args:
        fewest: rows of a value that is not rare.
        kinds: that the user has set, by column.
        ordered: columns whose categories are ordered, which stay as they are.
    """
    found, formats = {}, column_formats(table, kinds)
    for name in table.column_names:
        values = plain(table.column(name))
        if name in formats or name in ordered or not _mergeable(values.type):
            continue
        if infer_kind(name, values, kinds.get(name, "")) == "category":
            counted = pc.value_counts(values.drop_null())
            kept = counted.filter(pc.greater_equal(counted.field("counts"), fewest))
            if len(kept) < len(counted):
                found[name] = kept.field("values")
    return found


def merge(table: pa.Table, frequent: Mapping[str, pa.Array]) -> pa.Table:
    """A table in which other values than the frequent ones are one."""
    for name, known in frequent.items():
        values = table.column(name)
        other = pa.scalar(OTHER if is_text(values.type) else None, values.type)
        kept = pc.is_in(values, value_set=known.cast(values.type))
        found = pc.if_else(pc.or_(kept, pc.is_null(values)), values, other)
        i = table.column_names.index(name)
        table = table.set_column(i, table.schema.field(i), found)
    return table


def merge_as_fitted(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """A table whose values are merged as those that the columns were fitted to."""
    frequent = {
        c.name: pa.array(c.values, table.schema.field(c.name).type)
        for c in columns
        if c.merged and c.name in table.column_names  # scores leave some out
    }
    return merge(table, frequent)


def note_merged(
    columns: Sequence[Column], table: pa.Table, frequent: Mapping[str, pa.Array]
) -> None:
    """Marks fitted columns with how many of a table's values were merged."""
    for column in columns:
        if column.name in frequent:
            values = table.column(column.name).drop_null()
            rows = pc.sum(pc.invert(pc.is_in(values, value_set=frequent[column.name]))).as_py()
            count = pc.count_distinct(values).as_py() - len(frequent[column.name])
            column.merged = OTHER if is_text(values.type) else "missing"
            value, row = ("value" if count == 1 else "values"), ("row" if rows == 1 else "rows")
            column.notes.append(f"{count:,} rare {value} in {rows:,} {row} merged: {column.merged}")


def _mergeable(t: pa.DataType) -> bool:
    return is_text(t) or bool(pa.types.is_integer(t) or pa.types.is_boolean(t))
