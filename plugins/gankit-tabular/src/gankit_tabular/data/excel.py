"""Excel workbooks."""

from __future__ import annotations

import datetime
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.dialect import unnamed
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.formats.columns import cells_metadata


def read_excel(file: Path, options: ReadOptions, findings: Findings) -> pa.Table:
    """A sheet of a workbook; its first row that is not empty has the names.

    Columns without a name keep their place: they get one where they have values, and are left out
    where they are empty. Dates, numbers and booleans keep their types; a column of several types
    is one of texts.

    Raises:
        GankitError: no workbook, sheet or names.
    """
    rows, formulas, sheet, others = _cells(file, options.sheet)
    facts = findings.facts
    facts["format"] = "Excel"
    facts["sheet"] = sheet + (f"; not read: {', '.join(others)}" if others else "")
    if others and not options.sheet:
        findings.warn(
            f"the workbook has {len(others) + 1} sheets, of which {sheet!r} is read. Choose one "
            f'with sheet="{others[0]}"'
        )
    start = next((i for i, row in enumerate(rows) if any(v is not None for v in row)), None)
    if start is None:
        raise GankitError(f"{file}: sheet {sheet!r} is empty", "Choose another: sheet=NAME")
    header, body = list(rows[start]), rows[start + 1 :]
    while body and all(v is None for v in body[-1]):
        body = body[:-1]
    filled = [row for row in body if any(v is not None for v in row)]
    if len(filled) < len(body):
        n = len(body) - len(filled)
        findings.warn(f"{n:,} empty {'row' if n == 1 else 'rows'} between others: left out")
    width = max([len(header), *(len(row) for row in filled)])
    header += [None] * (width - len(header))
    columns: dict[str, Any] = {}
    fields = []
    given = [str(name).strip() for name in header if name is not None]
    if not given:
        raise GankitError(f"{file}: the first row has no column names", "Name the columns")
    if twice := [name for name, n in Counter(given).items() if n > 1]:
        raise GankitError(f"{file} has two columns named {twice[0]!r}", "Rename one")
    if all(isinstance(name, int | float | datetime.date) for name in header if name is not None):
        shown = ", ".join(given[:4])
        findings.warn(f"the first row looks like data, not like column names ({shown})")
    marks = set(options.marks)
    for i, named in enumerate(header):
        values = [row[i] if i < len(row) else None for row in filled]
        name = "" if named is None else str(named).strip()
        if not name:
            if all(v is None for v in values):
                continue
            name = unnamed(i, given)
            findings.warn(
                f"column {i + 1} has no name and is called {name!r}. If it is of no use, leave it "
                f'out: drop=["{name}"]'
            )
        array, used = _column(name, values, marks, findings)
        columns[name] = array
        fields.append(pa.field(name, array.type, metadata=_marks(used, array.type)))
    if formulas:
        findings.warn(
            f"{formulas:,} cells have formulas without stored results and are missing. Open and "
            "save the file in a spreadsheet program"
        )
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _marks(used: Sequence[str], t: pa.DataType) -> dict[bytes, bytes] | None:
    return cells_metadata([*used, ""]) if used and pa.types.is_string(t) else None


def _cells(file: Path, wanted: str) -> tuple[list[tuple[Any, ...]], int, str, list[str]]:
    """The rows of a sheet, its formulas without results, its name, and the other sheets."""
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise GankitError(
            f"{file} needs openpyxl", "Install it: pip install 'gankit-tabular[excel]'"
        ) from None
    failures = (
        OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, SyntaxError,
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
        OverflowError, InvalidFileException,
    )  # fmt: skip
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        names = [sheet.title for sheet in book.worksheets]
        if not names:
            raise GankitError(f"{file} has no sheet with cells", "Check the file")
        name = _sheet(names, wanted)
        sheet = book[name]
        if hasattr(sheet, "reset_dimensions"):  # some programs store wrong ones
            sheet.reset_dimensions()
        rows = list(sheet.iter_rows(values_only=True))
        book.close()
        formulas = _formulas(openpyxl, file, name, rows)
    except GankitError:
        raise
    except failures as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line}", "Check the file") from None
    return rows, formulas, name, [n for n in names if n != name]


def _sheet(names: Sequence[str], wanted: str) -> str:
    """The sheet that a setting names, by name or number."""
    if not wanted:
        return names[0]
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise GankitError(f"sheet={wanted!r}: no such sheet", did_you_mean(wanted, list(names)))


def _formulas(openpyxl: Any, file: Path, name: str, rows: list[tuple[Any, ...]]) -> int:
    """Formulas whose results the file does not have."""
    if all(v is not None for row in rows for v in row):
        return 0
    with zipfile.ZipFile(file) as archive:
        texts = (archive.read(n) for n in archive.namelist() if "worksheets/" in n)
        if not any(b"<f" in text for text in texts):
            return 0
    book = openpyxl.load_workbook(file, read_only=True)
    sheet = book[name]
    sheet.reset_dimensions()
    count = 0
    for have, row in zip(rows, sheet.iter_rows(values_only=True), strict=False):
        for value, written in zip(have, row, strict=False):
            count += value is None and isinstance(written, str) and written.startswith("=")
    book.close()
    return count


def _column(
    name: str, values: list[Any], marks: set[str], findings: Findings
) -> tuple[pa.Array, list[str]]:
    """A column's values, and the texts among them that stand for missing ones."""
    used = list(dict.fromkeys(v for v in values if isinstance(v, str) and v in marks))
    bare = [None if isinstance(v, str) and v in marks else v for v in values]
    kinds = {_kind(v) for v in bare if v is not None}
    whole = kinds == {"number"} and all(
        v is None or (float(v).is_integer() and abs(v) < 2**53) for v in bare
    )
    if len(kinds) <= 1 and not used:
        if whole:
            bare = [None if v is None else int(v) for v in bare]
        if kinds == {"date"}:
            return _dates(bare), []
        if kinds == {"number"} and not whole:
            bare = [None if v is None else float(v) for v in bare]
        return (pa.array(bare) if kinds else pa.nulls(len(bare), pa.string())), []
    if len(kinds) > 1:
        findings.warn(
            f"column {name!r} has {' and '.join(f'{k}s' for k in sorted(kinds))}, and is read as "
            "texts"
        )
    return pa.array([None if v is None else _text(v) for v in values], pa.string()), used


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, datetime.date):  # datetimes too
        return "date"
    if isinstance(value, datetime.timedelta):
        return "duration"
    return "time" if isinstance(value, datetime.time) else "text"


def _dates(values: list[Any]) -> pa.Array:
    """Dates where all are at midnight, as spreadsheets store them; instants otherwise."""
    if all(
        v is None or not isinstance(v, datetime.datetime) or v.time() == datetime.time()
        for v in values
    ):
        days = [v.date() if isinstance(v, datetime.datetime) else v for v in values]
        return pa.array(days, pa.date32())
    full = [
        v if v is None or isinstance(v, datetime.datetime)
        else datetime.datetime.combine(v, datetime.time())
        for v in values
    ]  # fmt: skip
    return pa.array(full, pa.timestamp("us"))


def _text(value: Any) -> str:
    """A cell as a spreadsheet shows it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return str(value.date())
    return str(value)
