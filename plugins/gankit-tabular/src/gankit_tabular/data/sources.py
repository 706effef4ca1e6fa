"""Tables from files, folders, databases and objects in memory."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.tables import arrow_table
from gankit_tabular.data.arrow import storage_type
from gankit_tabular.data.databases import is_database, query_parts, sorted_rows
from gankit_tabular.data.files import file_parts, table_files
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.spool import gather

SYNTHETIC, SEED = "_synthetic", "_seed"
"""Columns that gankit adds to its output; they are not data."""
FINGERPRINT_ROWS = 2**16


def read_rows(
    source: object,
    delimiter: str = "",
    encoding: str = "utf-8",
    query: str = "",
    memory: float = math.inf,
) -> tuple[Rows, list[Issue]]:
    """Reads a table.

    Args:
        source: a file, a folder of such files, a database's address or file, a pandas or polars
            data frame, an Arrow table, or a list of mappings.
        delimiter: between the values of a line; empty for a comma, or a tab in a ``.tsv`` file.
        query: SQL query of a database.
        memory: bytes of a table that are kept in memory; a larger one goes to a temporary file.

    Returns:
        The rows, and the lines that were skipped.

    Raises:
        GankitError: there is no such source, or it is not a table.
    """
    issues: list[Issue] = []
    if isinstance(source, str) and is_database(source):
        table, spool = gather(map(_without_marks, query_parts(source, query)), memory)
        if spool is None:
            table = sorted_rows(table)
    elif query:
        raise GankitError(f"query={query!r}: {source} is not a database", "Leave the query out")
    elif isinstance(source, str | Path):
        parts = (file_parts(f, delimiter, encoding, issues) for f in table_files(Path(source)))
        table, spool = gather(map(_without_marks, itertools.chain.from_iterable(parts)), memory)
    else:
        table, spool = _without_marks(_from_memory(source)).combine_chunks(), None
    return Rows(table, spool), issues


def read_table(
    source: object, delimiter: str = "", encoding: str = "utf-8", query: str = ""
) -> tuple[pa.Table, list[Issue]]:
    """:func:`read_rows` as an Arrow table of any size."""
    rows, issues = read_rows(source, delimiter, encoding, query)
    return rows.table, issues


def fingerprint(rows: Rows) -> str:
    """A hash of names, types and values, independent of the table's chunks."""
    schema = rows.table.schema
    digest = hashlib.sha256(repr([(f.name, str(f.type)) for f in schema]).encode())
    for start in range(0, len(rows), FINGERPRINT_ROWS):
        for column in rows.block(start, FINGERPRINT_ROWS).columns:
            _hash_column(digest, column)
    return digest.hexdigest()


def _hash_column(digest: Any, values: pa.ChunkedArray) -> None:
    digest.update(np.packbits(values.is_valid().to_numpy(zero_copy_only=False)))
    t = values.type
    if pa.types.is_temporal(t):
        values = values.cast(storage_type(t))
    elif pa.types.is_boolean(t):
        values = values.cast(pa.int8())
    elif not (pa.types.is_integer(t) or pa.types.is_floating(t)):
        # The bytes of all texts one after another, and the start of each.
        texts = values.cast(pa.large_string()).fill_null("").combine_chunks()
        _, offsets, characters = texts.buffers()
        starts = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        digest.update(starts - starts[0])
        digest.update(memoryview(characters)[starts[0] : starts[-1]] if characters else b"")
        return
    digest.update(np.ascontiguousarray(values.fill_null(0).to_numpy(zero_copy_only=False)))


def _from_memory(source: Any) -> pa.Table:
    kind, hint = type(source).__name__, "Give a file, a data frame, an Arrow table or mappings"
    try:
        table = arrow_table(list(source) if _is_iterator(source) else source)
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        raise GankitError(f"data of type {kind} is not a table: {error}", hint) from None
    if table is None:
        raise GankitError(f"data of type {kind} is not a table", hint)
    return table


def _is_iterator(source: Any) -> bool:
    return isinstance(source, Iterable) and not hasattr(source, "__len__")


def _without_marks(table: pa.Table) -> pa.Table:
    """Without the columns that gankit added."""
    marks = [name for name in (SYNTHETIC, SEED) if name in table.column_names]
    return table.drop_columns(marks) if marks else table
