"""Finds the tables that describe the recordings of a folder or an archive, whatever their names.

A table does so if one of its columns names recordings: by path, by file name, or by file name
without its extension. That covers Hugging Face's ``metadata.csv``, LJSpeech (no header, ``|``),
ESC-50, UrbanSound8K, Common Voice (a table for each split), NSynth (JSON by name) and others.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean
from gankit.kit.archives import UnreadableError
from gankit.kit.file_names import Names
from gankit.kit.folders import parent, printable
from gankit.kit.row_tables import text_of
from gankit.kit.splits import ALL, left_out_text, split_in, split_of
from gankit_audio.data.formats import suffix_of
from gankit_audio.data.row_splits import by_split
from gankit_audio.data.table_files import LINES, parsed, separator

if TYPE_CHECKING:
    from gankit.kit.trees import FileTree
    from gankit_audio.data.manifests import Row
    from gankit_audio.settings import AudioSettings

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".psv")
"""Extensions of tables."""
STEMS = ("metadata", "manifest", "labels")
"""Names of tables that describe the folder they are in: an error if they cannot be read. The first
one in a folder is used."""
AUDIO_KEYS = (
    *("audio", "file_name", "path", "file", "filename", "audio_filepath", "audio_path", "wav"),
    *("wav_path", "filepath", "file_path", "slice_file_name", "fname"),
)
"""Columns tried in this order for the audio if ``audio_key`` is auto, whatever they hold."""
MAYBE_KEYS = ("clip", "recording", "sound", "name", "id", "file_id", "utterance_id")
"""Columns tried next, if they name recordings; then any column that does."""
STATUSES = ("validated", "invalidated", "other", "reported")
"""Tables of Common Voice next to those of the splits, which have the same clips."""
MOST_TABLES = 64
"""Tables that are looked at, those of the upper folders first."""
LOOKED_AT = 50
"""Rows of a table by which it is recognised."""
PEEK = 2**18
"""Bytes of a table by which it is recognised."""


@dataclass(frozen=True)
class Listed:
    """What tables say about recordings.

    Attributes:
        rows: by the name of the recording, without the column that names it.
        files: names of the tables.
        issues: rows without a recording, or whose recording is missing.
        split: what was taken and left out, in words.
        taken: the split's name, for descriptions.
        notes: what else is worth saying, such as a missing header.
    """

    rows: dict[str, Row]
    files: Sequence[str]
    issues: Sequence[Issue] = ()
    split: str = ""
    taken: str = ""
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass
class Table:
    """A table, and the recordings that its rows are about."""

    name: str
    rows: Sequence[tuple[str, Row]]
    column: str
    headless: bool = False
    found: dict[str, Row] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


def read_tables(
    tree: FileTree,
    names: Sequence[str],
    sounds: Sequence[str],
    chosen: Sequence[str],
    settings: AudioSettings,
) -> Listed | None:
    """The tables that list recordings; None if there are none.

    Args:
        names: of all files.
        sounds: of the recordings, in all splits.
        chosen: of those in folders of the split that is used.

    Raises:
        GankitError: a table named as in ``STEMS`` cannot be read, has no column of recordings or
            no rows; there is no such split.
    """
    known, warnings = Names(sounds), []
    tables: list[Table] = []
    above = {name[:i] for name in {*map(parent, chosen)} for i in _cuts(name)}
    for name in _candidates(names):
        usual = _is_usual(name)
        if usual and parent(name) not in above:
            continue  # of another split
        if usual and any(_is_usual(t.name) and parent(t.name) == parent(name) for t in tables):
            warnings.append(f"{printable(name)}: ignored, since another table describes its folder")
            continue
        try:
            table = _read(tree, name, known, settings.audio_key, usual)
        except UnreadableError:
            continue  # which only other tables raise
        except GankitError:
            if usual or _mentions(tree, name, sounds):
                raise
            continue
        if table is not None:
            tables.append(table)
    tables, doubts = _without_partial(tables, {*chosen})
    if not tables:
        return Listed({}, (), warnings=doubts) if doubts else None
    warnings += doubts
    return _merged(tables, settings, str(tree.path), warnings)


def _candidates(names: Sequence[str]) -> list[str]:
    found = [n for n in names if suffix_of(n) in SUFFIXES and n.rpartition("/")[2] not in _NOT]
    order = [*STEMS]

    def rank(name: str) -> tuple[int, int, str]:
        stem = name.rpartition("/")[2].partition(".")[0].lower()
        return name.count("/"), order.index(stem) if stem in order else len(order), name

    usual = [name for name in found if _is_usual(name)]
    return sorted({*usual, *sorted(found, key=rank)[:MOST_TABLES]}, key=rank)


_NOT = ("provenance.json", "dataset.json", "run.toml")


def _without_partial(tables: Sequence[Table], sounds: set[str]) -> tuple[list[Table], list[str]]:
    """The tables without those that happen to name a few of the recordings."""
    if any(_is_usual(table.name) or _split(table.name) for table in tables):
        return [*tables], []
    covered = {sound for table in tables for sound in table.found} & sounds
    if 2 * len(covered) >= len(sounds):
        return [*tables], []
    return [], [
        f"{printable(table.name)} names {len(table.found):,} of {len(sounds):,} recordings: not "
        "used; give it as the data to train on these only"
        for table in tables
    ]


def _mentions(tree: FileTree, name: str, sounds: Sequence[str]) -> bool:
    """Whether a damaged table seems to be about the recordings."""
    try:
        content = tree.read(name)
    except UnreadableError:
        return False
    stems = (sound.rpartition("/")[2].rpartition(".")[0] for sound in sounds[:LOOKED_AT])
    return any(len(stem) > 4 and stem.encode("utf-8", "replace") in content for stem in stems)


def _cuts(folder: str) -> list[int]:
    """Where a folder's name may be cut to give one around it: ``a/b/`` at 0, 2 and 4."""
    return [0, *(i + 1 for i, char in enumerate(folder) if char == "/")]


def _is_usual(name: str) -> bool:
    stem, _, ending = name.rpartition("/")[2].lower().rpartition(".")
    return stem in STEMS and ending in ("csv", "tsv", "jsonl", "parquet")


def _read(tree: FileTree, name: str, known: Names, audio_key: str, usual: bool) -> Table | None:
    """A table, with the recordings that it lists; None if it lists none."""
    where = f"{tree.path}, {name}"
    if not usual and suffix_of(name) not in (".json", ".parquet"):
        with tree.open(name) as file:  # most tables next to sounds are something else
            head = file.read(PEEK)
        if len(head) == PEEK:
            head = head[: head.rfind(b"\n") + 1]
        if head and _recognised(where, head, name, known, audio_key) is None:
            return None
    content = tree.read_required(name)
    table = (
        read_one(where, content, name, known, audio_key)
        if usual
        else _recognised(where, content, name, known, audio_key)
    )
    if table is not None:
        _match(table, where, known)
    return table


def read_one(where: str, content: bytes, name: str, known: Names, audio_key: str) -> Table:
    """A table that is known to list recordings.

    Args:
        name: where it is among the recordings.
        known: the recordings.

    Raises:
        GankitError: it cannot be read, has no rows, or no column of recordings.
    """
    if (table := _recognised(where, content, name, known, audio_key)) is not None:
        return table
    rows = parsed(where, content)
    if not rows:
        raise GankitError(f"{where}: no rows", "List one recording per row")
    columns = list(dict.fromkeys(key for _, row in rows for key in row))
    return Table(name, rows, audio_column(where, columns, audio_key))


def headless_note(table: Table) -> str:
    """What to say about a table without a header; empty for others."""
    if not table.headless:
        return ""
    return f"{printable(table.name)} has no header; {table.column} names the recording"


def _recognised(
    where: str, content: bytes, name: str, known: Names, audio_key: str
) -> Table | None:
    if (cells := _headless(content, name, known)) is not None:
        return Table(name, *cells, headless=True)
    rows = parsed(where, content)
    column = _audio_column(rows, name, known, audio_key)
    return None if column is None else Table(name, rows, column)


def _audio_column(
    rows: Sequence[tuple[str, Row]], name: str, known: Names, audio_key: str
) -> str | None:
    """The column that names recordings, or None."""
    looked = [row for _, row in rows[:LOOKED_AT]]
    columns = list(dict.fromkeys(key for row in looked for key in row))
    if audio_key != "auto":
        columns = [audio_key] if audio_key in columns else []
    hits = {
        column: len({f for row in looked if (f := _found(row.get(column), name, known))})
        for column in columns
    }
    usual = [column for column in (*AUDIO_KEYS, *MAYBE_KEYS) if hits.get(column)]
    best = max(columns, key=lambda column: hits[column], default="")
    if usual and 2 * hits[usual[0]] >= hits[best]:
        return usual[0]
    return best if best and 2 * hits[best] >= len(looked) else None


def _found(cell: object, table: str, known: Names) -> str | None:
    text = file_text(cell)
    return known.find(parent(table), text) if text else None


def file_text(cell: object) -> str:
    """A cell as the name of a file: text, a number, or Hugging Face's ``{"path": …}``."""
    if isinstance(cell, dict):
        cell = cell.get("path")
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return cell.strip() if isinstance(cell, str) and "\0" not in cell else ""


def _match(table: Table, where: str, known: Names) -> None:
    """Finds the recording of each row."""
    missing = f"listed in {printable(table.name)}, but not there"
    for at, row in table.rows:
        text = file_text(row.get(table.column))
        if not text:
            table.issues.append(Issue(f"{where}, {at}", f"no path in column {table.column}"))
        elif (sound := known.find(parent(table.name), text)) is None:
            table.issues.append(Issue(printable(parent(table.name) + text), missing))
        else:
            table.found.setdefault(sound, {k: v for k, v in row.items() if k != table.column})


# --- Several tables, and splits -----------------------------------------------------------------


def _merged(
    tables: Sequence[Table], settings: AudioSettings, where: str, warnings: Sequence[str]
) -> Listed:
    splits = {t.name: _split(t.name) for t in tables if not _is_usual(t.name)}
    wanted = split_of(settings.split) or settings.split
    left_out: Counter[str] = Counter()
    doubts, taken, main = [*warnings], "", list(tables)
    if any(splits.values()) and wanted != ALL:
        kinds = [wanted, "validated", "validation", "test"] if wanted == "train" else [wanted]
        kind = next((k for k in kinds if k in splits.values()), None)
        if kind is None:
            there = ", ".join(sorted({s for s in splits.values() if s}))
            raise GankitError(f"{where}: no split {settings.split!r}", f"There are: {there}")
        main = [t for t in tables if splits.get(t.name) == kind or _is_usual(t.name)]
        taken = " and ".join(printable(t.name) for t in main)
        if kind != wanted:
            doubts.append(f"There is no table of the train part: {taken} is used")
        listed = {sound for table in main for sound in table.found}
        for table in tables:
            if table not in main and (rest := table.found.keys() - listed):
                left_out[printable(table.name)] = len(rest)
    rows: dict[str, Row] = {}
    for table in main:
        for sound, row in table.found.items():
            rows[sound] = {**rows.get(sound, {}), **row}
    used = [printable(table.name) for table in main]
    for table in tables:  # others may know more about the same recordings
        if table not in main and splits.get(table.name) is None:
            used.append(printable(table.name))
            for sound in table.found.keys() & rows.keys():
                rows[sound] = {**table.found[sound], **rows[sound]}
    rows, of_column = by_split(rows, settings.split, where)
    left_out.update(of_column)
    notes = [note for table in main if (note := headless_note(table))]
    split = "; ".join(filter(None, [taken, left_out_text(left_out, "recording")]))
    issues = [issue for table in main for issue in table.issues]
    return Listed(rows, used, issues, split, taken, notes, doubts)


def _split(name: str) -> str | None:
    stem = name.rpartition("/")[2].partition(".")[0].lower()
    return stem if stem in STATUSES else split_of(stem) or split_in(stem)


def _headless(content: bytes, name: str, known: Names) -> tuple[list[tuple[str, Row]], str] | None:
    """The rows of a table whose first line names a recording already, and the column that does."""
    if suffix_of(name) not in (".csv", ".tsv", ".psv"):
        return None
    try:
        lines = text_of(name, content).splitlines()
    except GankitError:
        return None
    first = lines[0] if lines else ""
    mark = separator("\n".join(lines[:LINES]), name)
    if mark == "|":
        split: Callable[[str], list[str]] = lambda line: line.split("|")  # noqa: E731
    else:
        split = lambda line: next(csv.reader([line], delimiter=mark), [])  # noqa: E731
    try:
        cells = split(first)
        at = next((i for i, c in enumerate(cells) if _found(c, name, known)), None)
        if at is None:
            return None
        second = split(next((line for line in lines[1:] if line.strip()), first))
        if len(second) <= at or not _found(second[at], name, known):
            return None
        rows: list[tuple[str, Row]] = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                found = {f"column {i}": cell for i, cell in enumerate(split(line), start=1)}
                rows.append((f"line {number}", found))
    except csv.Error:
        return None
    return rows, f"column {at + 1}"


def audio_column(name: str, columns: Sequence[str], audio_key: str) -> str:
    """The name of the audio column, by its name.

    Args:
        name: of the table, for messages.

    Raises:
        GankitError: there is none.
    """
    usual = AUDIO_KEYS if audio_key == "auto" else (audio_key,)
    found = next((key for key in usual if key in columns), None)
    if found is None:
        missing = "audio column" if audio_key == "auto" else f"column {audio_key!r}"
        near = did_you_mean(audio_key, list(columns))
        listed = ", ".join(columns) or "none"
        raise GankitError(f"{name} has no {missing}; it has {listed}", f"Set audio_key. {near}")
    return found
