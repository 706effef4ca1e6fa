"""The values of clips, from the columns of tables and from folders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError, did_you_mean
from gankit.kit.name_classes import name_prefix
from gankit.kit.tables import find_column
from gankit_audio.data.clips import LABEL, PITCH

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

LABEL_KEYS = (
    *("label", "labels", "class", "category", "class_name", "label_name", "genre", "species"),
    *("primary_label", "emotion", "instrument_family_str"),
)
"""Columns tried for the label by default."""
WRITTEN = ("file_name", "audio", "name", "rate", "seconds", "seed", "generated")
"""Columns that gankit writes besides a clip's values; a value of such a name gets a trailing
``_``."""
MARKERS = {"seed", "generated"}
"""Columns by which a manifest that gankit wrote is recognised."""

Row = Mapping[str, Any]


# --- Values -------------------------------------------------------------------------------------


def without_ours(rows: Sequence[Row], settings: AudioSettings) -> Sequence[Row]:
    """The rows of a table without the columns that gankit adds when writing, if it wrote it."""
    columns = {key for row in rows for key in row}
    if not columns >= MARKERS:
        return rows
    ours = {*WRITTEN} - {*settings.conditions, settings.label_key}
    return [{key: value for key, value in row.items() if key not in ours} for row in rows]


def is_made(row: Row) -> bool:
    """Whether a row of a table that gankit wrote is about a generated clip."""
    return row.keys() >= MARKERS and str(row["generated"]).lower() == "true"


def values_of(
    rows: Sequence[Row], names: Sequence[str], folders: Sequence[str | None],
    settings: AudioSettings,
) -> list[dict[str, str | float]]:  # fmt: skip
    """The values of every recording: its label, and the columns of its row.

    Columns in ``settings.conditions`` and ``pitch`` are numbers if all of their values are; other
    columns are text, and so is the label. Empty values are omitted.

    Args:
        rows: of each recording, without its audio.
        names: of each recording.
        folders: of each recording, if it is in one.

    Raises:
        GankitError: there is no column ``settings.label_key``.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    column = label_column(columns, settings)
    if column is None and settings.label_key != LABEL and settings.label == "auto":
        if not columns:
            raise GankitError(
                f"label_key={settings.label_key}: the data has no columns",
                "Labels come from folders, or with label=prefix from names",
            )
        raise GankitError(
            f"label_key={settings.label_key}: no such column; there are {', '.join(columns)}",
            did_you_mean(settings.label_key, columns),
        )
    labels = _labels(rows, names, folders, column, settings)
    numbers = {
        key
        for key in columns
        if key in {*settings.conditions, PITCH} - {LABEL, column} and _all_numbers(rows, key)
    }
    values: list[dict[str, str | float]] = []
    for row, label in zip(rows, labels, strict=True):
        named: dict[str, str | float] = {} if label is None else {LABEL: label}
        for key, value in row.items():
            text = text_of(value)
            if text is not None and key != LABEL:
                named[key] = float(text) if key in numbers else text
        values.append(named)
    return values


def label_column(columns: Sequence[str], settings: AudioSettings) -> str | None:
    """The column with the label, if there is one."""
    return find_column(columns, settings.label_key, LABEL, LABEL_KEYS)


def _labels(
    rows: Sequence[Row],
    names: Sequence[str],
    folders: Sequence[str | None],
    column: str | None,
    settings: AudioSettings,
) -> Sequence[str | None]:
    if settings.label == "none":
        return [None] * len(rows)
    if settings.label == "prefix":
        return [name_prefix(name) for name in names]
    if settings.label == "auto" and column is not None:
        return [text_of(row.get(column)) for row in rows]
    if settings.label == "folder" or len({f for f in folders if f is not None}) > 1:
        return folders
    return [None] * len(rows)


def text_of(value: object) -> str | None:
    """A cell as text, where ``3.0`` is 3; None if it is empty, NaN, or not a single value."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, bool | int) else None


def _all_numbers(rows: Sequence[Row], key: str) -> bool:
    texts = [text for row in rows if (text := text_of(row.get(key))) is not None]
    try:
        return bool(texts) and not any(math.isnan(float(text)) for text in texts)
    except ValueError:
        return False
