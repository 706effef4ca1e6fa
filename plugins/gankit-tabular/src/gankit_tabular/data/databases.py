"""Rows from a database, as the answer to a query.

Connections are read-only where the database offers that. A password is never part of an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError, without_password
from gankit_tabular.data.mysql import read_mysql
from gankit_tabular.data.rows import refuse_twins

FILES = (".duckdb", ".sqlite", ".sqlite3", ".db")
"""Endings of databases that are a file."""
PIECE = 2**16
"""Rows that are fetched at a time."""


def is_database(source: str) -> bool:
    """Whether the source is a database's address or file."""
    return bool(re.match(r"(postgres|postgresql|mysql|mariadb|duckdb|sqlite)://", source)) or (
        Path(source).suffix.lower() in FILES
    )


def query_pieces(source: str, query: str) -> Iterator[pa.Table]:
    """The answer to a query, piece by piece.

    Args:
        source: ``postgresql://user:password@host/name``, ``mysql://…`` likewise, or a DuckDB or
            SQLite file.

    Raises:
        GankitError: there is no query, no such database, no driver, or the query fails.
    """
    shown = without_password(source)
    if not query.strip():
        raise GankitError(f"which rows of {shown}?", "Say it: query='select * from people'")
    path = re.sub(r"^(duckdb|sqlite)://", "", source)
    try:
        if source.startswith("postgres"):
            pieces = _postgresql(source, query)
        elif source.startswith(("mysql", "mariadb")):
            pieces = iter([read_mysql(source, query)])
        elif not Path(path).is_file():
            raise GankitError(f"no such database: {path}", "Check the path")
        elif source.startswith("duckdb") or path.endswith(".duckdb"):
            pieces = _duckdb(path, query)
        else:
            pieces = _sqlite(path, query)
        for piece in pieces:
            apart = "Name them apart: select a.id as a, b.id as b"
            refuse_twins(piece.column_names, f"{shown}: the query", apart)
            yield piece
    except ImportError as error:
        raise GankitError(
            f"{shown} needs {error.name}", "Install it: pip install 'gankit-tabular[sql]'"
        ) from None
    except GankitError:
        raise
    except Exception as error:  # noqa: BLE001 - every driver has exceptions of its own
        said = " ".join(str(error).replace(source, shown).split())
        raise GankitError(f"{shown}: {said[:300]}", "Check address, rights and query") from None


def in_order(table: pa.Table) -> pa.Table:
    """A query's answer in an order of its own: databases promise none."""
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
            raise GankitError(f"{path}: the query has no rows to give", "Ask with select")
        yield from _tables(found.to_arrow_reader(PIECE))


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
        while rows := cursor.fetchmany(PIECE):
            yield pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
