"""Tables beside the audio: CSV, TSV and JSON lines, and what their columns say of a clip."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError, did_you_mean
from gankit_audio.data.clips import LABEL, PITCH

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

MANIFESTS = (".csv", ".tsv", ".jsonl")
"""Endings of manifests."""
STEMS = ("metadata", "manifest")
"""What a manifest is called that belongs to the folder in which it lies."""
AUDIO_KEYS = ("audio", "file_name", "path", "file", "filename")
"""Columns tried in this order for the audio, where the user has set no other."""
LABEL_KEYS = ("label", "labels", "class", "category")
"""Likewise for the label."""
OURS = ("file_name", "audio", "name", "rate", "seconds", "seed", "generated")
"""Columns beside a clip's values; a value of such a name is written with ``_`` after it."""
MARKS = {"seed", "generated"}
"""Columns that tell a manifest of gankit's own writing."""

Row = Mapping[str, Any]


def is_manifest(name: str) -> bool:
    """Whether a file of this name says what the folder holds."""
    stem, dot, ending = name.rpartition("/")[2].rpartition(".")
    return stem.lower() in STEMS and (dot + ending).lower() in MANIFESTS


def rows(name: str, text: bytes) -> list[tuple[str, Row]]:
    """The rows of a manifest, each with where it stands.

    Args:
        name: what messages call it; its ending says what it is.

    Raises:
        GankitError: not UTF-8, or no table.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GankitError(
            f"{name}: not UTF-8 ({error.reason} at byte {error.start})", "Save it as UTF-8"
        ) from None
    read = _json_lines if name.lower().endswith(".jsonl") else _separated
    return list(read(name, decoded))


def _json_lines(name: str, text: str) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise GankitError(f"{name}, line {number}: not a JSON object", "Write one a line")
        yield f"line {number}", row


def _separated(name: str, text: str) -> Iterator[tuple[str, Row]]:
    head = text.partition("\n")[0]
    comma = max(",", ";", "\t", key=head.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter="\t" if name.lower().endswith(".tsv") else comma
    )
    try:
        columns = [column.strip() for column in next(reader, [])]
        if twice := sorted({column for column in columns if columns.count(column) > 1}):
            raise GankitError(f"{name} has two columns named {twice[0]!r}", "Rename one")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns):
                raise GankitError(
                    f"{name}, line {reader.line_num}: {len(cells)} cells, {len(columns)} columns",
                    "Quote cells that hold the separator",
                )
            yield f"line {reader.line_num}", dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise GankitError(f"{name}, line {reader.line_num}: {error}", "Mend the line") from None


def audio_column(name: str, columns: Sequence[str], audio_key: str) -> str:
    """The column that has the audio.

    Args:
        name: what has the columns.

    Raises:
        GankitError: there is none.
    """
    found = _pick(columns, audio_key, "auto", AUDIO_KEYS)
    if found is None:
        asked = "column with the audio" if audio_key == "auto" else f"column {audio_key!r}"
        near = did_you_mean(audio_key, list(columns))
        listed = ", ".join(columns) or "none"
        raise GankitError(f"{name} has no {asked}; it has {listed}", f"Set audio_key. {near}")
    return found


def _pick(columns: Sequence[str], key: str, untouched: str, usual: Sequence[str]) -> str | None:
    if key in columns:
        return key
    if key == untouched:
        return next((name for name in usual if name in columns), None)
    return None


# --- What a clip's values are -------------------------------------------------------------------


def told(
    given: Sequence[Row], names: Sequence[str], folders: Sequence[str | None],
    settings: AudioSettings,
) -> list[dict[str, str | float]]:  # fmt: skip
    """The values of every recording: its label, and what its row says.

    Columns named in ``settings.conditions``, and ``pitch``, are numbers where every value that is
    there is one; all else is text. The label is always text. What is empty is left out, and so are
    the columns that gankit itself adds when it writes.

    Args:
        given: a row for each recording, without its audio.
        names: what the recordings are called.
        folders: the folder that each lies in, where it lies in one.

    Raises:
        GankitError: there is no column ``settings.label_key``.
    """
    columns = list(dict.fromkeys(key for row in given for key in row))
    if MARKS.issubset(columns):  # gankit wrote this: what it says of a file is no value of the clip
        ours = {*OURS} - {*settings.conditions, settings.label_key}
        given = [{key: value for key, value in row.items() if key not in ours} for row in given]
        columns = [key for key in columns if key not in ours]
    column = _pick(columns, settings.label_key, LABEL, LABEL_KEYS)
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
    labels = _labels(given, names, folders, column, settings)
    quantities = {
        key
        for key in columns
        if key in {*settings.conditions, PITCH} - {LABEL, column} and _all_numbers(given, key)
    }
    values: list[dict[str, str | float]] = []
    for row, label in zip(given, labels, strict=True):
        named: dict[str, str | float] = {} if label is None else {LABEL: label}
        for key, value in row.items():
            text = text_of(value)
            if text is not None and key != LABEL:
                named[key] = float(text) if key in quantities else text
        values.append(named)
    return values


def _labels(
    given: Sequence[Row],
    names: Sequence[str],
    folders: Sequence[str | None],
    column: str | None,
    settings: AudioSettings,
) -> Sequence[str | None]:
    if settings.label == "none":
        return [None] * len(given)
    if settings.label == "prefix":
        return [_prefix(name) for name in names]
    if settings.label == "auto" and column is not None:
        return [text_of(row.get(column)) for row in given]
    if settings.label == "folder" or len({f for f in folders if f is not None}) > 1:
        return folders
    return [None] * len(given)


def _prefix(name: str) -> str:
    stem = name.rpartition("/")[2].rpartition(".")[0] or name
    return stem.replace("-", "_").partition("_")[0] or stem


def text_of(value: object) -> str | None:
    """A cell as text: ``3.0`` is 3; None for what is empty, not a number, or no single value."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, bool | int) else None


def _all_numbers(given: Sequence[Row], key: str) -> bool:
    texts = [text for row in given if (text := text_of(row.get(key))) is not None]
    try:
        return bool(texts) and not any(math.isnan(float(text)) for text in texts)
    except ValueError:
        return False
