"""Rows, and trees of rows, as data frames and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError
from gankit_tabular.data.rows import Row, as_table, table_of
from gankit_tabular.data.trees.items import Tree, as_trees

CONVERSIONS = ("numpy", "dataframe")


def convert(rows: Iterable[Row], to: str, schema: pa.Schema | None) -> Any:
    """Rows as a pandas data frame with the types of the data as it was read, or as an array
    ``(N, columns)``: floats where all columns are numbers, objects otherwise.

    Dates are ``datetime64``. What a text file writes in a way of its own, such as ``$1,234``, is
    text in the same way, so that generated rows can be appended to real ones.
    """
    table = table_of(rows) if schema is None else as_table(rows, schema)
    table = table.replace_schema_metadata()  # pandas would make an index of a column
    if to == "dataframe":
        import pandas  # noqa: F401 - reported by its name where it is missing

        return table.to_pandas(date_as_object=False)
    columns = [column.to_numpy(zero_copy_only=False) for column in table.columns]
    numeric = all(column.dtype.kind in "biuf" for column in columns)
    array = np.empty((len(table), len(columns)), np.float64 if numeric else object)
    for i, column in enumerate(columns):
        array[:, i] = column
    return array


def convert_trees(items: Sequence[Tree], to: str) -> Any:
    """Sequences as one pandas data frame; several tables as a mapping from their names to frames.

    Raises:
        GankitError: they are to be an array.
    """
    if to != "dataframe":
        raise GankitError(
            "sequences and related tables are no single array", "Convert them to data frames"
        )
    trees = as_trees(items)
    frames = {name: convert(rows, to, None) for name, rows in trees.tables.items()}
    return next(iter(frames.values())) if trees.structure.is_sequence else frames
