"""Table files: CSV, JSON lines, Parquet, Feather and Excel, compressed or not."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.tables import MISSING, refuse_duplicate_columns

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx")
READS = f"Supported: {' '.join(SUFFIXES)}"
TEXT_BLOCK = 2**26
"""Bytes of a text file that are read together."""
BATCH = 2**16
"""Rows of other files that are read together."""


def table_files(path: Path) -> list[Path]:
    """The file itself, or the table files below a folder.

    Raises:
        GankitError: there is no such path, or no table below it.
    """
    if not path.exists():
        raise GankitError(f"no such file or folder: {path}", "Check the path")
    if not path.is_dir():
        return [path]
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and _suffix(p) in SUFFIXES]
    if not files:
        raise GankitError(f"{path} contains no table", READS)
    return files


def file_parts(
    file: Path, delimiter: str, encoding: str, issues: list[Issue]
) -> Iterator[pa.Table]:
    """A file's table, part by part.

    Args:
        issues: the list to which skipped lines are added.

    Raises:
        GankitError: the file is not a table, or is damaged.
    """
    suffix = _suffix(file)
    try:
        if suffix in (".csv", ".tsv"):
            parts = _csv(file, delimiter or ("\t" if suffix == ".tsv" else ","), encoding, issues)
        elif suffix == ".jsonl":
            parts = _json_lines(file)
        elif suffix == ".parquet":
            parts = pyarrow.parquet.ParquetFile(file).iter_batches(BATCH)
        elif suffix == ".xlsx":
            parts = iter([_excel(file)])
        elif suffix in (".feather", ".arrow"):
            parts = _arrow(file)
        else:
            raise GankitError(f"{file} is not a supported table", READS)
        for part in parts:
            refuse_duplicate_columns(part.schema.names, str(file))
            yield part if isinstance(part, pa.Table) else pa.Table.from_batches([part])
    except (pa.ArrowException, OSError, LookupError) as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line}", "Check the file") from None


def _suffix(file: Path) -> str:
    """The suffix of the format, without that of compression."""
    compressed = file.suffix in (".gz", ".zst")
    return (Path(file.stem).suffix if compressed else file.suffix).lower()


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


def _excel(file: Path) -> pa.Table:
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
        raise GankitError(
            f"{file}: the first row is not a row of column names", "Name every column once"
        )
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


# --- CSV ----------------------------------------------------------------------------------------


def _csv(
    file: Path, delimiter: str, encoding: str, issues: list[Issue]
) -> Iterator[pa.RecordBatch]:
    """Lines with too few or too many values are skipped and reported.

    Column types are inferred from the first block. A file of several blocks is first read through
    once, and a column whose later values do not fit gets a wider type.
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
    """The next type to try for a column."""
    if pa.types.is_null(t):
        return pa.int64()
    return pa.float64() if pa.types.is_integer(t) else pa.string()


class _AsUtf8(io.RawIOBase):
    """A text stream in UTF-8; bytes that cannot be decoded become replacement characters."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size if size < 0 else max(size // 4, 1)).encode()
