"""Where recordings lie: a folder, a zip archive, Parquet files, a manifest. Nothing is decoded."""

from __future__ import annotations

import bisect
import posixpath
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError, ZipArchive
from gankit.kit.folders import class_folder, find_root, parent
from gankit.kit.parquet import class_name, class_names, is_binary
from gankit_audio import manifests
from gankit_audio.files import SUFFIXES, Content, UnusableError
from gankit_audio.manifests import Row

MAX_MEMBER = 2**30
"""Largest file in an archive, in bytes, uncompressed: it is unpacked in memory."""


@dataclass(frozen=True)
class Entry:
    """A recording: what it is called, where it can be had, and what is said of it."""

    name: str
    content: Callable[[], Content]
    """Raises UnusableError or OSError."""
    row: Row = field(default_factory=dict)
    folder: str | None = None
    """The folder that could be its label."""
    file: str = ""
    """What its file was called, where its name does not say so."""


@dataclass(frozen=True)
class Listing:
    """The recordings of a container, and what the run's record should say of them."""

    kind: str
    entries: Sequence[Entry]
    issues: Sequence[Issue] = ()
    notes: Sequence[Issue] = ()
    """What was left out though nothing is wrong with it."""
    licence: str = ""


def is_audio(name: str) -> bool:
    """Whether a file of this name is looked at."""
    return name.lower().endswith(SUFFIXES)


# --- Folders and archives -----------------------------------------------------------------------


def folder(root: Path, names: Sequence[str], audio_key: str) -> Listing:
    """The recordings among ``names`` below ``root``; those of its manifests, where it has any."""

    def content(name: str) -> Content:
        return root / name

    def text(name: str) -> bytes:
        try:
            return (root / name).read_bytes()
        except OSError as error:
            raise GankitError(f"{root / name}: {error.strerror or error}") from None

    return _listed("folder", root, names, content, text, audio_key)


def archive(path: Path, audio_key: str) -> Listing:
    """The recordings of a zip archive.

    Raises:
        GankitError: not an archive, or one that would unpack to more than the limits.
    """
    opened = ZipArchive(path, MAX_MEMBER)

    def content(name: str) -> bytes:
        try:
            return opened.read(name)
        except UnreadableError as error:
            raise UnusableError(str(error)) from None

    return _listed("zip archive", path, opened.names, content, opened.read_required, audio_key)


def _listed(
    kind: str,
    where: Path,
    names: Sequence[str],
    content: Callable[[str], Content],
    text: Callable[[str], bytes],
    audio_key: str,
) -> Listing:
    """Recordings by name. Manifests say what belongs to the data set; without any, all does."""
    audio = [name for name in names if is_audio(name)]
    described = [name for name in names if manifests.is_manifest(name)]
    top, note = find_root(audio)
    audio = [name for name in audio if name.startswith(top)]
    described = [n for n in described if n.startswith(top) or top.startswith(parent(n))]
    if not described:
        entries = [Entry(n, partial(content, n), {}, class_folder(n, top)) for n in audio]
        return Listing(kind + note, entries)

    parents = [parent(name) for name in described]
    twice = next((p for p in parents if parents.count(p) > 1), None)
    if twice is not None:
        several = ", ".join(n for n in described if parent(n) == twice)
        raise GankitError(f"{where}: several manifests: {several}", "Give one of them as the data")
    found: list[Entry] = []
    issues: list[Issue] = []
    for manifest in described:
        rows, bad = _rows(f"{where}, {manifest}", text(manifest), audio_key)
        issues += bad
        for file, row in rows:
            name = posixpath.normpath(posixpath.join(parent(manifest), file.replace("\\", "/")))
            if name.startswith(top):
                found.append(Entry(name, partial(content, name), row, class_folder(name, top)))
    notes: list[Issue] = []
    if rest := len(set(audio) - {entry.name for entry in found}):
        what = "recordings beside it are" if rest > 1 else "recording beside it is"
        notes.append(Issue(described[0], f"{rest:,} {what} not listed, and left out"))
    return Listing(f"{kind} with {described[0]}{note}", found, issues, notes)


# --- Manifests ----------------------------------------------------------------------------------


def manifest(path: Path, audio_key: str) -> Listing:
    """The recordings that a CSV, TSV or JSONL file names, by paths relative to it.

    Raises:
        GankitError: it cannot be read, or has no column of paths.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise GankitError(f"{path}: cannot be read ({error.strerror or error})") from None
    rows, issues = _rows(str(path), text, audio_key)
    tops = [file.replace("\\", "/") for file, _ in rows]
    top, _ = find_root(tops)
    entries = [
        Entry(name, partial(_file, path.parent / file), row, class_folder(name, top))
        for name, (file, row) in zip(tops, rows, strict=True)
    ]
    return Listing("manifest", entries, issues)


def single(path: Path) -> Listing:
    """One recording."""
    return Listing("file", [Entry(path.name, partial(_file, path))])


def _file(path: Path) -> Content:
    return path


def _rows(
    name: str, text: bytes, audio_key: str
) -> tuple[Sequence[tuple[str, Row]], Sequence[Issue]]:
    """The path in each row, with the rest of the row."""
    found = manifests.rows(name, text)
    if not found:
        raise GankitError(f"{name}: no rows", "Name a recording in each")
    columns = list(dict.fromkeys(key for _, row in found for key in row))
    column = manifests.audio_column(name, columns, audio_key)
    rows: list[tuple[str, Row]] = []
    issues: list[Issue] = []
    for where, row in found:
        value = row.get(column)
        file = value.get("path") if isinstance(value, dict) else value
        if isinstance(file, str) and file.strip() and "\0" not in file:
            rows.append((file.strip(), {k: v for k, v in row.items() if k != column}))
        else:
            issues.append(Issue(f"{name}, {where}", f"names no file under {column}"))
    return rows, issues


# --- Parquet ------------------------------------------------------------------------------------


def parquet(paths: Sequence[Path], audio_key: str, label_key: str) -> Listing:
    """The rows of Parquet files in the Hugging Face layout.

    The audio column is a struct ``{bytes, path}``, plain binary, or paths relative to the file.
    Integers take the names of their class from the schema's metadata (Hugging Face's ClassLabel;
    for the label, also ``classes``). Encoded audio is read by row groups, as it is looked at.

    Raises:
        GankitError: no Parquet file, or no audio column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    for path in paths:
        try:
            file = pq.ParquetFile(path)
            schema = file.schema_arrow
            audio = manifests.audio_column(str(path), schema.names, audio_key)
            if not _holds_audio(schema.field(audio).type):
                raise GankitError(
                    f"{path}: column {audio!r} holds {schema.field(audio).type}, not sound files",
                    "Expected binary, a struct with the field bytes, or paths",
                )
            plain = [f.name for f in schema if f.name != audio and not pa.types.is_nested(f.type)]
            if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
                raise GankitError(f"{path} has two columns named {twice[0]!r}", "Rename one")
            rows = file.read(columns=plain).to_pylist()
            called = _paths(file, audio)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise GankitError(f"{path}: not a readable Parquet file ({reason})") from None
        if not plain:
            rows = [{}] * file.metadata.num_rows
        names = {
            key: found
            for key in plain
            if (found := class_names(schema.metadata, key, is_label=key == label_key))
        }
        groups = _Groups(path, file, audio)
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(
                f"{prefix}row {i}",
                partial(groups.content, i),
                {key: class_name(value, names.get(key, ())) for key, value in row.items()},
                file=called[i] or "",
            )
            for i, row in enumerate(rows)
        ]
    return Listing("Parquet" + (f" in {len(paths)} files" if len(paths) > 1 else ""), entries)


class _Groups:
    """Rows of a Parquet file's audio column. Two row groups are kept: threads that go through the
    file in order stand on either side of a border for a while.
    """

    def __init__(self, path: Path, file: Any, column: str) -> None:
        self._path, self._file, self._column = path, file, column
        self._ends = [0]
        for group in range(file.metadata.num_row_groups):
            self._ends.append(self._ends[-1] + file.metadata.row_group(group).num_rows)
        self._held: dict[int, Any] = {}
        self._lock = threading.Lock()

    def content(self, row: int) -> Content:
        import pyarrow as pa

        group = bisect.bisect_right(self._ends, row) - 1
        with self._lock:
            if group not in self._held:
                while len(self._held) > 1:
                    del self._held[min(self._held)]
                try:
                    read = self._file.read_row_group(group, columns=[self._column])
                except (pa.ArrowException, OSError) as error:
                    reason = str(error).splitlines()[0]
                    raise UnusableError(f"cannot be read ({reason})") from None
                self._held[group] = read[self._column]
            value = self._held[group][row - self._ends[group]].as_py()
        if isinstance(value, str):
            value = {"path": value}
        elif not isinstance(value, dict):
            value = {"bytes": value}
        data, path = value.get("bytes"), value.get("path")
        if data is not None:
            return bytes(data)
        if path is None:
            raise UnusableError("no audio in this row")
        return self._path.parent / str(path)


def _paths(file: Any, column: str) -> Sequence[str | None]:
    """What the file of each row was called, where the audio column says so."""
    import pyarrow as pa

    kind = file.schema_arrow.field(column).type
    if not pa.types.is_struct(kind) or not any(f.name == "path" for f in kind):
        return [None] * int(file.metadata.num_rows)
    cells = file.read(columns=[f"{column}.path"])[column].to_pylist()
    return [None if cell is None else cell["path"] for cell in cells]


def _holds_audio(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(f.name in ("bytes", "path") and _holds_audio(f.type) for f in kind)
    return any(
        is_kind(kind)
        for is_kind in (
            is_binary,
            types.is_string,
            types.is_large_string,
            types.is_string_view,
        )
    )
