"""Tables from files, folders, databases and objects in memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.tables import arrow_table, refuse_duplicate_columns
from gankit_tabular.data.arrow import storage_type
from gankit_tabular.data.databases import is_database, query_parts, sorted_rows
from gankit_tabular.data.files import file_parts, table_files
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.spool import Spool, gather
from gankit_tabular.data.stdin import STDIN, from_stdin
from gankit_tabular.data.types import check_types, normalised

SYNTHETIC, SEED = "_synthetic", "_seed"
"""Columns that gankit adds to its output; they are not data."""
MIXABLE = {str, int, float, bool, np.int64, np.float64, np.bool_}
"""Types of values that may be texts where a column has several of them."""
FINGERPRINT_ROWS = 2**16


def read_rows(
    source: object,
    delimiter: str = "",
    encoding: str = "",
    query: str = "",
    memory: float = math.inf,
    *,
    options: ReadOptions | None = None,
    findings: Findings | None = None,
) -> tuple[Rows, list[Issue]]:
    """Reads a table.

    Args:
        source: a file, a folder of such files, ``-`` for standard input, a database's address or
            file, a pandas or polars data frame, an Arrow table, or a list of mappings.
        delimiter, encoding, query, memory: as in :class:`ReadOptions`, which the options replace.
        findings: receives what the source was taken for.

    Returns:
        The rows, and the lines that were skipped.

    Raises:
        GankitError: there is no such source, or it is not a table.
    """
    given = options or ReadOptions(
        delimiter=delimiter, encoding=encoding, query=query, memory=memory
    )
    found = findings or Findings()
    if isinstance(source, str) and is_database(source):
        table, spool = _gathered(query_parts(source, given.query), given, found)
        if spool is None:
            table = sorted_rows(table)
        found.facts["format"] = "the result of a query"
    elif given.query:
        what = source if isinstance(source, str | Path) else f"a {type(source).__name__}"
        raise GankitError(f"query={given.query!r}: {what} is not a database", "Leave the query out")
    elif isinstance(source, str | Path):
        path = Path(source)
        files = [from_stdin()] if str(source) == STDIN else table_files(path, found, given.split)
        table, spool = _gathered(file_parts(files, given, found), given, found)
    else:
        table = _prepared(_from_memory(source, found), given, found)
        table, spool = table.combine_chunks(), None
        found.facts["format"] = f"in memory ({type(source).__name__})"
    refuse_duplicate_columns(table.column_names, "the table")
    if spool is None:
        table = normalised(table, whole=True)
    return Rows(table, spool), found.issues


def _gathered(
    parts: Iterable[pa.Table], given: ReadOptions, found: Findings
) -> tuple[pa.Table, Spool | None]:
    return gather((_prepared(part, given, found) for part in parts), given.memory)


def _prepared(table: pa.Table, given: ReadOptions, found: Findings) -> pa.Table:
    """Without the columns that gankit adds and those that the user leaves out; of known types."""
    names = set(table.column_names)
    own = [name for name in (SEED, SYNTHETIC) if name in names and name not in given.drop]
    if own and len(table) and not _is_output(table):
        what = "name of gankit's own column" if len(own) == 1 else "names of gankit's own columns"
        them = "it if it is" if len(own) == 1 else "them if they are"
        found.warn(f"left out: {', '.join(own)} (the {what}); rename {them} data")
    out = [name for name in (SYNTHETIC, SEED, *given.drop) if name in names]
    found.dropped |= names.intersection(given.drop)
    table = normalised(table.drop_columns(out) if out else table)
    check_types(table.schema)
    return table


def _is_output(table: pa.Table) -> bool:
    """Whether the columns are as gankit writes them: synthetic rows have a seed, others none."""
    if not {SEED, SYNTHETIC} <= set(table.column_names):
        return False
    flags = [str(v).strip().lower() in ("true", "1") for v in table.column(SYNTHETIC).to_pylist()]
    seeds = [v is not None and v == v and v != "" for v in table.column(SEED).to_pylist()]
    return flags == seeds


def read_table(
    source: object, delimiter: str = "", encoding: str = "", query: str = ""
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


def _from_memory(source: Any, found: Findings) -> pa.Table:
    kind, hint = type(source).__name__, "Give a file, a data frame, an Arrow table or mappings"

    def array(values: Any) -> pa.Array:
        """A column; values of several types, and pandas' periods and intervals, are texts."""
        own = values.cat.categories if hasattr(values, "cat") else values
        if str(getattr(own, "dtype", "")).lower().startswith(("period", "interval")):
            return _texts(values)
        try:
            return pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            types = {type(v) for v in values if not _is_missing(v)}
            if not types <= MIXABLE:
                raise
            name = getattr(values, "name", None)
            what = "a column" if name is None else f"column {str(name)!r}"
            several = "values of several types" if len(types) > 1 else "integers beyond 64 bits"
            found.warn(f"{what} has {several}, and is read as text")
            return _texts(values)

    try:
        table = arrow_table(list(source) if _is_iterator(source) else source, array)
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        raise GankitError(f"data of type {kind} is not a table: {error}", hint) from None
    if table is None:
        raise GankitError(f"data of type {kind} is not a table", hint)
    return table


def _texts(values: Any) -> pa.Array:
    return pa.array([None if _is_missing(v) else str(v) for v in values], pa.string())


def _is_missing(value: Any) -> bool:
    """Whether a value of a data frame is None, NaN, NaT or NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _is_iterator(source: Any) -> bool:
    return isinstance(source, Iterable) and not hasattr(source, "__len__")
