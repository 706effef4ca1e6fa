"""The Arrow types that columns may have."""

from __future__ import annotations

import pyarrow as pa

from gankit.errors import GankitError

SAME = {"arrow.bool8": pa.bool_(), "arrow.json": pa.string()}
"""Extension types whose storage can be read as a plain type."""
ACCEPTED = "Supported: numbers, decimals, booleans, texts, dates, times, durations"


def normalised(table: pa.Table, *, whole: bool = False) -> pa.Table:
    """A table without dictionaries, views and extension types.

    Args:
        whole: whether it is a whole table: a column of missing values only is then one of texts.
    """
    fields, columns, changed = [], [], False
    for field, column in zip(table.schema, table.columns, strict=True):
        t = _plain(field.type)
        if whole and pa.types.is_null(t):
            t = pa.string()
        if t != field.type:
            column, changed = _cast(column, t), True
            field = field.with_type(t)
        fields.append(field)
        columns.append(column)
    if not changed:
        return table
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def _plain(t: pa.DataType) -> pa.DataType:
    if isinstance(t, pa.BaseExtensionType):  # the others' storage means something else
        return SAME.get(t.extension_name, t)
    if pa.types.is_dictionary(t) or pa.types.is_run_end_encoded(t):
        plain = _plain(t.value_type)
        return plain if is_accepted(plain) else t
    if pa.types.is_string_view(t):
        return pa.string()
    if pa.types.is_decimal32(t) or pa.types.is_decimal64(t):
        return pa.decimal128(t.precision, t.scale)
    if pa.types.is_decimal128(t) and t.scale < 0:  # Parquet has none
        return pa.decimal128(min(t.precision - t.scale, 38), 0)
    return t


def _cast(column: pa.ChunkedArray, t: pa.DataType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([c.storage for c in column.chunks], column.type.storage_type)
    return column if column.type == t else column.cast(t)


def is_accepted(t: pa.DataType) -> bool:
    """Whether a column of this type can be learned and written."""
    types = pa.types
    return bool(
        types.is_null(t)
        or types.is_boolean(t)
        or types.is_integer(t)
        or types.is_floating(t)
        or types.is_decimal128(t)
        or types.is_decimal256(t)
        or types.is_string(t)
        or types.is_large_string(t)
        or types.is_date(t)
        or types.is_time(t)
        or types.is_timestamp(t)
        or types.is_duration(t)
    )


def check_types(schema: pa.Schema) -> None:
    """Checks that all columns have accepted types.

    Raises:
        GankitError: one has not; the message names it and its type.
    """
    wrong = [f for f in schema if not is_accepted(f.type)]
    if wrong:
        names = ", ".join(f'"{f.name}"' for f in wrong)
        first = f"column {wrong[0].name!r} has the type {_shown(wrong[0].type)}"
        more = f", and {len(wrong) - 1} more are not supported" if len(wrong) > 1 else ""
        raise GankitError(
            f"{first}, which is not supported{more}", f"Leave it out: drop=[{names}]. {ACCEPTED}"
        )


def _shown(t: pa.DataType) -> str:
    text = " ".join(str(t).split())
    if isinstance(t, pa.BaseExtensionType):
        text = t.extension_name
    return text if len(text) <= 60 else f"{text[:59]}…"
