"""Tables that describe the files next to them: labels and other values, by file.

- Hugging Face's ``metadata.csv``, ``.tsv``, ``.jsonl`` and ``.parquet``, and ``labels`` with the
  same endings: a column ``file_name`` (or a usual name for it) and any others;
- StyleGAN's ``dataset.json``: ``{"labels": [["00000/img0.png", 6], …]}``, with classes or vectors,
  or ``null`` where there are no labels;
- tables of other names, such as ``train.csv``, that list at least half of the files;
- WebDataset's companions: ``0001.cls``, ``0001.json``, ``0001.txt`` next to ``0001.jpg``.

Names of files are compared as they are, then without regard to ``./``, backslashes, URL escapes,
Unicode normalisation, upper case, the folder and the ending, as far as that is unambiguous.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.companions import read_companions
from gankit.kit.file_names import Names
from gankit.kit.folders import parent, printable
from gankit.kit.listings import by_content
from gankit.kit.row_tables import (
    ENDINGS,
    Row,
    by_file,
    clean,
    file_column,
    is_label,
    is_vector,
    read_rows,
    text_of,
)  # fmt: skip
from gankit.kit.splits import ALL, split_column, split_of

STEMS = ("metadata", "labels")
"""Names of tables that describe the files next to them, without the ending; the first is used."""
STYLEGAN = "dataset.json"
MOST_VALUES = 4096
"""Most different values of a column that are kept to recognise splits by."""


@dataclass(frozen=True)
class Sidecars:
    """What tables say about the files of a data set.

    Attributes:
        kind: ``table``, ``stylegan`` or ``webdataset``.
        files: names of the tables.
        rows: by the name of the file as it is in the data set; the column with the file is left
            out. StyleGAN's labels, and WebDataset's classes, are in the column ``label``.
        columns: all columns of the rows.
        labelled: False where the table says that there are no labels: folders are no classes then.
        missing: names that are listed, but not there.
        unlisted: number of files that are there, but not listed.
        excluded: files of the split that is used by folder, but not by a column of splits.
        split: what was taken by a column of splits, or empty.
        left_out: number of files of other splits, by split.
        warnings: one sentence each.
    """

    kind: str
    files: Sequence[str]
    rows: Mapping[str, Row]
    columns: Sequence[str]
    labelled: bool = True
    missing: Sequence[str] = ()
    unlisted: int = 0
    excluded: Collection[str] = ()
    split: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def issues(self) -> list[Issue]:
        """An entry for each file that is listed but not there."""
        reason = f"listed in {self.source}, but not there"
        return [Issue(printable(name), reason) for name in self.missing]

    @property
    def source(self) -> str:
        """The tables' names for messages."""
        shown = ", ".join(map(printable, self.files[:3]))
        return shown + (f" and {len(self.files) - 3:,} more" if len(self.files) > 3 else "")


def is_sidecar(name: str, stems: Collection[str] = STEMS) -> bool:
    """Whether a file describes those next to it, by its name."""
    base = name.rpartition("/")[2].lower()
    stem, dot, ending = base.rpartition(".")
    return base == STYLEGAN or (stem in stems and dot + ending in ENDINGS)


def read_sidecars(
    names: Sequence[str],
    files: Sequence[str],
    read: Callable[[str], bytes],
    *,
    where: object,
    chosen: Collection[str] | None = None,
    stems: Sequence[str] = STEMS,
    file_key: str = "",
    split: str = "train",
) -> Sidecars | None:
    """Reads the tables that describe a data set's files.

    Args:
        names: of everything in the data set.
        files: of its items, in all splits.
        read: gives a file's content, or raises GankitError.
        where: the data set, for messages.
        chosen: the items of the split that is used; tables of other folders are not read.
        stems: names of tables, the preferred first.
        file_key: the column with the file, if it has no usual name.
        split: what is taken where a column has splits.

    Returns:
        None without such tables.

    Raises:
        GankitError: one of them cannot be read; the message has its name and line.
    """
    used = list(files if chosen is None else chosen)
    folders = {parent(name) for name in used}
    above = {f[:i] for f in folders for i in _cuts(f)}
    tables = [n for n in names if parent(n) in above and is_sidecar(n, stems)]
    if not tables and (found := _webdataset(names, used, read, where, split)) is not None:
        return found
    if not tables and stems:
        tables = by_content([n for n in names if parent(n) in above], files, used, read, file_key)
    if not tables:
        return None
    merge = _Merge(files, set(used), where)
    for folder in sorted({parent(name) for name in tables}):
        merge.add_first(
            sorted((n for n in tables if parent(n) == folder), key=lambda n: _order(n, stems)),
            read,
            file_key,
        )
    if not merge.files:
        if merge.warnings:
            return Sidecars("table", (), {}, (), warnings=merge.warnings)
        return None
    return merge.result(split)


def _webdataset(
    names: Sequence[str],
    used: Sequence[str],
    read: Callable[[str], bytes],
    where: object,
    split: str,
) -> Sidecars | None:
    """The values in WebDataset's companions.

    Raises:
        GankitError: one of them cannot be read.
    """
    found = read_companions(names, used, read, where)
    if found is None:
        return None
    rows, endings = found
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    if not columns:
        return None
    taken = _take(rows, columns, split, where)
    return Sidecars(
        "webdataset", [f"*{ending}" for ending in endings], taken.rows, columns,
        unlisted=len(used) - len(rows), split=taken.split, left_out=taken.left_out,
        warnings=taken.warnings,
    )  # fmt: skip


def _cuts(folder: str) -> Iterator[int]:
    """Where a folder's name with those around it may be cut: ``a/b/`` at 0, 2 and 4."""
    yield 0
    for i, char in enumerate(folder):
        if char == "/":
            yield i + 1


def _order(name: str, stems: Sequence[str]) -> tuple[int, int]:
    base = name.rpartition("/")[2].lower()
    if base == STYLEGAN:
        return len(stems), 0
    stem, _, ending = base.rpartition(".")
    usual = list(stems).index(stem) if stem in stems else len(stems)
    return usual, ENDINGS.index(f".{ending}")


class _Merge:
    """Rows of several tables, by the file that they describe."""

    def __init__(self, files: Sequence[str], used: set[str], where: object) -> None:
        self._names, self._used, self._where = Names(files), used, where
        self.files: list[str] = []
        self.warnings: list[str] = []
        self.rows: dict[str, Row] = {}
        self.missing: list[str] = []
        self.kinds: set[str] = set()
        self.labelled = False

    def add_first(self, tables: Sequence[str], read: Callable[[str], bytes], file_key: str) -> None:
        """Adds the first of a folder's tables that lists files."""
        for i, name in enumerate(tables):
            table = f"{self._where}, {printable(name)}"
            if name.lower().endswith(STYLEGAN):
                found = _stylegan(table, read(name))
                if found is None:
                    self.warnings.append(f"{printable(name)} has no StyleGAN labels: ignored")
                    continue
                self._add(name, "stylegan", found)
            else:
                rows = list(read_rows(table, read(name)))
                column = file_column([row for _, row in rows], file_key)
                if column is None:
                    self.warnings.append(
                        f"{printable(name)} has no column with names of files, such as file_name: "
                        "ignored"
                    )
                    continue
                self._add(name, "table", by_file(table, rows, column))
            if rest := tables[i + 1 :]:
                self.warnings.append(
                    f"{', '.join(map(printable, rest))}: ignored, since {printable(name)} "
                    "describes the same folder; remove one of them"
                )
            return

    def _add(self, name: str, kind: str, found: Sequence[tuple[str, Row]] | bool) -> None:
        self.files.append(name)
        self.kinds.add(kind)
        if found is False:
            return
        assert not isinstance(found, bool)
        self.labelled = True
        twice = 0
        mine: dict[str, Row] = {}
        for file, row in found:
            there = self._names.find(parent(name), file)
            if there is None:
                self.missing.append(parent(name) + file)
            elif there in mine:
                twice += mine[there] != row
            else:
                mine[there] = row
        if twice:
            self.warnings.append(
                f"{printable(name)} lists {twice:,} file{'s' if twice > 1 else ''} more than once "
                "with different values: the first row is used"
            )
        for file, row in mine.items():
            self.rows[file] = {**self.rows.get(file, {}), **row}

    def result(self, split: str) -> Sidecars:
        columns = list(dict.fromkeys(key for row in self.rows.values() for key in row))
        listed = len(self._used & self.rows.keys())
        warnings = [*self.warnings]
        if self.labelled and self.missing and not listed:
            example = printable(self.missing[0])
            warnings.append(
                f"None of the {len(self.missing):,} files listed in "
                f"{', '.join(map(printable, self.files[:3]))} is there, such as {example}: "
                "check the names"
            )
        taken = _take(self.rows, columns, split, self._where)
        return Sidecars(
            "stylegan" if self.kinds == {"stylegan"} else "table",
            self.files,
            {name: row for name, row in taken.rows.items() if name in self._used},
            columns,
            self.labelled,
            self.missing,
            len(self._used) - listed,
            self._used & (self.rows.keys() - taken.rows.keys()),
            taken.split,
            taken.left_out,
            [*warnings, *taken.warnings],
        )


@dataclass(frozen=True)
class _Taken:
    """The rows of one split."""

    rows: Mapping[str, Row]
    split: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def _values(rows: Collection[Row], columns: Sequence[str]) -> dict[str, Collection[object]]:
    found: dict[str, set[object]] = {column: set() for column in columns}
    for row in rows:
        for column, value in row.items():
            if len(found[column]) < MOST_VALUES:
                found[column].add(value if isinstance(value, str) or value is None else str(value))
    return dict(found)


def _take(rows: Mapping[str, Row], columns: Sequence[str], split: str, where: object) -> _Taken:
    """The rows of one split, where a column has splits.

    Raises:
        GankitError: there is no such split.
    """
    column = split_column(columns, _values(rows.values(), columns))
    if column is None or split == ALL:
        return _Taken(rows)
    wanted = split_of(split) or split
    of = {n: str(row[column]).strip() for n, row in rows.items() if row.get(column) is not None}
    of = {name: value for name, value in of.items() if value}
    kept = {name: row for name, row in rows.items() if split_of(of.get(name, "")) == wanted}
    if not kept:
        there = sorted(set(of.values()))
        if split != "train":
            raise GankitError(
                f"{where}: no split {split!r} in the column {column}",
                f"There are: {', '.join(there[:8])}",
            )
        doubt = f"The column {column} has no train part: all rows are used"
        return _Taken(rows, warnings=[doubt])
    left_out = Counter(of.get(name, "without a split") for name in rows if name not in kept)
    return _Taken(kept, f"{of[next(iter(kept))]} (column {column})", left_out)


# --- StyleGAN -------------------------------------------------------------------------------------


def _stylegan(table: str, content: bytes) -> Sequence[tuple[str, Row]] | bool | None:
    """StyleGAN's labels by file; False where it says that there are none, None where this is
    another file of the same name.

    Raises:
        GankitError: damaged.
    """
    hint = 'Expected {"labels": [["00000/img00000000.png", 6], …]} or {"labels": null}'
    try:
        found = json.loads(text_of(table, content))
    except (ValueError, RecursionError) as error:
        raise GankitError(f"{table}: not JSON ({printable(str(error)[:80])})", hint) from None
    if not isinstance(found, dict) or "labels" not in found:
        return None
    labels = found["labels"]
    if not labels and (labels is None or isinstance(labels, (list, dict))):
        return False
    if isinstance(labels, dict):
        labels = list(labels.items())
    if not isinstance(labels, list):
        raise GankitError(f"{table}: labels is not a list", hint)
    rows: list[tuple[str, Row]] = []
    for i, entry in enumerate(labels):
        pair = isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[0], str)
        if not pair or not (entry[1] is None or is_label(entry[1]) or is_vector(entry[1])):
            quoted = printable(json.dumps(entry)[:60])
            raise GankitError(f"{table}: entry {i} of labels is {quoted}", hint)
        rows.append((entry[0], {"label": clean(entry[1])}))
    lengths = {len(row["label"]) for _, row in rows if isinstance(row["label"], list)}
    if len(lengths) > 1:
        raise GankitError(
            f"{table}: vectors of {min(lengths)} to {max(lengths)} numbers as labels",
            "All must have the same length",
        )
    return rows
