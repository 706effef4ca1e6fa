"""Rows of tables as texts: which column is what, and what cannot be used."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import encodable
from gankit.kit.row_tables import LABEL_COLUMNS, label_text
from gankit_text.data.items import Text
from gankit_text.recognising import NAMES, WORDS
from gankit_text.settings import TextSettings

LABELS = (
    *LABEL_COLUMNS,
    "sentiment",
    "intent",
    "topic",
    "genre",
    "kind",
    "mood",
    "emotion",
    "language",
)
"""Usual names of a column of classes."""
WRITTEN = ("seed", "generated")
"""Columns that gankit adds; they are no data."""
REPEATED = 0.5
"""The share of distinct values below which a column may be one of classes."""
LOOKED_AT = 2_000
"""Rows by which columns are chosen."""

Row = Mapping[str, object]


@dataclass(frozen=True)
class Columns:
    """Which column is what; empty where there is none."""

    text: str = "text"
    label: str = ""
    pair: str = ""
    values: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    """About the choice, for the data set's facts."""


def columns_of(rows: Sequence[Row], settings: TextSettings, where: str) -> Columns:
    """The columns of a table.

    Raises:
        GankitError: there is none of texts, or none of a name in the settings.
    """
    names = list(dict.fromkeys(key for row in rows for key in row))
    some = rows[:: max(len(rows) // LOOKED_AT, 1)]
    text = _text_column(names, some, settings, where)
    pair = _named(settings.pair, names, "pair", where) if settings.pair else ""
    values = tuple(_named(name, names, "conditions", where) for name in settings.conditions)
    label, why = _label_column(names, rows, settings, where, {text, pair, *values})
    notes = {"text": f"column {text!r}" + (f" paired with {pair!r}" if pair else "")}
    if why:
        notes["labels"] = why
    rest = [name for name in names if name not in {text, pair, label, *values, *WRITTEN}]
    if rest:
        shown = ", ".join(rest[:8]) + (", …" if len(rest) > 8 else "")
        notes["other columns"] = f"not conditioned on: {shown}"
    return Columns(text, label, pair, values, notes)


def _named(name: str, names: Sequence[str], key: str, where: str) -> str:
    if name not in names:
        raise GankitError(f"{key}={name}: {where} has no such column", did_you_mean(name, [*names]))
    return name


def _text_column(
    names: Sequence[str], some: Sequence[Row], settings: TextSettings, where: str
) -> str:
    if settings.column != "auto":
        return _named(settings.column, names, "column", where)
    found = {name: [v for row in some if isinstance(v := row.get(name), str)] for name in names}
    found = {n: cells for n, cells in found.items() if cells and n not in (settings.pair, *WRITTEN)}
    lower = {name.strip().lower(): name for name in reversed(found)}
    if (usual := next((lower[name] for name in NAMES if name in lower), None)) is not None:
        return usual
    found = {name: cells for name, cells in found.items() if any(c.strip() for c in cells)}
    words = {name: sum(len(c.split()) for c in cells) / len(cells) for name, cells in found.items()}
    long = [name for name in words if words[name] >= WORDS]
    if long or len(words) == 1:
        return max(long or words, key=words.__getitem__)
    hint = f"Name it: column={next(iter(names), 'NAME')}"
    raise GankitError(f"{where}: no column of texts among {', '.join(names[:8])}", hint)


def _label_column(
    names: Sequence[str],
    rows: Sequence[Row],
    settings: TextSettings,
    where: str,
    taken: set[str],
) -> tuple[str, str]:
    """The column of classes, and a note on it."""
    if settings.label == "none":
        return "", "none: label=none"
    if settings.label != "auto":
        name = _named(settings.label, names, "label", where)
        counts = _classes(rows, name)
        if counts and len(counts) > 1 and max(counts.values()) == 1:
            raise GankitError(
                f"label={name}: each of the {len(counts):,} classes of {where} has one text",
                "Name a column whose values repeat, or set label=none",
            )
        return name, f"column {name!r}, {_many(len(counts))}"
    lower = {name.strip().lower(): name for name in reversed(names) if name not in taken}
    for usual in LABELS:
        name = lower.get(usual, "")
        counts = _classes(rows, name) if name else Counter[str]()
        if not counts:
            continue
        if len(counts) > max(REPEATED * counts.total(), 1):
            return "", f"none: column {name!r} has {_many(len(counts))}, too many to be classes"
        return name, f"column {name!r}, {_many(len(counts))}"
    return "", ""


def _classes(rows: Sequence[Row], name: str) -> Counter[str]:
    found = (label_text(row.get(name)) for row in rows)
    return Counter(label for label in found if label is not None)


def _many(count: int) -> str:
    return "1 class" if count == 1 else f"{count:,} classes"


def normal(text: str) -> str:
    """Unicode's normalization form C, in which equal texts are equal; nothing else is altered."""
    return unicodedata.normalize("NFC", encodable(text))


def text_of(row: Row, columns: Columns, keep: bool = True) -> Text | str:
    """A row as an item, or why it is none."""
    cell = row.get(columns.text)
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return f"no text in the column {columns.text!r}"
    text = cell if isinstance(cell, str) else label_text(cell)
    if text is None:
        return f"no text in the column {columns.text!r} but {type(cell).__name__}"
    if not text.strip():
        return "an empty text"
    second = row.get(columns.pair) if columns.pair else None
    if columns.pair and not (isinstance(second, str) and second.strip()):
        return f"no text in the column {columns.pair!r}"
    label = label_text(row.get(columns.label)) if columns.label else None
    if columns.label and label is None:
        return f"no class in the column {columns.label!r}; label=none uses such texts"
    values = {}
    for name in columns.values:
        number = _number(row.get(name))
        if number is None:
            return f"no number in the column {name!r}"
        values[name] = number
    return Text(
        normal(text),
        label,
        values,
        normal(second) if isinstance(second, str) else None,
        dict(row) if keep else None,
    )


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def texts_in(
    rows: Sequence[tuple[str, Row]], columns: Columns
) -> tuple[list[Text], list[str], list[Issue]]:
    """The items of rows with their places, and the rows that cannot be used."""
    items, places, issues = [], [], []
    for place, row in rows:
        found = text_of(row, columns)
        if isinstance(found, str):
            issues.append(Issue(place, found))
        else:
            items.append(found)
            places.append(place)
    return items, places, issues
