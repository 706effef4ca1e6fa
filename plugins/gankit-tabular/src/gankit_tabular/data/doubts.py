"""What may be wrong in a table as it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Doubt
from gankit.kit.splits import split_column
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.dialect import DELIMITERS, NAMES
from gankit_tabular.data.rows import Rows
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats
from gankit_tabular.formats.others import TextFormat
from gankit_tabular.formats.times import TimeFormat

NUMBER = r"^\s*[-+(]?\s?\p{Sc}?\s?-?\d[\d.,]*(?:[eE][-+]?\d+)?\s?\p{Sc}?%?\)?\s*$"
DATE = r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d\d.*)?$"
MOST_OTHERS = 5
"""Distinct values that may be accidents in a column of numbers."""
FEWEST = 10
"""Distinct numbers of such a column."""
DOUBT_ROWS = 100_000
"""Rows in which doubtful columns are looked for."""


def doubts(table: pa.Table, formats: Mapping[str, Format]) -> dict[str, str]:
    """Doubts about columns by their name, and about the table by an empty one.

    Args:
        formats: of the columns that have one.
    """
    found: dict[str, str] = {}
    if text := one_column_doubt(table):
        found[""] = text
    for name, column in zip(table.column_names, table.columns, strict=True):
        form = formats.get(name)
        if isinstance(form, TimeFormat) and form.ambiguous:
            found[name] = (
                f"the dates in {name!r} fit day/month and month/day alike, and are read as "
                f"{form.pattern.replace('-', '')}. If that is wrong, write them as 2024-01-31"
            )
        elif is_text(column.type) and (form is None or isinstance(form, TextFormat)):
            marks = () if form is None else form.marks
            if text := _nearly(name, column, marks):
                found[name] = text
    if n := _empty_rows(table):
        rows = "1 row has" if n == 1 else f"{n:,} rows have"
        found.setdefault("", f"{rows} no values at all. If they are not data, remove them")
    few = {
        c: pc.unique(table[c].slice(0, 10_000))
        for c in table.column_names
        if is_text(table[c].type)
    }
    values = {
        c: few[c].to_pylist() if c in few and len(few[c]) < 9 else [] for c in table.column_names
    }
    name = split_column(table.column_names, values)
    if name is not None and len(set(values[name])) > 1:
        shown = ", ".join(sorted(str(v) for v in values[name]))
        found[name] = (
            f"column {name!r} names splits ({shown}), and all rows are read. To train on one of "
            "them, give a file that has only its rows"
        )
    return found


def row_doubts(rows: Rows, warnings: Sequence[str]) -> list[str]:
    """What may have been read wrongly, but for columns of which the reader has warned."""
    table = rows.table.slice(0, DOUBT_ROWS)
    found = doubts(table, column_formats(table, {}))
    return [
        text
        for name, text in found.items()
        if not any(w.startswith(f"column {name!r} has") for w in warnings)
    ]


def _nearly(name: str, column: pa.ChunkedArray, marks: tuple[str, ...]) -> str:
    """A doubt about a column of texts of which nearly all are numbers or dates."""
    first = pc.unique(column.slice(0, 1000))
    if not pc.any(pc.match_substring_regex(first, f"{NUMBER}|{DATE}")).as_py():
        return ""
    counted = pc.value_counts(column.drop_null()).flatten()
    texts, counts = counted[0], counted[1]
    known = pc.invert(pc.is_in(texts, value_set=pa.array([*marks, ""], texts.type)))
    texts, counts = texts.filter(known), counts.filter(known)
    for what, pattern in (("numbers", NUMBER), ("dates", DATE)):
        fits = pc.match_substring_regex(texts, pattern)
        n, total = (pc.sum(c).as_py() or 0 for c in (counts.filter(fits), counts))
        others = texts.filter(pc.invert(fits)).to_pylist()
        usual = len(texts) - len(others)
        if usual >= FEWEST and 0 < len(others) <= MOST_OTHERS and n >= 0.9 * total:
            rest = total - n
            values = f"{rest:,} other {'value' if rest == 1 else 'values'}"
            found = f"column {name!r} has {n:,} {what} and {values}"
            shown = ", ".join(repr(t[:20]) for t in others)
            return Doubt(
                f"{found} ({shown}), and is read as text. If missing values are meant, set "
                f'na_values=["{others[0][:20]}"]; otherwise correct them',
                f"{found}, and is read as text",
            )
    return ""


def _empty_rows(table: pa.Table) -> int:
    """The number of rows without any value."""
    if table.num_columns < 2:
        return 0
    empty = (
        pc.or_kleene(pc.is_null(c), pc.equal(c, "")) if is_text(c.type) else pc.is_null(c)
        for c in table.columns
    )
    return pc.sum(reduce(pc.and_, empty)).as_py() or 0


def one_column_doubt(table: pa.Table) -> str:
    """A doubt about a table of one column whose cells contain delimiters; may be empty."""
    if table.num_columns != 1 or not is_text(table.schema.field(0).type) or not len(table):
        return ""
    name, texts = table.column_names[0], table.column(0)
    for other in DELIMITERS:
        share = pc.mean(pc.match_substring(texts, other).cast(pa.int8())).as_py() or 0
        if share > 0.5:
            setting = "\\t" if other == "\t" else other
            return (
                f"there is one column, {name!r}, and its cells contain the character "
                f"{NAMES[other]}. If it separates columns, set delimiter='{setting}'"
            )
    return ""
