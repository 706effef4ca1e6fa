"""JSON lines and Excel workbooks of generated rows."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Provenance
from gankit.errors import GankitError
from gankit_tabular.data.arrow import texts_of
from gankit_tabular.data.cells import Style, plain_cell

MOST_ROWS = 1_048_576
"""Rows of a sheet, the one with the names included."""
EXACT = 2**53
"""Integers below are kept by programs that know floats only."""


class JsonWriter:
    """JSON lines; dates, times and decimals as texts, missing and infinite numbers as null."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._names = schema.names
        self._file = file.open("w", encoding="utf-8", errors="replace", newline="\n")

    def write_table(self, table: pa.Table) -> None:
        parts: list[pa.Array | str] = []
        for i, name in enumerate(self._names):
            parts.append(f"{', ' if i else '{'}{json.dumps(name, ensure_ascii=False)}: ")
            parts.append(_json_texts(table.column(name).combine_chunks()))
        lines = pc.binary_join_element_wise(*parts, "}\n", "")
        self._file.writelines(lines.to_pylist())

    def __enter__(self) -> JsonWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()


class ExcelWriter:
    """A workbook of one sheet. What a spreadsheet cannot hold exactly is written as text: long
    integers, instants with a time zone or before 1900, durations.

    Raises:
        GankitError: openpyxl is not installed, or a sheet cannot hold as many rows.
    """

    def __init__(self, file: Path, schema: pa.Schema, provenance: Provenance) -> None:
        try:
            import openpyxl
        except ImportError:
            raise GankitError(
                f"{file.name} needs openpyxl", "Install it: pip install 'gankit-tabular[excel]'"
            ) from None
        self._path, self._names, self._rows = file, schema.names, 1
        self._book = openpyxl.Workbook(write_only=True)
        about = provenance.text()
        self._book.properties.creator = about["Software"]
        self._book.properties.description = about["Source"]
        self._book.properties.keywords = about["DigitalSourceType"]
        self._sheet = self._book.create_sheet("table")
        self._append(self._names)

    def write_table(self, table: pa.Table) -> None:
        self._rows += len(table)
        if self._rows > MOST_ROWS:
            raise GankitError(
                f"a sheet holds {MOST_ROWS:,} rows, the names included", "Write --format csv"
            )
        columns = [column.to_pylist() for column in table.select(self._names).columns]
        for values in zip(*columns, strict=True):
            self._append(values)

    def _append(self, values: Sequence[Any]) -> None:
        from openpyxl.cell import WriteOnlyCell

        cells: list[Any] = []
        for value in map(_excel, values):
            if isinstance(value, str) and value.startswith("="):  # a text, not a formula
                cells.append(WriteOnlyCell(self._sheet, value=value))
                cells[-1].data_type = "s"
            else:
                cells.append(value)
        self._sheet.append(cells)

    def __enter__(self) -> ExcelWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self._book.save(self._path)
        else:
            self._book.close()


def _json_texts(values: pa.Array) -> pa.Array:
    """The JSON of each value of a column."""
    if pa.types.is_integer(values.type) or pa.types.is_boolean(values.type):
        found = values.cast(pa.string())
    else:
        found = texts_of(values, lambda v: json.dumps(_json(v), ensure_ascii=False))
    return found.fill_null("null")


def _json(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain_cell(value, Style())


def _excel(value: Any) -> Any:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, str):
        return ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    whole = isinstance(value, datetime.date | datetime.time)
    if whole and getattr(value, "tzinfo", None) is None:
        early = isinstance(value, datetime.date) and value.year < 1901
        return plain_cell(value, Style()) if early else value
    return plain_cell(value, Style())
