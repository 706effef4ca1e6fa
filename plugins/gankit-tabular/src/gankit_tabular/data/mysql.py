"""Tables from MySQL and MariaDB, with a pure-Python driver."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

import pyarrow as pa

from gankit.errors import GankitError, without_password

CHUNK = 10_000
"""Rows that are fetched together."""
ADDRESS = re.compile(
    r"(?:mysql|mariadb)://(?:(?P<user>[^:/@\s]+)(?::(?P<password>.*))?@)?"
    r"(?P<host>[^:/?@\[\]]+|\[[^\]]+\])(?::(?P<port>\d+))?/(?P<name>[^/?]+)(?:\?(?P<options>.*))?"
)
"""The password extends to the last ``@``, as in :func:`gankit.errors.without_password`."""
OPTIONS = ("ssl_ca", "unix_socket")
"""Options after the question mark."""
NO_ROWS = "the query returns no rows"


def read_mysql(source: str, query: str) -> pa.Table:
    """The result of a query, in a read-only session.

    Integers are int64, or uint64 if they do not fit; decimals are doubles. Invalid dates such as
    0000-00-00 become missing values; bytes become hexadecimal text.

    Args:
        source: ``mysql://user:password@host:3306/database``; without a password, the environment
            variable ``MYSQL_PWD`` is used. With ``?ssl_ca=FILE`` the server's certificate is
            verified; otherwise the connection is encrypted if the server supports it.

    Raises:
        GankitError: the address is invalid, or the server refuses.
    """
    import pymysql
    from pymysql.cursors import SSCursor

    try:
        with (
            closing(pymysql.connect(**_arguments(source), cursorclass=SSCursor)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("set session transaction read only")
            cursor.execute(query)
            if cursor.description is None:
                raise GankitError(NO_ROWS, "Use a select")
            names = [column[0] for column in cursor.description]
            types = [_type(column[1]) for column in cursor.description]
            chunks: list[list[pa.Array]] = [[pa.array([], t)] for t in types]
            while rows := cursor.fetchmany(CHUNK):
                for chunk, column, t in zip(chunks, zip(*rows, strict=True), types, strict=True):
                    chunk.append(_array(column, t))
    except pymysql.MySQLError as error:
        raise GankitError(
            f"{without_password(source)}: {error.args[-1]}",
            "Check the address, the permissions and the query",
        ) from None
    return pa.Table.from_arrays([_joined(chunk) for chunk in chunks], names)


def _arguments(source: str) -> dict[str, Any]:
    """The parts of an address as the driver's arguments."""
    shown = without_password(source)
    found = ADDRESS.fullmatch(source)
    if found is None:
        raise GankitError(
            f"{shown} is not a database address", "Write mysql://user:password@host/database"
        )
    options = dict(parse_qsl(found["options"] or "", keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            raise GankitError(f"{shown}: no option {name}", f"Options: {', '.join(OPTIONS)}")
    return {
        "user": unquote(found["user"]) if found["user"] else None,
        "password": unquote(found["password"] or "") or os.environ.get("MYSQL_PWD", ""),
        "host": found["host"].strip("[]"),
        "port": int(found["port"] or 3306),
        "database": unquote(found["name"]),
        "charset": "utf8mb4",
        **options,
    }


def _type(code: int) -> pa.DataType:
    from pymysql.constants import FIELD_TYPE as T

    whole = (T.TINY, T.SHORT, T.INT24, T.LONG, T.LONGLONG, T.YEAR, T.BIT)
    known = {
        pa.int64(): whole,
        pa.float64(): (T.FLOAT, T.DOUBLE, T.DECIMAL, T.NEWDECIMAL),
        pa.timestamp("us"): (T.DATETIME, T.TIMESTAMP),
        pa.date32(): (T.DATE, T.NEWDATE),
        pa.duration("us"): (T.TIME,),
    }
    return next((t for t, codes in known.items() if code in codes), pa.string())


def _array(values: Sequence[Any], t: pa.DataType) -> pa.Array:
    if pa.types.is_temporal(t):
        known = (datetime.date, datetime.timedelta)  # the driver returns invalid dates as text
        return pa.array([v if isinstance(v, known) else None for v in values], t)
    if pa.types.is_floating(t):
        return pa.array([float(v) if isinstance(v, Decimal) else v for v in values], t)
    if pa.types.is_integer(t):
        whole = [int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in values]
        try:
            return pa.array(whole, t)
        except OverflowError:
            return pa.array(whole, pa.uint64())
    return pa.array([v.hex() if isinstance(v, bytes) else v for v in values], t)


def _joined(chunks: Sequence[pa.Array]) -> pa.ChunkedArray:
    unsigned = pa.uint64() in {chunk.type for chunk in chunks}
    t = pa.uint64() if unsigned else chunks[0].type
    return pa.chunked_array([chunk.cast(t) for chunk in chunks], t)
