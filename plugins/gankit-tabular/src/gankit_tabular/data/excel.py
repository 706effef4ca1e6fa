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

from gankit.contract import Doubt
from gankit.errors import GankitError, did_you_mean
from gankit.kit.splits import split_of
from gankit_tabular.data.dialect import unnamed
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.formats.columns import cells_metadata

LOOKED_AT = 50
"""Rows in which the column names are looked for."""


def read_excel(file: Path, options: ReadOptions, findings: Findings) -> pa.Table:
    """A sheet of a workbook; its first row that is not empty has the names.

    Columns without a name keep their place: they get one where they have values, and are left out
    where they are empty. Dates, numbers and booleans keep their types; a column of several types
    is one of texts.

    Raises:
        GankitError: no workbook, sheet or names.
    """
    rows, sheet, others = _cells(file, options, findings)
    facts = findings.facts
    facts["format"] = "Excel"
    facts["sheet"] = sheet + (f"; not read: {', '.join(others)}" if others else "")
    if others and not options.sheet and "split" not in facts:
        findings.warn(
            f"the workbook has {len(others) + 1} sheets, of which {sheet!r} is read. Choose one "
            f'with sheet="{others[0]}"'
        )
    start = _header(rows)
    if start is None:
        raise GankitError(f"{file}: sheet {sheet!r} is empty", "Choose another: sheet=NAME")
    if before := [str(v) for row in rows[:start] for v in row if v is not None]:
        above = f"row {start + 1} has the column names; the rows above it are left out"
        findings.warn(Doubt(f"{above} ({', '.join(before)[:60]!r})", above))
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
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _header(rows: Sequence[tuple[Any, ...]]) -> int | None:
    """The row with the names: the first one, but for titles above the table, which fill only a
    cell or two; None if all are empty."""
    filled = [sum(v is not None for v in row) for row in rows[:LOOKED_AT]]
    first = next((i for i, n in enumerate(filled) if n), None)
    if first is None:
        return next((i for i, row in enumerate(rows) if any(v is not None for v in row)), None)
    most = max(filled)
    wide = next(i for i, n in enumerate(filled) if n > most / 2)
    named = all(isinstance(v, str) for v in rows[wide] if v is not None)
    titles = all(n <= 2 for n in filled[first:wide])
    return wide if most > 2 and titles and named else first


def _marks(used: Sequence[str], t: pa.DataType) -> dict[bytes, bytes] | None:
    return cells_metadata([*used, ""]) if used and pa.types.is_string(t) else None


def _cells(
    file: Path, options: ReadOptions, findings: Findings
) -> tuple[list[tuple[Any, ...]], str, list[str]]:
    """The rows of a sheet, its name, and the other sheets."""
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
        for name in _sheets(names, options, findings):
            sheet = book[name]
            if hasattr(sheet, "reset_dimensions"):  # some programs store wrong ones
                sheet.reset_dimensions()
            rows = list(sheet.iter_rows(values_only=True))
            if any(v is not None for row in rows for v in row):
                break
        book.close()
        _check_sheet(openpyxl, file, name, rows, findings)
    except GankitError:
        raise
    except failures as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line}", "Check the file") from None
    return rows, name, [n for n in names if n != name]


def _sheets(names: Sequence[str], options: ReadOptions, findings: Findings) -> list[str]:
    """The sheets to try: the one of a setting or of the split, or else each until one has cells."""
    if options.sheet:
        return [_sheet(names, options.sheet)]
    splits = {name: kind for name in names if (kind := split_of(name))}
    wanted = next((name for name, kind in splits.items() if kind == options.split), None)
    if wanted is None:
        return list(names)
    if len(splits) > 1:
        rest = ", ".join(name for name in splits if name != wanted)
        findings.facts["split"] = f"{wanted}; {rest} left out"
    return [wanted]


def _sheet(names: Sequence[str], wanted: str) -> str:
    """The sheet that a setting names, by name or number."""
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise GankitError(f"sheet={wanted!r}: no such sheet", did_you_mean(wanted, list(names)))


def _check_sheet(
    openpyxl: Any, file: Path, name: str, rows: list[tuple[Any, ...]], findings: Findings
) -> None:
    """Warns of merged cells, and of formulas whose results the file does not have."""
    if all(v is not None for row in rows for v in row):
        return
    with zipfile.ZipFile(file) as archive:
        texts = [archive.read(n) for n in archive.namelist() if "worksheets/" in n]
    formulas, merged = (any(tag in text for text in texts) for tag in (b"<f", b"<mergeCell "))
    if not formulas and not merged:
        return
    book = openpyxl.load_workbook(file)
    sheet = book[name]
    missing = sum(
        have is None and isinstance(written, str) and written.startswith("=")
        for values, cells in zip(rows, sheet.iter_rows(values_only=True), strict=False)
        for have, written in zip(values, cells, strict=False)
    )
    if missing:
        findings.warn(
            f"{missing:,} cells have formulas without stored results and are missing. Open and "
            "save the file in a spreadsheet program"
        )
    if areas := sheet.merged_cells.ranges:
        first = min(areas, key=lambda area: (area.min_row, area.min_col))
        several = "1 area" if len(areas) == 1 else f"{len(areas):,} areas"
        findings.warn(
            f"{several} of merged cells, such as {first.coord}: the value is that of the first "
            "cell, and the others are missing. Separate the cells and fill them in"
        )
    book.close()


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
        findings.warn(_mixed(name, [v for v in bare if v is not None]))
    return pa.array([None if v is None else _text(v) for v in values], pa.string()), used


def _mixed(name: str, values: Sequence[Any]) -> str:
    """A doubt about a column of several types: one text among numbers is mostly an accident."""
    counts = Counter(_kind(v) for v in values).most_common()
    shown = " and ".join(f"{n:,} {kind}{'s' if n > 1 else ''}" for kind, n in counts)
    rare, n = min(counts, key=lambda count: (count[1], count[0] != "text"))
    first = str(next(v for v in values if _kind(v) == rare))
    has = f"column {name!r} has {shown}"
    found = f"{has}, such as {first[:30]!r}, and is read as text"
    if rare == "text" and n <= len(values) / 2:
        found += f'. If it stands for a missing value, set na_values=["{first[:30]}"]'
    return Doubt(found, f"{has}, and is read as text")


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
