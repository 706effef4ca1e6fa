"""Rows of files: lists of formulas and tables, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gankit.errors import GankitError, did_you_mean
from gankit.kit.row_tables import read_rows, text_of
from gankit_material.data.formulas import FormulaError, parse

LINES, TABLES = (".txt", ".formulas"), (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
READS = (
    f"Reads {', '.join((*LINES, *TABLES, '.cif'))}, each also as .gz, and folders of them; a zip "
    "of CIFs"
)
LARGEST = 2**31
"""Bytes of a file, unpacked."""
COLUMNS = (
    "formula", "reduced_formula", "pretty_formula", "formula_pretty", "composition",
    "chemical_formula", "full_formula", "compound", "material",
)  # fmt: skip
"""Usual names of the column of formulas, in the order in which they are tried."""
LOOKED_AT = 200
"""Cells by which a column is judged."""
ENOUGH = 0.8
"""The share of them that are formulas, in a column of any name."""


@dataclass(frozen=True)
class Entry:
    """One row that should be a material."""

    location: str
    text: str
    row: dict[str, Any] = field(default_factory=dict)
    """The whole row as it was read, with the formula."""


@dataclass(frozen=True)
class Rows:
    """The rows of a file."""

    entries: Sequence[Entry]
    facts: dict[str, str]
    warnings: Sequence[str] = ()


def kind_of(path: Path) -> str:
    """The ending that says how to read a file, without ``.gz``."""
    return (Path(path.stem) if path.suffix.lower() in PACKED else path).suffix.lower()


def content_of(path: Path) -> bytes:
    """A file's content, unpacked.

    Raises:
        GankitError: it cannot be read, is damaged, or is too large.
    """
    opener: Any = PACKED.get(path.suffix.lower(), open)
    try:
        with opener(path, "rb") as file:
            content: bytes = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        why = getattr(error, "strerror", None) or error
        raise GankitError(f"{path}: cannot be read ({why})", "Check the file") from None
    if len(content) > LARGEST:
        raise GankitError(f"{path}: more than {LARGEST >> 30} GiB", "Split it, or use Parquet")
    return content


def rows_of_file(path: Path, column: str) -> Rows:
    """The rows of a list or a table.

    Args:
        column: of formulas; ``auto`` finds it.

    Raises:
        GankitError: the file cannot be read, or has no column of formulas.
    """
    content, kind = content_of(path), kind_of(path)
    if kind in LINES or (kind in (".csv", ".tsv") and _is_list(path, content)):
        return _lines(path, content)
    name = str(path)[: -len(path.suffix)] if path.suffix.lower() in PACKED else str(path)
    if kind == ".ndjson":
        name = name[: -len(kind)] + ".jsonl"
    if kind == ".json":
        found = list(_objects(str(path), content))
    else:
        found = [(place, dict(row)) for place, row in read_rows(name, content)]
    return rows_of_table(found, str(path), path.name, column)


def _objects(where: str, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON file: a list of them, or gankit's own with ``materials``.

    Raises:
        GankitError: it is neither.
    """
    try:
        value = json.loads(text_of(where, content))
    except (ValueError, RecursionError) as error:
        raise GankitError(f"{where}: not readable JSON ({error})", "Fix the file") from None
    if isinstance(value, dict):
        value = value.get("materials")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise GankitError(
            f"{where}: not a list of objects", 'Write [{"formula": "NaCl", "gap": 5.0}, …]'
        )
    for i, row in enumerate(value):
        yield f"object {i}", row


def rows_of_table(
    found: Sequence[tuple[str, dict[str, Any]]], where: str, name: str, column: str
) -> Rows:
    """The entries of a table's rows.

    Args:
        where: for messages.
        name: before each row's place.

    Raises:
        GankitError: it has no rows, or no column of formulas.
    """
    if not found:
        raise GankitError(f"{where}: a table without rows", READS)
    columns = list(dict.fromkeys(key for _, row in found for key in row))
    chosen, how = column_of_formulas(columns, [row for _, row in found], where, column)
    entries = [
        Entry(f"{name}, {place}", "" if (cell := row.get(chosen)) is None else str(cell), row)
        for place, row in found
    ]
    return Rows(entries, {"formulas": f"column {chosen!r}{how}"})


def _is_list(path: Path, content: bytes) -> bool:
    """Whether the first lines of a file called a table are formulas alone, without a header."""
    lines = [line.strip() for line in text_of(str(path), content[:4096]).splitlines()[:5] if line]
    return bool(lines) and is_formula(lines[0]) and all(map(is_formula, lines[:-1]))


def _lines(path: Path, content: bytes) -> Rows:
    """One formula a line; what follows a tab, a semicolon or a comma is a table's."""
    text = text_of(str(path), content)
    lines = [
        (f"line {i}", line.strip())
        for i, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if lines and any(mark in lines[0][1] for mark in ",;\t") and not is_formula(lines[0][1]):
        found = [(place, dict(row)) for place, row in read_rows(f"{path}.csv", content)]
        return rows_of_table(found, str(path), path.name, "auto")
    header = {}
    if lines and lines[0][1].lower() in COLUMNS:
        header = {"header": f"{lines[0][0]}, {lines[0][1]!r}"}
        lines = lines[1:]
    entries = [Entry(f"{path.name}, {at}", line, {"formula": line}) for at, line in lines]
    return Rows(entries, {"format": "one formula per line", **header})


def column_of_formulas(
    columns: Sequence[str], rows: Sequence[dict[str, Any]], where: str, column: str
) -> tuple[str, str]:
    """The column of formulas, and how it was found where that is not by the setting.

    Raises:
        GankitError: there is none, or none of the name that was given.
    """
    if column != "auto":
        if column not in columns:
            raise GankitError(
                f"{where}: column={column}: there is no such column",
                did_you_mean(column, list(columns)),
            )
        return column, ", as set"
    lower = {name.strip().lower().replace(" ", "_"): name for name in reversed(columns)}
    for usual in COLUMNS:
        if usual in lower and share_of_formulas(_cells(rows, lower[usual])) > 0:
            return lower[usual], ", by its name"
    for name in columns:
        cells = _cells(rows, name)
        if any(len(c) > 2 for c in cells) and share_of_formulas(cells) >= ENOUGH:
            return name, ", by its cells"
    names = ", ".join(map(repr, columns[:8])) + (", …" if len(columns) > 8 else "")
    raise GankitError(
        f"{where}: no column of formulas among {names}", "Name it: column=NAME, or add a header"
    )


def _cells(rows: Iterable[dict[str, Any]], name: str) -> list[str]:
    cells = []
    for row in rows:
        if isinstance(cell := row.get(name), str) and cell.strip():
            cells.append(cell)
            if len(cells) == LOOKED_AT:
                break
    return cells


def share_of_formulas(cells: Sequence[str]) -> float:
    """The share of texts that are formulas."""
    return sum(map(is_formula, cells)) / len(cells) if cells else 0.0


def is_formula(text: str) -> bool:
    """Whether a text can be parsed as a formula."""
    try:
        parse(text)
    except FormulaError:
        return False
    return True
