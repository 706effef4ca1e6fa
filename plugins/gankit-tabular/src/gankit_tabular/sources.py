"""Tables from files, folders and objects in memory."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet

from gankit.contract import Problem
from gankit.errors import GankitError
from gankit_tabular.databases import is_database, read_query

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx")
MARKS = ("_synthetic", "_seed")
"""Columns that gankit adds to what it writes; they are no data."""
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""What stands for a missing value in a text file."""


def read_table(
    source: object, delimiter: str = "", encoding: str = "utf-8", query: str = ""
) -> tuple[pa.Table, list[Problem]]:
    """The table of a source, and the lines that are none of it.

    Args:
        source: a file, a folder of such files, a database's address or file, a pandas or polars
            data frame, an Arrow table, or a list of mappings.
        query: what to ask of a database.
        delimiter: between the values of a line; empty for a comma, or a tab in a ``.tsv``.

    Raises:
        GankitError: it is not there, or no table.
    """
    if isinstance(source, str) and is_database(source):
        return _without_marks(read_query(source, query)), []
    if query:
        raise GankitError(f"query={query!r}: {source} is no database", "Leave the query out")
    if isinstance(source, str | Path):
        return _read_path(Path(source), delimiter, encoding)
    return _without_marks(_in_memory(source)), []


def fingerprint(table: pa.Table) -> str:
    """A hash of names, types and values, however the table is cut into pieces."""
    digest = hashlib.sha256(repr([(f.name, str(f.type)) for f in table.schema]).encode())
    for column in table.columns:
        for chunk in pc.fill_null(pc.cast(column, pa.string()), "\0").chunks:
            digest.update("\x1f".join(chunk.to_pylist()).encode())
    return digest.hexdigest()


def _in_memory(source: Any) -> pa.Table:
    try:
        if isinstance(source, pa.Table):
            return source
        if hasattr(source, "to_arrow"):  # polars
            return source.to_arrow()
        if hasattr(source, "iloc"):  # pandas
            return pa.Table.from_pandas(source, preserve_index=False)
        return pa.Table.from_pylist(list(source))
    except (pa.ArrowException, TypeError, AttributeError) as error:
        raise GankitError(
            f"data of type {type(source).__name__} is no table: {error}",
            "Give a file, a data frame, an Arrow table or a list of mappings",
        ) from None


def _read_path(path: Path, delimiter: str, encoding: str) -> tuple[pa.Table, list[Problem]]:
    if not path.exists():
        raise GankitError(f"no such file or folder: {path}", "Check the path")
    files = [path]
    if path.is_dir():
        files = [p for p in sorted(path.rglob("*")) if p.is_file() and _kind(p) in SUFFIXES]
        if not files:
            raise GankitError(f"{path} has no table in it", f"It reads {' '.join(SUFFIXES)}")
    tables, problems = [], []
    for file in files:
        table, found = _read_file(file, delimiter, encoding)
        tables.append(_without_marks(table))
        problems += found
    try:
        return pa.concat_tables(tables, promote_options="permissive"), problems
    except pa.ArrowException as error:
        raise GankitError(f"the files of {path} do not fit together: {error}", "Read one") from None


def _kind(file: Path) -> str:
    """The ending that says how to read it, without that of compression."""
    packed = file.suffix in (".gz", ".zst")
    return (Path(file.stem).suffix if packed else file.suffix).lower()


def _read_file(file: Path, delimiter: str, encoding: str) -> tuple[pa.Table, list[Problem]]:
    kind = _kind(file)
    problems: list[Problem] = []
    try:
        if kind in (".csv", ".tsv"):
            with pa.input_stream(str(file), compression="detect") as stream:
                text = stream.read().decode(encoding, errors="replace")
            table = _read_csv(file, text, delimiter or ("\t" if kind == ".tsv" else ","), problems)
        elif kind == ".jsonl":
            with pa.input_stream(str(file), compression="detect") as stream:
                table = pyarrow.json.read_json(stream)
        elif kind == ".parquet":
            table = pyarrow.parquet.read_table(file)
        elif kind == ".xlsx":
            table = _read_excel(file)
        elif kind in (".feather", ".arrow"):
            table = pyarrow.feather.read_table(file)
        else:
            raise GankitError(f"{file} is no table that it reads", f"It reads {' '.join(SUFFIXES)}")
    except (pa.ArrowException, OSError, LookupError) as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line}", "Check the file") from None
    return table, problems


def _read_excel(file: Path) -> pa.Table:
    """The first sheet; its first row has the names."""
    try:
        import openpyxl
    except ImportError:
        raise GankitError(
            f"{file} needs openpyxl", "Install it: pip install 'gankit-tabular[excel]'"
        ) from None
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        book.close()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise GankitError(f"cannot read {file}: {error}", "Check the file") from None
    names = [str(name) for name in rows[0] if name is not None] if rows else []
    if not names or len(set(names)) < len(names):
        raise GankitError(f"{file}: its first row is no row of names", "Name every column once")
    filled = [row for row in rows[1:] if any(v is not None for v in row)]
    columns = {}
    for i, name in enumerate(names):
        values = [None if row[i] in MISSING else row[i] for row in filled]
        if len({type(v) for v in values if v is not None} - {int, float}) > 1 or (
            any(isinstance(v, str) for v in values)
        ):
            values = [None if v is None else str(v) for v in values]
        columns[name] = pa.array(values)
    return pa.table(columns)


def _read_csv(file: Path, text: str, delimiter: str, problems: list[Problem]) -> pa.Table:
    """Lines with too few or too many values are named and left out."""

    def skip(row: Any) -> str:
        where = f"{file.name}, line {row.number}" if row.number else file.name
        problems.append(
            Problem(where, f"it has {row.actual_columns} values, not {row.expected_columns}")
        )
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(text.encode()),
        read_options=pyarrow.csv.ReadOptions(use_threads=False),  # so that lines have numbers
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
        convert_options=pyarrow.csv.ConvertOptions(
            null_values=list(MISSING), strings_can_be_null=True
        ),
    )
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GankitError(f"{file} has two columns named {twice[0]!r}", "Rename one")
    return table


def _without_marks(table: pa.Table) -> pa.Table:
    """Only real rows and real columns: what gankit added is taken off."""
    marks: Sequence[str] = [name for name in MARKS if name in table.column_names]
    return table.drop_columns(marks) if marks else table
