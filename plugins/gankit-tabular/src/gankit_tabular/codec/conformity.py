"""Another table in the form of the training data: columns by name, values of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError, did_you_mean
from gankit.kit.tables import MISSING
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.descriptions import shown_range
from gankit_tabular.data.arrow import is_text, numbers, plain, storage_type
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, load_format, read_columns

DIGITS = 15
"""Decimals at most of a number that is written where the format has no fixed number of them."""
BEYOND = 0.1
"""A larger share of numbers beyond those of the training data is warned of."""
SHOWN = 3
"""Names and values in a message."""


def conform_table(
    table: pa.Table,
    schema: pa.Schema,
    strict: bool,
    ignored: Sequence[str] = (),
    formats: Mapping[str, Format] | None = None,
) -> tuple[pa.Table, list[str]]:
    """A table with the columns of ``schema``, in its order and with its types; and warnings.

    Args:
        strict: whether other columns are refused; they are left out with a warning otherwise.
        ignored: other columns that may be there, and are left out without a word.
        formats: how the training data writes values, by column.

    Raises:
        GankitError: a column is missing, or a value is of another kind.
    """
    names, wanted, warnings = table.column_names, schema.names, list[str]()
    for name in names:
        if names.count(name) > 1:
            raise GankitError(f"the data has two columns named {name!r}", "Rename one")
    missing = [name for name in wanted if name not in names]
    more = [name for name in names if name not in wanted and name not in ignored]
    if missing:
        raise GankitError(
            f"the data has no {_listed(missing)}, unlike the training data",
            did_you_mean(missing[0], more) if more else "Add it, or train on the data without it",
        )
    if more and strict:
        raise GankitError(
            f"the data has {_listed(more)} more than the training data",
            "Remove such columns from the file, or train again with them",
        )
    if more:
        left = "it is" if len(more) == 1 else "they are"
        warnings.append(
            f"The data has {_listed(more)} more than the training data; {left} left out."
        )
    if not strict:  # what one file writes plainly, another may write in a form
        table = _read_forms(table, schema)
    if strict:
        warnings += _rewritten(table, schema)
    arrays = [
        _cast(f.name, table.column(f.name), f.type, strict, (formats or {}).get(f.name))
        for f in schema
    ]
    own = table.schema.metadata or schema.metadata  # how cells are written
    return pa.table(arrays, schema=schema).replace_schema_metadata(own), warnings


def spelled(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """A table in which truth values are the texts that the training data has for them."""
    for column in columns:
        if column.name not in table.column_names or column.kind != "category":
            continue
        values = table.column(column.name)
        known = {v.lower(): v for v in column.values if isinstance(v, str)}
        if pa.types.is_boolean(values.type) and {"true", "false"} & {*known}:
            texts = pa.array([known.get(t, t) for t in ("false", "true")])
            found = texts.take(values.cast(pa.int8()).combine_chunks())
            table = table.set_column(table.column_names.index(column.name), column.name, found)
    return table


def _rewritten(table: pa.Table, schema: pa.Schema) -> list[str]:
    """A warning about columns whose cells are read as another kind of values than before."""
    other = [
        f.name
        for f in schema
        if is_text(f.type) != is_text(type := plain(table.column(f.name)).type)
        or (pa.types.is_integer(f.type) and pa.types.is_floating(type))
    ]
    some = [name for name in other if table.column(name).null_count < len(table)]
    if not some:
        return []
    it = "It is" if len(some) == 1 else "They are"
    return [f"The data writes {_listed(some)} in another form. {it} rewritten as in the training "
            "data."]  # fmt: skip


def _read_forms(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table with the texts read as values where the training data has values."""
    forms = {
        name: form
        for name, form in column_formats(table.select(schema.names), {}).items()
        if is_text(table.schema.field(name).type) and not is_text(schema.field(name).type)
    }
    return pa.table(read_columns(table, forms)) if forms else table


def check_values(
    columns: Sequence[Column],
    table: pa.Table,
    typed: Mapping[str, pa.ChunkedArray],
    gaps: bool = False,
) -> list[str]:
    """Warnings about values that the training data does not have.

    Args:
        table: with the columns and types of the training data.
        typed: its columns as typed values; what is not in a column's format is missing.
        gaps: whether missing values are expected anywhere.

    Raises:
        GankitError: a text is not in the column's format.
    """
    warnings = list[str]()
    for column in columns:
        if column.hidden or column.kind == "identifier":
            continue
        given, values = table.column(column.name), typed[column.name]
        if column.format:
            _check_format(column.name, given, values, missing_marks(column))
        if column.kind == "category" and column.codes and not column.merged:
            warnings += _unseen(column, plain(values))
        if column.kind == "number":
            warnings += _beyond(column, values)
        if (count := values.null_count) and not (column.missing or gaps) and column.codes:
            noun = "value" if count == 1 else "values"
            warnings.append(
                f"Column {column.name!r} has {count:,} missing {noun}, and none in the training "
                "data."
            )
    return warnings


def _cast(
    name: str, values: pa.ChunkedArray, t: pa.DataType, strict: bool, form: Format | None = None
) -> pa.ChunkedArray:
    """A column's values as another type.

    Args:
        strict: whether texts must be written again as they are.
        form: how the training data writes these values.

    Raises:
        GankitError: a value does not fit.
    """
    if values.type == t:
        return values
    values = plain(values)
    if form is not None and is_text(t) and not is_text(values.type) and not is_text(form.type):
        return _written(name, values, t, form)  # typed values of a column that has cells
    try:
        made = values.cast(t)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _unfit(name, values, t) from None
    if strict and is_text(values.type) and not is_text(t):
        changed = pc.not_equal(made.cast(values.type), values)
        if (row := pc.index(changed, True).as_py()) >= 0:
            raise _wrong_value(name, values[row].as_py(), row, t)
    return made


def _written(name: str, values: pa.ChunkedArray, t: pa.DataType, form: Format) -> pa.ChunkedArray:
    """Typed values as the training data writes them."""
    try:
        typed = values.cast(form.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _unfit(name, values, form.type) from None
    if pa.types.is_temporal(form.type):
        typed = typed.cast(storage_type(form.type)).cast(pa.int64())
    return pa.chunked_array([form.write_column(typed.to_pylist(), DIGITS, t)])


def _unfit(name: str, values: pa.ChunkedArray, t: pa.DataType) -> GankitError:
    """The error for the first value that does not fit."""
    for value in pc.unique(values).drop_null():
        try:
            value.cast(t)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return _wrong_value(name, value.as_py(), pc.index(values, value).as_py(), t)
    return GankitError(
        f"column {name!r} has {kind_of(values.type)}, where the training data has {kind_of(t)}",
        "Convert the column",
    )


def _wrong_value(name: str, value: object, row: int, t: pa.DataType) -> GankitError:
    shown = repr(value) if isinstance(value, str | int | float) else str(value)
    return GankitError(
        f"column {name!r} has {shown} in row {row + 1:,}, where the training data has {kind_of(t)}",
        "Fix that value, or leave out such rows",
    )


def kind_of(t: pa.DataType) -> str:
    """What values of a type are, for a person."""
    if pa.types.is_boolean(t):
        return "true and false"
    if pa.types.is_integer(t):
        return "whole numbers"
    if pa.types.is_floating(t) or pa.types.is_decimal(t):
        return "numbers"
    if pa.types.is_timestamp(t):
        return "dates with times"
    if pa.types.is_date(t):
        return "dates"
    if pa.types.is_time(t):
        return "times of day"
    return "durations" if pa.types.is_duration(t) else "texts" if is_text(t) else str(t)


def missing_marks(column: Column) -> Sequence[str]:
    """Texts that stand for a missing value: in the training data, or anywhere by default."""
    return (*load_format(column.format).marks, *MISSING)


def _check_format(
    name: str, given: pa.ChunkedArray, values: pa.ChunkedArray, marks: Sequence[str]
) -> None:
    """Checks that no text was lost when it was read in the column's format."""
    lost = pc.and_(pc.is_null(values), pc.is_valid(given))
    if is_text(given.type):
        is_mark = pc.is_in(pc.utf8_trim_whitespace(given), value_set=pa.array(marks, given.type))
        lost = pc.and_(lost, pc.invert(is_mark))
    row = pc.index(lost, True).as_py()
    if row >= 0:
        raise GankitError(
            f"column {name!r} has {given[row].as_py()!r} in row {row + 1:,}, which is not written "
            "like the training data",
            "Write it alike: the same unit, separators and order",
        )


def _unseen(column: Column, values: pa.ChunkedArray) -> list[str]:
    """A warning about categories that the training data does not have."""
    counted = pc.value_counts(values.drop_null())
    known = pa.array(column.values, values.type)
    new = counted.filter(pc.invert(pc.is_in(counted.field("values"), value_set=known)))
    if not len(new):
        return []
    rows = pc.sum(new.field("counts")).as_py()
    some = ", ".join(repr(v.as_py()) for v in new.field("values")[:SHOWN])
    more = f" and {len(new) - SHOWN:,} more" if len(new) > SHOWN else ""
    return [
        f"Column {column.name!r} has {some}{more} in {rows:,} {'row' if rows == 1 else 'rows'}, "
        "which the training data does not have."
    ]


def _beyond(column: Column, values: pa.ChunkedArray) -> list[str]:
    """A warning about a column with many numbers beyond those of the training data."""
    known = numbers(plain(values))
    known = known[np.isfinite(known)]
    if not len(known) or not (column.atoms or column.bins):
        return []
    low, high = column.range
    count = int(((known < low) | (known > high)).sum())
    if count <= BEYOND * len(known):
        return []
    return [f"Column {column.name!r} has {count:,} values beyond those of the training data "
            f"(about {shown_range(column)}): is it in the same unit?"]  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    """``column 'a'``, or ``columns 'a', 'b' and 3 others``."""
    some = ", ".join(map(repr, names[:SHOWN]))
    rest = len(names) - SHOWN
    if rest > 0:
        some += f" and {rest:,} {'other' if rest == 1 else 'others'}"
    return f"{'column' if len(names) == 1 else 'columns'} {some}"
