"""The typed view of a table: every column as the values that its cells stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from gankit_tabular.data.arrow import is_text
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.durations import DurationFormat, duration_format
from gankit_tabular.formats.numbers import NumberFormat, number_format
from gankit_tabular.formats.others import (
    DecimalFormat,
    TextFormat,
    UnitFormat,
    exact_format,
    text_format,
)
from gankit_tabular.formats.times import TimeFormat, time_format

KINDS: dict[str, type[Any]] = {
    f.kind: f
    for f in (NumberFormat, TimeFormat, DurationFormat, TextFormat, DecimalFormat, UnitFormat)
}
CELLS = b"gankit.cells"
"""Metadata of a text column's field, where it has the cells of a text file: as JSON, the marks that
stand for missing values, and whether points in numbers separate thousands."""


def cells_metadata(marks: Sequence[str], *, commas: bool = False) -> dict[bytes, bytes]:
    """For the field of a column of cells."""
    about = {"marks": list(marks), "commas": commas}
    return {CELLS: json.dumps(about).encode()}


def load_format(state: Sequence[Any]) -> Format:
    """The format that :meth:`Format.state` described."""
    fields = (tuple(v) if isinstance(v, list) else v for v in state[1:])
    return KINDS[state[0]](*fields)  # type: ignore[no-any-return]


def column_format(
    values: pa.ChunkedArray,
    kind: str = "",
    *,
    marks: Sequence[str] = (),
    cells: bool = False,
    commas: bool = False,
) -> Format | None:
    """How a column's cells are read as values; None if they are values already.

    Args:
        kind: the kind that the user has set.
        marks: texts that stand for missing values.
        cells: whether they are the cells of a text file, in which ``+5`` is a number; elsewhere it
            is a text, unless the kind is number.
        commas: whether points in numbers separate thousands.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    found = exact_format(values)
    if found is None and kind in ("", "number"):
        plain_too = cells or kind == "number"
        found = number_format(values, plain=plain_too, marks=marks, commas=commas)
        found = found or time_format(values, marks) or duration_format(values, marks)
    return found or text_format(values, marks)


def column_formats(table: pa.Table, kinds: Mapping[str, str]) -> dict[str, Format]:
    """The formats of the columns that have one, by name.

    Args:
        kinds: kinds that the user has set.
    """
    found = {}
    for field, values in zip(table.schema, table.columns, strict=True):
        about = json.loads((field.metadata or {}).get(CELLS, b"null"))
        marks = () if about is None else about["marks"]
        kind = kinds.get(field.name, "")
        form = column_format(
            values,
            kind,
            marks=marks,
            cells=about is not None,
            commas=bool(about and about["commas"]),
        )
        if form is not None:
            found[field.name] = form
    return found


def read_columns(table: pa.Table, formats: Mapping[str, Format]) -> dict[str, pa.ChunkedArray]:
    """A table's columns by name, as values."""
    return {
        name: formats[name].read_column(column) if _applies(formats.get(name), column) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def typed_table(table: pa.Table, formats: Mapping[str, Format] | None = None) -> pa.Table:
    """A table of values.

    Args:
        formats: of the columns; by default they are inferred from the table.
    """
    return pa.table(read_columns(table, column_formats(table, {}) if formats is None else formats))


def _applies(form: Format | None, column: pa.ChunkedArray) -> bool:
    """Whether a column is still to be read: values of another data set may be typed already."""
    return form is not None and (column.type != form.type or is_text(column.type))


def typed_as(table: pa.Table, schema: pa.Schema, formats: Mapping[str, Format]) -> pa.Table:
    """Another table of the same columns as values of the same types; what does not fit is missing.

    Args:
        schema: of the values.
    """
    columns = read_columns(table.select(schema.names), formats)
    return pa.table({f.name: _cast(columns[f.name], f.type) for f in schema}, schema=schema)


def _cast(column: pa.ChunkedArray, t: pa.DataType) -> pa.ChunkedArray:
    if column.type == t:
        return column
    if is_text(column.type) and not is_text(t):
        form = column_format(column, cells=True)
        column = column if form is None else form.read_column(column)
    try:
        return column.cast(t, safe=False)
    except pa.ArrowException:
        return pa.chunked_array([pa.nulls(len(column), t)])
