"""The types of columns' values, as opposed to those of their cells."""

from __future__ import annotations

import pyarrow as pa

from gankit_tabular.codec.columns import Column
from gankit_tabular.data.arrow import type_from_text
from gankit_tabular.formats.columns import load_format


def value_type(column: Column) -> pa.DataType:
    """The type of a column's values, as its format reads them."""
    return load_format(column.format).type if column.format else type_from_text(column.type)


def is_temporal(column: Column) -> bool:
    return bool(pa.types.is_temporal(value_type(column)))
