"""Which data are tables, at a glance."""

from __future__ import annotations

import re
from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import table_head

SURE = (
    *(".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow"),
    *(".xlsx", ".xlsm"),
)
"""Endings of tables, compressed or not."""
DATABASES = (".duckdb", ".sqlite", ".sqlite3", ".db")
"""Endings of database files."""
ADDRESS = re.compile(r"(postgres|postgresql|mysql|mariadb|duckdb|sqlite)://")
"""How the address of a database begins."""
TABLE = 0.6
"""The confidence that a table's ending gives: what it holds may be another plugin's."""


def recognise(look: Look) -> Recognised | None:
    """Tables in files and folders, databases, and standard input."""
    if look.kind == "stream":
        return Recognised(TABLE, "a table", "standard input is read as a table")
    if look.kind == "address":
        known = ADDRESS.match(look.source)
        return Recognised(TABLE, "a table", "the address of a database") if known else None
    if look.kind == "file":
        return _file(look)
    tables = look.ending(*SURE)
    if look.kind == "archive" or not tables:
        return None
    part = len(tables) / len(look.names)
    return Recognised(TABLE * part, "a table", f"{len(tables):,} files with tables")


def _file(look: Look) -> Recognised | None:
    if Path(look.source).suffix.lower() in DATABASES:
        return Recognised(0.9, "a table", f"{look.name} is a database")
    if look.ending(*SURE):
        head = table_head(look)
        reason = f"{look.name} is a table"
        return Recognised(TABLE, "a table", reason, None if head is None else head.count)
    if look.ending(".json"):
        return Recognised(TABLE / 2, "a table", f"{look.name} may hold rows")
    if look.ending(".txt"):
        head = table_head(look)
        if head is not None and len(head.columns) > 1 and _even(head.rows, len(head.columns)):
            return Recognised(TABLE / 2, "a table", f"{look.name} has columns", head.count)
    return None


def _even(rows: object, columns: int) -> bool:
    """Whether all rows have as many cells as there are columns: text with commas has not."""
    return isinstance(rows, list) and bool(rows) and all(len(row) == columns for row in rows)
