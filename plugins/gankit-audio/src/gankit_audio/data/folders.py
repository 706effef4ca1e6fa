"""Recordings in a folder or a zip archive, with or without a manifest, and one recording alone.

Nothing is decoded here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError, ZipArchive
from gankit.kit.folders import class_folder, find_root, parent
from gankit_audio.data import manifests
from gankit_audio.data.files import Content, UnusableError
from gankit_audio.data.formats import SUFFIXES
from gankit_audio.data.listing import Entry, Listing
from gankit_audio.data.manifests import Row

MAX_MEMBER = 2**30
"""Largest file in an archive, in bytes, uncompressed: it is unpacked in memory."""


def is_audio(name: str) -> bool:
    """Whether a file has the extension of a sound file."""
    return name.lower().endswith(SUFFIXES)


def folder(root: Path, names: Sequence[str], audio_key: str) -> Listing:
    """The recordings of a folder.

    Args:
        names: the files below ``root``.
        audio_key: the setting.

    Raises:
        GankitError: a manifest cannot be read, or lists nothing.
    """

    def content(name: str) -> Content:
        return root / name

    def text(name: str) -> bytes:
        try:
            return (root / name).read_bytes()
        except OSError as error:
            raise GankitError(f"{root / name}: {error.strerror or error}") from None

    return _list("folder", root, names, content, text, audio_key)


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

    return _list("zip archive", path, opened.names, content, opened.read_required, audio_key)


def manifest(path: Path, audio_key: str) -> Listing:
    """The recordings that a CSV, TSV or JSONL file lists, by paths relative to it.

    Raises:
        GankitError: it cannot be read, or has no column of paths.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise GankitError(f"{path}: cannot be read ({error.strerror or error})") from None
    rows, issues = _rows(str(path), text, audio_key)
    names = [file.replace("\\", "/") for file, _ in rows]
    root, _ = find_root(names)
    entries = [
        Entry(name, partial(_path, path.parent / file), row, class_folder(name, root))
        for name, (file, row) in zip(names, rows, strict=True)
    ]
    return Listing("manifest", entries, issues)


def single(path: Path) -> Listing:
    """One recording."""
    return Listing("file", [Entry(path.name, partial(_path, path))])


def _list(
    kind: str,
    where: Path,
    names: Sequence[str],
    content: Callable[[str], Content],
    text: Callable[[str], bytes],
    audio_key: str,
) -> Listing:
    """The recordings among files, by name: those that manifests list, or all without one."""
    audio = [name for name in names if is_audio(name)]
    found_manifests = [name for name in names if manifests.is_manifest(name)]
    root, note = find_root(audio)
    audio = [name for name in audio if name.startswith(root)]
    found_manifests = [
        n for n in found_manifests if n.startswith(root) or root.startswith(parent(n))
    ]
    if not found_manifests:
        entries = [Entry(n, partial(content, n), {}, class_folder(n, root)) for n in audio]
        return Listing(kind + note, entries)

    parents = [parent(name) for name in found_manifests]
    twice = next((p for p in parents if parents.count(p) > 1), None)
    if twice is not None:
        several = ", ".join(n for n in found_manifests if parent(n) == twice)
        raise GankitError(f"{where}: several manifests: {several}", "Give one of them as the data")
    entries = []
    issues: list[Issue] = []
    for name in found_manifests:
        rows, unusable = _rows(f"{where}, {name}", text(name), audio_key)
        issues += unusable
        for file, row in rows:
            listed = posixpath.normpath(posixpath.join(parent(name), file.replace("\\", "/")))
            if listed.startswith(root):
                folder = class_folder(listed, root)
                entries.append(Entry(listed, partial(content, listed), row, folder))
    notes: list[Issue] = []
    if rest := len(set(audio) - {entry.name for entry in entries}):
        what = "recordings next to it are" if rest > 1 else "recording next to it is"
        notes.append(Issue(found_manifests[0], f"{rest:,} {what} not listed: skipped"))
    return Listing(f"{kind} with {found_manifests[0]}{note}", entries, issues, notes)


def _path(path: Path) -> Content:
    return path


def _rows(
    name: str, text: bytes, audio_key: str
) -> tuple[Sequence[tuple[str, Row]], Sequence[Issue]]:
    """The path in each row of a manifest, with the rest of the row."""
    found = manifests.rows(name, text)
    if not found:
        raise GankitError(f"{name}: no rows", "List one recording per row")
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
            issues.append(Issue(f"{name}, {where}", f"no path in column {column}"))
    return rows, issues
