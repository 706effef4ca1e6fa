"""Tables as rows: CSV with any separator, with and without quotes, JSON, JSON lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError
from gankit.kit.row_tables import read_rows, text_of
from gankit.kit.tables import refuse_duplicate_columns
from gankit_audio.data.formats import suffix_of

if TYPE_CHECKING:
    from gankit_audio.data.manifests import Row

LINES = 20
"""Lines by which a separator is detected."""


def parsed(where: str, content: bytes) -> list[tuple[str, Row]]:
    """The rows of a table, each with its place.

    Args:
        where: for messages; the extension at its end determines the format.

    Raises:
        GankitError: not a table.
    """
    ending = suffix_of(where)
    if ending == ".json":
        return _json(where, content)
    if ending in (".jsonl", ".ndjson", ".parquet"):
        return list(read_rows(where if ending != ".ndjson" else f"{where}.jsonl", content))
    text = text_of(where, content)
    mark = separator(text, where)
    if mark == "|" or (ending == ".tsv" and '"' in text):
        return _unquoted(where, text, mark)
    return _quoted(where, text, mark)


def separator(text: str, name: str) -> str:
    """The separator: one that all of the first lines have equally often, or the most frequent."""
    if suffix_of(name) == ".tsv":
        return "\t"
    lines = [line for line in text.split("\n", LINES)[:LINES] if line.strip()]
    for mark in "|\t":  # rare in texts
        if lines and len({line.count(mark) for line in lines}) == 1 and mark in lines[0]:
            return mark
    return max(",", ";", "\t", "|", key=text.partition("\n")[0].count)


def _quoted(where: str, text: str, mark: str) -> list[tuple[str, Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows: list[tuple[str, Row]] = []
    try:
        columns = _columns(next(reader, []), where)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_row(where, f"line {reader.line_num}", columns, cells))
    except csv.Error as error:
        raise GankitError(f"{where}, line {reader.line_num}: {error}", "Fix that line") from None
    return rows


def _unquoted(where: str, text: str, mark: str) -> list[tuple[str, Row]]:
    """Rows of a table that may have single quotation marks in its cells. If it quotes whole cells,
    it is read with quotes."""
    lines = text.splitlines()
    cells = [cell for line in lines for cell in line.split(mark)]
    opened = [cell for cell in cells if cell.startswith('"')]
    if opened and all(cell.endswith('"') and len(cell) > 1 for cell in opened):
        return _quoted(where, text, mark)
    columns = _columns(lines[0].split(mark) if lines else [], where)
    return [
        _row(where, f"line {number}", columns, line.split(mark))
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]


def _columns(cells: Sequence[str], where: str) -> list[str]:
    columns = [cell.strip() or f"column {i}" for i, cell in enumerate(cells, start=1)]
    refuse_duplicate_columns(columns, where)
    return columns


def _row(where: str, at: str, columns: Sequence[str], cells: Sequence[str]) -> tuple[str, Row]:
    if len(cells) > len(columns):
        raise GankitError(
            f"{where}, {at}: {len(cells)} cells, {len(columns)} columns",
            "Quote cells that hold the separator",
        )
    return at, dict(zip(columns, cells, strict=False))


def _json(where: str, content: bytes) -> list[tuple[str, Row]]:
    """A list of objects, or an object of objects by name, as in NSynth."""
    try:
        found: Any = json.loads(text_of(where, content))
    except (ValueError, RecursionError) as error:
        raise GankitError(f"{where}: not JSON ({str(error)[:80]})", "Fix it") from None
    if isinstance(found, dict):
        rows = [{"name": k, **v} for k, v in found.items() if isinstance(v, dict)]
        return [(f"entry {i}", row) for i, row in enumerate(rows)]
    if isinstance(found, list):
        return [(f"entry {i}", row) for i, row in enumerate(found) if isinstance(row, dict)]
    return []
