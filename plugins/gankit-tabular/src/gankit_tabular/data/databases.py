"""Tables from databases, as the result of a query.

Connections are read-only where the database supports it. Error messages never contain a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError, without_password
from gankit.kit.tables import refuse_duplicate_columns
from gankit_tabular.data.mysql import NO_ROWS, read_mysql
from gankit_tabular.recognising import ADDRESS, DATABASES

BATCH = 2**16
"""Rows that are fetched together."""


def is_database(source: str) -> bool:
    """Whether the source is a database's address or file."""
    return bool(ADDRESS.match(source)) or Path(source).suffix.lower() in DATABASES


def query_parts(source: str, query: str) -> Iterator[pa.Table]:
    """The result of a query, part by part.

    Args:
        source: ``postgresql://user:password@host/name``, ``mysql://…`` likewise, or a DuckDB or
            SQLite file.

    Raises:
        GankitError: there is no query, database or driver, or the query fails.
    """
    shown = without_password(source)
    if not query.strip():
        raise GankitError(f"{shown}: no query given", "Add one: query='select * from people'")
    path = re.sub(r"^(duckdb|sqlite)://", "", source)
    try:
        if source.startswith("postgres"):
            parts = _postgresql(source, query)
        elif source.startswith(("mysql", "mariadb")):
            parts = iter([read_mysql(source, query)])
        elif not Path(path).is_file():
            raise GankitError(f"no such database: {path}", "Check the path")
        elif source.startswith("duckdb") or path.endswith(".duckdb"):
            parts = _duckdb(path, query)
        else:
            parts = _sqlite(path, query)
        for part in parts:
            hint = "Give them different names: select a.id as a, b.id as b"
            refuse_duplicate_columns(part.column_names, f"{shown}: the query", hint)
            yield part
    except ImportError as error:
        raise GankitError(
            f"{shown} needs {error.name}", "Install it: pip install 'gankit-tabular[sql]'"
        ) from None
    except GankitError:
        raise
    except Exception as error:  # noqa: BLE001 - every driver has its own exceptions
        reason = " ".join(str(error).replace(source, shown).split())
        raise GankitError(
            f"{shown}: {reason[:300]}", "Check the address, the permissions and the query"
        ) from None


def sorted_rows(table: pa.Table) -> pa.Table:
    """The rows in sorted order, since databases guarantee none."""
    sortable = [f.name for f in table.schema if not pa.types.is_nested(f.type)]
    return table.sort_by([(name, "ascending") for name in sortable]) if sortable else table


def _postgresql(source: str, query: str) -> Iterator[pa.Table]:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        yield from _tables(cursor.fetch_record_batch())


def _duckdb(path: str, query: str) -> Iterator[pa.Table]:
    import duckdb

    with duckdb.connect(path, read_only=True) as connection:
        found: Any = connection.sql(query)
        if found is None:
            raise GankitError(f"{path}: {NO_ROWS}", "Use a select")
        yield from _tables(found.to_arrow_reader(BATCH))


def _tables(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    yield reader.schema.empty_table()
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _sqlite(path: str, query: str) -> Iterator[pa.Table]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as database:
        cursor = database.execute(query)
        names = [column[0] for column in cursor.description]
        yield pa.table({name: pa.nulls(0) for name in names})
        while rows := cursor.fetchmany(BATCH):
            columns = [_column(values) for values in zip(*rows, strict=True)]
            yield pa.Table.from_arrays(columns, names)


def _column(values: Sequence[Any]) -> pa.Array:
    """A column of SQLite, whose values may have several types: then one of texts."""
    if any(isinstance(v, bytes) for v in values):
        return pa.array([v if v is None or isinstance(v, bytes) else b"" for v in values])
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
