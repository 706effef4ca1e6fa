"""Finding and reading the data: a file, a folder or an archive of files, or an object in memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gankit.contract import Issue, Progress
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError, is_archive
from gankit.kit.discovery import count_endings
from gankit.kit.folders import no_such_path, printable, skip
from gankit.kit.own_output import doubt, is_generated_file, is_record
from gankit.kit.row_tables import read_rows
from gankit.kit.splits import take_split
from gankit.kit.trees import FileTree, Folder, open_file, open_tree, usable
from gankit_text.data.items import Text
from gankit_text.data.memory import items_of, rows_of
from gankit_text.data.plain import decoded, items_in, unit_of
from gankit_text.data.rows import Columns, Row, columns_of, normal, texts_in
from gankit_text.settings import TextSettings

PLAIN = (".txt", ".text")
TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PACKED: dict[str, Any] = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
ENDINGS = tuple(f"{ending}{packed}" for ending in (*PLAIN, *TABLES) for packed in ("", *PACKED))
READS = (
    f"Reads {', '.join((*PLAIN, *TABLES))}, also as .gz, .bz2, .xz; folders and archives of them"
)
BUILT_IN = Path(__file__).parents[1] / "builtin" / "definitions.jsonl.gz"
LICENCE = "WordNet 3.1, Princeton University: free for any purpose with its notice"
MOST_BYTES = 2**31
"""Largest file that is read."""
SHORT = 600
"""Characters of a file in a folder of many, on average, up to which each is one item."""


@dataclass(frozen=True)
class Found:
    """What a source holds.

    Attributes:
        places: of each item, for messages.
        where: the source, for messages.
        name: the source, for the description.
        issues: entries that are no usable texts.
        notes: files that were left out.
        generated: whether gankit wrote it.
        unit: what is an item of plain text; empty for tables.
    """

    items: list[Text]
    places: Sequence[str]
    where: str
    name: str
    issues: Sequence[Issue] = ()
    notes: Sequence[Issue] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    licence: str = ""
    generated: bool = False
    unit: str = ""


def from_source(source: object | None, settings: TextSettings, progress: Progress) -> Found:
    """The texts of a source, of any length.

    Raises:
        GankitError: there is no such path, or nothing that can be read.
    """
    if source is None:
        own = replace(settings, column="auto", label="none" if settings.label == "none" else "kind")
        found = _file(BUILT_IN.name, BUILT_IN.read_bytes(), own, "the built-in data")
        return replace(found, name="built-in definitions", licence=LICENCE)
    if not isinstance(source, (str, Path)):
        name = f"a {type(source).__name__} in memory"
        if (items := items_of(source)) is not None:
            return Found(items, [f"item {i}" for i in range(len(items))], "the data", name)
        return _table(rows_of(source), settings, "the data", name)
    path = Path(source).expanduser()
    if not path.exists():
        raise no_such_path(path)
    if path.is_dir() or is_archive(path.name):
        return _tree(open_tree(path, MOST_BYTES), settings, progress)
    if not path.name.lower().endswith(ENDINGS):
        kind = path.suffix or "such"
        raise GankitError(f"{path}: no texts can be read from {kind} files", READS)
    try:
        with open_file(path) as file:
            content = file.read()
    except UnreadableError as error:
        raise GankitError(f"{path}: {error}", "Check the file") from None
    found = _file(path.name, content, settings, str(path))
    if is_generated_file(path):
        found = replace(found, generated=True, warnings=[doubt(path), *found.warnings])
    return found


# --- One file -----------------------------------------------------------------------------------


def _file(name: str, content: bytes, settings: TextSettings, where: str) -> Found:
    """The texts of one file.

    Raises:
        GankitError: it is damaged, no text, or has no column of texts.
    """
    content, plain_name = _unpacked(name, content, where)
    short = Path(where).name if where != "the built-in data" else where
    if not content.strip():
        raise GankitError(f"{where}: an empty file", READS)
    if plain_name.endswith(PLAIN):
        text = decoded(content, where, settings.encoding)
        cut = unit_of(text)
        unit = cut.unit if settings.unit == "auto" else settings.unit
        said = f"{unit} ({cut.why})" if settings.unit == "auto" else unit
        pairs = list(items_in(text, unit))
        return Found(
            [Text(normal(item)) for _, item in pairs],
            [place or "the file" for place, _ in pairs],
            where,
            short,
            facts={"unit": said},
            unit=unit,
        )
    rows = _rows(plain_name, content, settings, where)
    return _table(rows, settings, where, short)


def _rows(name: str, content: bytes, settings: TextSettings, where: str) -> list[tuple[str, Row]]:
    if name.endswith(".ndjson"):
        name = name.removesuffix(".ndjson") + ".jsonl"
    if not name.endswith(".parquet"):
        content = decoded(content, where, settings.encoding).encode("utf-8", "surrogatepass")
    try:
        return list(read_rows(where if where.endswith(name) else name, content))
    except UnicodeDecodeError:
        raise GankitError(f"{where}: not {settings.encoding}", "Set encoding=…") from None


def _unpacked(name: str, content: bytes, where: str) -> tuple[bytes, str]:
    """A file's content without compression, and its name in lower case without the ending of it."""
    lower = name.lower()
    for ending, unpack in PACKED.items():
        if lower.endswith(ending):
            try:
                return unpack(content), lower.removesuffix(ending)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise GankitError(
                    f"{where}: damaged or cut off ({printable(str(error))})", "Get the file again"
                ) from None
    return content, lower


def _table(rows: Sequence[tuple[str, Row]], settings: TextSettings, where: str, name: str) -> Found:
    if not rows:
        raise GankitError(f"{where}: no rows there", READS)
    columns = columns_of([row for _, row in rows], settings, where)
    items, places, issues = texts_in(rows, columns)
    made = any(row.get("generated") in (True, "true", "True") for _, row in rows)
    return Found(items, places, where, name, issues, facts=_facts(columns), generated=made)


def _facts(columns: Columns) -> dict[str, str]:
    facts = dict(columns.notes)
    if columns.values:
        facts["numbers"] = ", ".join(columns.values)
    return facts


# --- Folders and archives -----------------------------------------------------------------------


def _tree(tree: FileTree | Folder, settings: TextSettings, progress: Progress) -> Found:
    """Plain texts, whose folders may be classes; or tables of one kind, where there are any."""
    where = str(tree.path)
    ours = usable(tree, ENDINGS)
    names = [n for n in ours.names if n.lower().endswith(ENDINGS) and not is_record(n)]
    tables = [n for n in names if not _is_plain(n)]
    plain = [n for n in names if _is_plain(n)]
    wanted = tables if tables and len(tables) >= len(plain) else plain
    if not wanted:
        others = count_endings(list(ours.names))
        raise GankitError(
            f"{where}: no files of text" + (f" but {others}" if others else ""), READS
        )
    chosen = take_split(wanted, settings.split, where=where, by_file_name=bool(tables))
    notes = list(ours.issues)
    contents: list[tuple[str, str | None, bytes]] = []
    for i, name in enumerate(chosen.names):
        progress("reading texts", i, len(chosen.names))
        try:
            contents.append((name, chosen.folders[i], tree.read(name)))
        except UnreadableError as error:
            notes.append(skip(Issue(printable(name), str(error)), where, settings.strict))
    facts = {"split": chosen.fact} if chosen.fact else {}
    rest = [name for name in ours.names if name not in set(wanted) and not is_record(name)]
    if others := count_endings(rest):
        facts["other files"] = f"{others}: not read"
    read = _tables if wanted is tables else _plain_files
    found = read(contents, settings, where)
    return replace(
        found,
        name=Path(where).name,
        notes=notes,
        facts={**facts, **found.facts},
        warnings=[*ours.warnings, *chosen.warnings, *found.warnings],
        generated=ours.generated or found.generated,
    )


def _is_plain(name: str) -> bool:
    return name.lower().endswith(tuple(e + p for e in PLAIN for p in ("", *PACKED)))


def _tables(
    contents: Sequence[tuple[str, str | None, bytes]], settings: TextSettings, where: str
) -> Found:
    rows: list[tuple[str, Row]] = []
    for name, _, content in contents:
        content, plain_name = _unpacked(name, content, f"{where}/{name}")
        found = _rows(plain_name, content, settings, f"{where}/{name}")
        rows += ((f"{name} {place}" if len(contents) > 1 else place, row) for place, row in found)
    return _table(rows, settings, where, where)


def _plain_files(
    contents: Sequence[tuple[str, str | None, bytes]], settings: TextSettings, where: str
) -> Found:
    """Files of plain text. Each is one item where there are several and they are short; their
    folders are classes where there are several."""
    texts: list[tuple[str, str | None, str]] = []
    issues: list[Issue] = []
    for name, folder, content in contents:
        try:
            content, _ = _unpacked(name, content, name)
            texts.append((name, folder, decoded(content, name, settings.encoding)))
        except GankitError as error:
            if len(contents) == 1:
                raise
            reason = error.message.removeprefix(name).lstrip(":, ")
            issues.append(skip(Issue(printable(name), reason), where, settings.strict))
    why = ""
    unit: str = settings.unit
    if unit == "auto":
        unit, why = _unit_of_files([text for *_, text in texts])
    folders = Counter(folder for _, folder, _ in texts if folder is not None)
    labelled = settings.label != "none" and len(folders) > 1
    items, places = [], []
    for name, folder, text in texts:
        if labelled and folder is None:
            issues.append(Issue(printable(name), "in no folder, which are the classes; label=none"))
            continue
        if not text.strip():
            issues.append(Issue(printable(name), "an empty file"))
        for place, item in items_in(text, unit):
            items.append(Text(normal(item), folder if labelled else None))
            places.append(f"{name} {place}".strip())
    facts = {"unit": f"{unit} ({why})" if why else unit}
    if labelled:
        facts["labels"] = f"the folders, {len(folders):,} classes"
    elif len(folders) > 1:
        facts["labels"] = "none: label=none"
    return Found(items, places, where, where, issues, facts=facts, unit=unit)


def _unit_of_files(texts: Sequence[str]) -> tuple[str, str]:
    size = sum(map(len, texts)) / max(len(texts), 1)
    if len(texts) > 1 and size <= SHORT:
        return "file", f"{len(texts):,} short files"
    cut = unit_of("\n\n".join(texts))
    return cut.unit, cut.why
