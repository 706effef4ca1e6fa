"""Small tables in CSV, TSV, JSON lines or Parquet, as rows with their place in the file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gankit.errors import GankitError
from gankit.kit.folders import encodable, printable
from gankit.kit.tables import refuse_duplicate_columns

Row = Mapping[str, Any]

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
"""Endings of such tables."""
FILE_COLUMNS = (
    "file_name", "filename", "file", "path", "file_path", "filepath", "image", "image_path",
    "audio", "name", "image_id", "image_name", "img", "fname", "id",
)  # fmt: skip
"""Usual names of the column with the file, in the order in which they are tried."""
LABEL_COLUMNS = (
    "label", "labels", "class", "category", "class_name", "label_name", "target", "y",
)  # fmt: skip
"""Usual names of the column with the class, in the order in which they are tried."""


def file_column(rows: Sequence[Row], file_key: str = "") -> str | None:
    """The column with names of files, or None."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if file_key:
        return file_key if file_key in columns else None
    lower = {column.lower().replace(" ", "_"): column for column in reversed(columns)}
    for usual in FILE_COLUMNS:
        if usual in lower and any(_file_text(row.get(lower[usual])) for row in rows):
            return lower[usual]
    return next((c for c in columns if c.lower().endswith("_file_name")), None)


def _file_text(value: object) -> str:
    """A cell as the name of a file: text, a number (an id), or Hugging Face's ``{"path": …}``."""
    if isinstance(value, dict):
        value = value.get("path")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) and "\0" not in value else ""


def by_file(table: str, rows: Sequence[tuple[str, Row]], column: str) -> Sequence[tuple[str, Row]]:
    """Rows by the file that they describe.

    Raises:
        GankitError: a row has no file.
    """
    found: list[tuple[str, Row]] = []
    for at, row in rows:
        file = _file_text(row.get(column))
        if not file:
            raise GankitError(
                f"{table} {at}: not an object with {column}"
                if at.startswith("line") and table.endswith(".jsonl")
                else f"{table} {at}: no name of a file in the column {column}",
                "Fix the row, or remove it",
            )
        found.append((file, {k: clean(v) for k, v in row.items() if k != column}))
    return found


def clean(value: object) -> object:
    return encodable(value) if isinstance(value, str) else value


def read_rows(name: str, content: bytes) -> Iterator[tuple[str, Row]]:
    """The rows of a table, each with its place in it.

    Args:
        name: for messages; the ending determines the format.

    Raises:
        GankitError: not a table of that format; Parquet, and Arrow is missing.
    """
    if name.lower().endswith(".parquet"):
        yield from _parquet(name, content)
        return
    text = text_of(name, content)
    if name.lower().endswith(".jsonl"):
        yield from _json_lines(name, text)
    else:
        yield from _separated(name, text)


def text_of(name: str, content: bytes) -> str:
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise GankitError(
            f"{name}: not UTF-8 ({error.reason} at byte {error.start})", "Save it as UTF-8"
        ) from None


def _json_lines(name: str, text: str) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            quoted = printable(line.strip()[:60])
            raise GankitError(
                f"{name} line {number}: not a JSON object: {quoted}", "Fix the line, or remove it"
            )
        yield f"line {number}", row


def _separated(name: str, text: str) -> Iterator[tuple[str, Row]]:
    head = text.partition("\n")[0]
    mark = max(",", ";", "\t", "|", key=head.count)
    if name.lower().endswith(".tsv"):
        mark = "\t"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        columns = [column.strip() for column in next(reader, [])]
        columns = [column or f"column {i}" for i, column in enumerate(columns, start=1)]
        refuse_duplicate_columns(columns, name)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns):
                raise GankitError(
                    f"{name} line {reader.line_num}: {len(cells)} cells, {len(columns)} columns",
                    "Quote cells that hold the separator",
                )
            yield f"line {reader.line_num}", dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise GankitError(
            f"{name} line {reader.line_num}: {printable(str(error))}", "Fix that line"
        ) from None


def _parquet(name: str, content: bytes) -> Iterator[tuple[str, Row]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise GankitError(f"{name}: needs Arrow", "Install it: pip install 'gankit[tables]'") from (
            None
        )
    from gankit.kit.parquet import class_name, class_names

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        schema = file.schema_arrow
        refuse_duplicate_columns(schema.names, name)
        rows = file.read().to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = printable((str(error).splitlines() or [type(error).__name__])[0])
        raise GankitError(f"{name}: not a readable Parquet file ({reason})") from None
    named = {column: class_names(schema.metadata, column) for column in schema.names}
    for i, row in enumerate(rows):
        yield f"row {i}", {key: class_name(value, named[key]) for key, value in row.items()}


def is_label(value: object) -> bool:
    """Whether a value may be a class: a text or one number."""
    return isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))


def is_vector(value: object) -> bool:
    """Whether a value is a list of finite numbers."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)
            for v in value
        )
    )


def label_text(value: object) -> str | None:
    """A cell as the name of a class, where 3.0 is ``3``; None if it is empty, NaN, or not a single
    value."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, str):
        return encodable(value.strip()) or None
    return str(value) if isinstance(value, (bool, int)) else None
