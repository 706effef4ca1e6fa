"""Columns that say what belongs together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.rows import Rows
from gankit_tabular.formats.columns import column_formats
from gankit_tabular.formats.others import TextFormat


def key_values(rows: Rows, name: str, what: str) -> pa.Array:
    """A column's texts or integers (as int64), in memory; texts that stand for a missing value, or
    have only blanks, are missing.

    Args:
        what: names the column, for the message.

    Raises:
        GankitError: it has values of another type.
    """
    table = rows.table.select([name])
    values = table.column(name)
    t = values.type
    if is_text(t):
        form = column_formats(table, {name: "category"}).get(name)
        found = form.read_column(values) if isinstance(form, TextFormat) else values
        found = found.cast(pa.large_string())
    elif pa.types.is_integer(t):
        try:
            found = values.cast(pa.int64())
        except pa.ArrowInvalid:
            raise GankitError(f"{what} has integers beyond 64 bits", "Save them as text") from None
    else:
        kind = "numbers with decimals" if pa.types.is_floating(t) else f"values of type {t}"
        raise GankitError(
            f"{what} has {kind}; only texts and integers say what belongs together",
            "Save the column as integers or texts; a missing value makes decimals of integers",
        )
    whole = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], found.type)
    if is_text(t):
        blank = pc.equal(pc.utf8_trim_whitespace(whole), "")
        if pc.any(blank).as_py():
            whole = pc.if_else(blank, pa.scalar(None, whole.type), whole)
    if rows.spool is not None:
        whole = whole.take(pa.array(np.arange(len(whole))))  # a copy: the file's pages are freed
        rows.spool.release()
    return whole


def refuse_missing(values: pa.Array | pa.ChunkedArray, what: str) -> None:
    """Raises:
    GankitError: a value is missing; the message names the first row.
    """
    missing = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
    n = int(missing.sum())
    if n:
        rows = "1 row has" if n == 1 else f"{n:,} rows have"
        raise GankitError(
            f"{what}: {rows} no value, the first is row {int(missing.argmax()) + 1:,}",
            "Fill it in, or remove these rows",
        )
