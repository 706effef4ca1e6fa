"""Tables from files, folders and objects in memory."""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit_tabular.data.databases import in_order, is_database, query_pieces
from gankit_tabular.data.rows import Rows, refuse_twins
from gankit_tabular.data.spool import gather

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx")
MARKS = ("_synthetic", "_seed")
"""Columns that gankit adds to what it writes; they are no data."""
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""What stands for a missing value in a text file."""
TEXT_BLOCK = 2**26
"""Bytes of a text file that are read at a time."""
PIECE = 2**16
"""Rows of other files that are read at a time."""
FINGERPRINT_ROWS = 2**16


def read_rows(
    source: object,
    delimiter: str = "",
    encoding: str = "utf-8",
    query: str = "",
    memory: float = math.inf,
) -> tuple[Rows, list[Issue]]:
    """The rows of a source, and the lines that are none of it.

    Args:
        source: a file, a folder of such files, a database's address or file, a pandas or polars
            data frame, an Arrow table, or a list of mappings.
        delimiter: between the values of a line; empty for a comma, or a tab in a ``.tsv``.
        query: what to ask of a database.
        memory: bytes of a table that are kept in memory; a larger one goes to a temporary file.

    Raises:
        GankitError: it is not there, or no table.
    """
    issues: list[Issue] = []
    if isinstance(source, str) and is_database(source):
        table, spool = gather(map(_without_marks, query_pieces(source, query)), memory)
        if spool is None:
            table = in_order(table)
    elif query:
        raise GankitError(f"query={query!r}: {source} is no database", "Leave the query out")
    elif isinstance(source, str | Path):
        files = _files(Path(source))
        read = (_pieces(file, delimiter, encoding, issues) for file in files)
        table, spool = gather(map(_without_marks, itertools.chain.from_iterable(read)), memory)
    else:
        table, spool = _without_marks(_in_memory(source)).combine_chunks(), None
    return Rows(table, spool), issues


def read_table(
    source: object, delimiter: str = "", encoding: str = "utf-8", query: str = ""
) -> tuple[pa.Table, list[Issue]]:
    """:func:`read_rows` as an Arrow table, whatever its size."""
    rows, issues = read_rows(source, delimiter, encoding, query)
    return rows.table, issues


def fingerprint(rows: Rows) -> str:
    """A hash of names, types and values, however the table is cut into pieces."""
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
        values = values.cast(pa.int64() if t.bit_width == 64 else pa.int32())
    elif pa.types.is_boolean(t):
        values = values.cast(pa.int8())
    elif not (pa.types.is_integer(t) or pa.types.is_floating(t)):
        # The bytes of all texts one after another, and where each begins.
        texts = values.cast(pa.large_string()).fill_null("").combine_chunks()
        _, offsets, characters = texts.buffers()
        begins = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        digest.update(begins - begins[0])
        digest.update(memoryview(characters)[begins[0] : begins[-1]] if characters else b"")
        return
    digest.update(np.ascontiguousarray(values.fill_null(0).to_numpy(zero_copy_only=False)))


def _in_memory(source: Any) -> pa.Table:
    try:
        if isinstance(source, pa.Table):
            return source
        if hasattr(source, "to_arrow"):  # polars
            return source.to_arrow()
        if hasattr(source, "iloc"):  # pandas
            return pa.Table.from_pandas(source, preserve_index=False)
        return pa.Table.from_pylist(list(source))
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        raise GankitError(
            f"data of type {type(source).__name__} is no table: {error}",
            "Give a file, a data frame, an Arrow table or a list of mappings",
        ) from None


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise GankitError(f"no such file or folder: {path}", "Check the path")
    if not path.is_dir():
        return [path]
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and _kind(p) in SUFFIXES]
    if not files:
        raise GankitError(f"{path} has no table in it", f"It reads {' '.join(SUFFIXES)}")
    return files


def _kind(file: Path) -> str:
    """The ending that says how to read it, without that of compression."""
    packed = file.suffix in (".gz", ".zst")
    return (Path(file.stem).suffix if packed else file.suffix).lower()


def _pieces(file: Path, delimiter: str, encoding: str, issues: list[Issue]) -> Iterator[pa.Table]:
    """A file's table in pieces, read one after another."""
    kind = _kind(file)
    try:
        if kind in (".csv", ".tsv"):
            pieces = _csv(file, delimiter or ("\t" if kind == ".tsv" else ","), encoding, issues)
        elif kind == ".jsonl":
            pieces = _json_lines(file)
        elif kind == ".parquet":
            pieces = pyarrow.parquet.ParquetFile(file).iter_batches(PIECE)
        elif kind == ".xlsx":
            pieces = iter([_read_excel(file)])
        elif kind in (".feather", ".arrow"):
            pieces = _arrow(file)
        else:
            raise GankitError(f"{file} is no table that it reads", f"It reads {' '.join(SUFFIXES)}")
        for piece in pieces:
            refuse_twins(piece.schema.names, str(file))
            yield piece if isinstance(piece, pa.Table) else pa.Table.from_batches([piece])
    except (pa.ArrowException, OSError, LookupError) as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line}", "Check the file") from None


def _arrow(file: Path) -> Iterator[pa.RecordBatch | pa.Table]:
    try:
        reader = pa.ipc.open_file(file)
    except pa.ArrowInvalid:  # the first version of Feather
        yield pyarrow.feather.read_table(file)
        return
    for i in range(reader.num_record_batches):
        yield reader.get_batch(i)


def _json_lines(file: Path) -> Iterator[pa.RecordBatch | pa.Table]:
    with pa.input_stream(str(file), compression="detect") as stream:
        if file.stat().st_size <= TEXT_BLOCK:
            yield pyarrow.json.read_json(stream)
        else:
            options = pyarrow.json.ReadOptions(block_size=TEXT_BLOCK)
            yield from pyarrow.json.open_json(stream, read_options=options)


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


def _csv(
    file: Path, delimiter: str, encoding: str, issues: list[Issue]
) -> Iterator[pa.RecordBatch]:
    """Lines with too few or too many values are named and left out.

    Types are those of the first block; a longer file is read through once before, and a column
    whose later values do not fit takes a wider type.
    """

    def skip(row: Any) -> str:
        where = f"{file.name}, line {row.number}" if row.number else file.name
        issues.append(
            Issue(where, f"it has {row.actual_columns} values, not {row.expected_columns}")
        )
        return "skip"

    types: dict[str, pa.DataType] = {}

    def blocks() -> Iterator[pa.RecordBatch]:
        del issues[before:]
        with pa.input_stream(str(file), compression="detect") as stream:
            text = _AsUtf8(stream, encoding)
            yield from pyarrow.csv.open_csv(
                text,
                pyarrow.csv.ReadOptions(use_threads=False, block_size=TEXT_BLOCK),
                pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
                pyarrow.csv.ConvertOptions(
                    null_values=list(MISSING), strings_can_be_null=True, column_types=types
                ),
            )

    before = len(issues)
    while True:
        stream = blocks()
        first = next(stream)
        try:
            second = next(stream, None)
            if second is None:
                yield first
                return
            del second
            for _ in stream:
                pass
            break
        except pa.ArrowInvalid as error:
            found = re.search(r"column #(\d+).* conversion error to", str(error))
            if not found:
                raise
            name = first.schema.names[int(found[1])]
            types[name] = _wider(types.get(name, first.schema.field(name).type))
    yield from blocks()


def _wider(t: pa.DataType) -> pa.DataType:
    """The next type that a column's text may be read as."""
    if pa.types.is_null(t):
        return pa.int64()
    return pa.float64() if pa.types.is_integer(t) else pa.string()


class _AsUtf8(io.RawIOBase):
    """A stream of text in another encoding; what does not decode becomes a question mark."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size if size < 0 else max(size // 4, 1)).encode()


def _without_marks(table: pa.Table) -> pa.Table:
    """Only real rows and real columns: what gankit added is taken off."""
    marks: Sequence[str] = [name for name in MARKS if name in table.column_names]
    return table.drop_columns(marks) if marks else table
