"""JSON lines, and JSON files with an array of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from gankit.errors import GankitError
from gankit_tabular.data.encodings import open_bytes
from gankit_tabular.data.options import Findings

SPLIT = {"columns", "index", "data"}
BLOCK = 2**26
"""Bytes that are read together."""


def json_parts(file: Path, findings: Findings) -> Iterator[pa.Table | pa.RecordBatch]:
    """The records of a file, part by part; texts stay texts, also those that look like dates.

    Raises:
        GankitError: the file has something else than records.
    """
    with open_bytes(file) as stream:
        start = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"["):
        findings.facts.setdefault("format", "JSON, an array of records")
        yield _array(file, findings)
        return
    if not start:
        raise GankitError(f"cannot read {file}: it is empty", "Check the file")
    if (whole := _whole(file)) is not None:
        yield _object(file, whole, findings)
        return
    findings.facts.setdefault("format", "JSON lines")
    if file.stat().st_size <= BLOCK:
        yield _lines(file, findings)
        return
    options = pyarrow.json.ReadOptions(block_size=BLOCK)
    with open_bytes(file) as stream:
        first = next(iter(pyarrow.json.open_json(stream, read_options=options)))
    parse = pyarrow.json.ParseOptions(explicit_schema=_as_texts(first.schema))
    with open_bytes(file) as stream:
        yield from pyarrow.json.open_json(stream, read_options=options, parse_options=parse)


def _whole(file: Path) -> Mapping[str, Any] | None:
    """The object that a .json file is, if it is one and not JSON lines."""
    if ".json" not in file.suffixes or file.stat().st_size > BLOCK:
        return None
    try:
        with open_bytes(file) as stream:
            found = json.loads(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _object(file: Path, whole: Mapping[str, Any], findings: Findings) -> pa.Table:
    """A table from an object: columns of the same length, or records under one of its keys."""
    lists = {key: value for key, value in whole.items() if isinstance(value, list) and value}
    records = [k for k, v in lists.items() if all(isinstance(row, Mapping) for row in v)]
    if len(records) == 1:
        findings.facts.setdefault("format", f"JSON, the records under {records[0]!r}")
        if rest := [key for key in whole if key != records[0]]:
            findings.warn(f"{file.name}: other keys than {records[0]!r} are left out: {_few(rest)}")
        return _table(lists[records[0]], findings)
    names, data = whole.get("columns"), whole.get("data")  # pandas' orient="split"
    if (
        isinstance(names, list)
        and isinstance(data, list)
        and set(whole) <= SPLIT
        and all(isinstance(row, list) and len(row) == len(names) for row in data)
    ):
        findings.facts.setdefault("format", "JSON, columns and rows of data")
        return _table([dict(zip(map(str, names), row, strict=True)) for row in data], findings)
    if not records and len(lists) == len(whole) and len({len(v) for v in lists.values()}) == 1:
        findings.facts.setdefault("format", "JSON, lists of columns")
        rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        return _table(rows, findings)
    raise GankitError(
        f"{file} is one object, with the keys {_few(list(whole))}; a table is an array of records",
        "Write [{…}, …], or one record a line (.jsonl)",
    )


def _few(keys: list[str]) -> str:
    shown = ", ".join(repr(key) for key in keys[:5])
    return f"{shown} and {len(keys) - 5} more" if len(keys) > 5 else shown or "none"


def _lines(file: Path, findings: Findings) -> pa.Table:
    try:
        with open_bytes(file) as stream:
            table = pyarrow.json.read_json(stream)
        if any(pa.types.is_temporal(f.type) for f in table.schema):
            parse = pyarrow.json.ParseOptions(explicit_schema=_as_texts(table.schema))
            with open_bytes(file) as stream:
                table = pyarrow.json.read_json(stream, parse_options=parse)
    except pa.ArrowInvalid:
        rows = _records(file)
        return _table(rows, findings)
    if any(_beyond_floats(column) for column in table.columns):  # integers of 20 digits
        return _table(_records(file), findings)
    return table


def _beyond_floats(column: pa.ChunkedArray) -> bool:
    return bool(
        pa.types.is_floating(column.type)
        and pc.any(pc.greater_equal(pc.abs(column), float(2**53))).as_py()
    )


def _as_texts(schema: pa.Schema) -> pa.Schema:
    """A schema in which the texts that Arrow took for dates are texts again."""
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_temporal(f.type) else f.type) for f in schema]
    )


def _records(file: Path) -> list[Any]:
    """The records of a file that Arrow refuses, as one whose columns have several types."""
    rows: list[Any] = []
    with open_bytes(file) as stream:
        text = stream.read().decode("utf-8-sig", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            try:
                return [json.loads(text)] if not rows else _broken(file, number, error)
            except (ValueError, RecursionError):
                return _broken(file, number, error)
    if not all(isinstance(row, Mapping) for row in rows):
        raise GankitError(f"{file}: a line is not a record ({{…}})", "Write one record a line")
    return rows


def _broken(file: Path, number: int, error: Exception) -> list[Any]:
    raise GankitError(f"cannot read {file}: line {number} is not JSON: {error}", "Fix that line")


def _array(file: Path, findings: Findings) -> pa.Table:
    try:
        with open_bytes(file) as stream:
            rows = json.loads(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GankitError(f"cannot read {file}: it is not JSON: {error}", "Fix it") from None
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise GankitError(
            f"{file} is not an array of records ([{{…}}, …])", "Write an array of records"
        )
    return _table(rows, findings)


def _table(rows: list[Any], findings: Findings) -> pa.Table:
    """Records as a table; a column of several types is one of texts."""
    names = list(dict.fromkeys(str(key) for row in rows for key in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            kinds = {type(v) for v in values if v is not None}
            what = "values of several types" if len(kinds) > 1 else "integers of more than 64 bits"
            findings.warn(f"column {name!r} has {what}, and is read as text")
            columns[name] = pa.array(
                [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values]
            )
    return pa.table(columns)
