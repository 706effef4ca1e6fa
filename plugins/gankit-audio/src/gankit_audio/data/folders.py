"""Where recordings lie: a folder, a zip archive, Parquet files, a manifest. Nothing is decoded."""

from __future__ import annotations

import os
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit_audio.data import manifests
from gankit_audio.data.files import SUFFIXES, Content, UnusableError
from gankit_audio.data.listing import Entry, Listing
from gankit_audio.data.manifests import Row

MAX_MEMBER = 2**30
"""Largest file in an archive, in bytes, uncompressed: it is unpacked in memory."""
MAX_ARCHIVE = 256 * 2**30
"""Largest archive, in bytes, uncompressed."""
MAX_MEMBERS = 5_000_000
"""Most files in an archive."""

_SPLITS = {"train", "training", "test", "val", "valid", "validation", "eval"}


def is_audio(name: str) -> bool:
    """Whether a file of this name is looked at."""
    return name.lower().endswith(SUFFIXES)


# --- Folders and archives -----------------------------------------------------------------------


def walk(root: Path) -> Iterator[str]:
    """Names of the files below a folder, sorted, with slashes; hidden ones are left out."""
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder above
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if _visible(name))
        for name in sorted(files):
            if _visible(name):
                yield (Path(folder) / name).relative_to(root).as_posix()


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
    """The recordings of a zip archive, read in memory: nothing is unpacked to disk.

    Raises:
        GankitError: no archive, or one that would unpack to more than the limits.
    """
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise GankitError(
            f"{path}: not a readable zip archive ({error})", "Pack it again"
        ) from None
    members = {
        member.filename: member
        for member in opened.infolist()
        if not member.is_dir() and all(map(_visible, member.filename.split("/")))
    }
    total = sum(member.file_size for member in members.values())
    if len(members) > MAX_MEMBERS or total > MAX_ARCHIVE:
        raise GankitError(
            f"{path}: refused, it would unpack to {len(members):,} files and {total:,} bytes",
            f"The limits are {MAX_MEMBERS:,} files and {MAX_ARCHIVE:,} bytes; unpack it yourself",
        )

    def content(name: str) -> bytes:
        if name not in members:
            raise UnusableError("no such file in the archive")
        return _member(opened, members[name])

    def text(name: str) -> bytes:
        try:
            return content(name)
        except UnusableError as error:
            raise GankitError(f"{path}, {name}: {error}", "Pack the archive again") from None

    return _listed("zip archive", path, sorted(members), content, text, audio_key)


def _member(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    too_large = f"unpacks to more than {MAX_MEMBER:,} bytes"
    if member.file_size > MAX_MEMBER:
        raise UnusableError(too_large)
    try:
        with opened.open(member) as file:
            data = file.read(MAX_MEMBER + 1)  # the declared size may lie
    except RuntimeError:
        raise UnusableError("encrypted") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnusableError(f"damaged in the archive ({error})") from None
    if len(data) > MAX_MEMBER:
        raise UnusableError(too_large)
    return data


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


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
    top, note = _top(audio)
    audio = [name for name in audio if name.startswith(top)]
    described = [n for n in described if n.startswith(top) or top.startswith(_parent(n))]
    if not described:
        entries = [Entry(n, partial(content, n), {}, _below(n, top)) for n in audio]
        return Listing(kind + note, entries)

    parents = [_parent(name) for name in described]
    twice = next((p for p in parents if parents.count(p) > 1), None)
    if twice is not None:
        several = ", ".join(n for n in described if _parent(n) == twice)
        raise GankitError(f"{where}: several manifests: {several}", "Give one of them as the data")
    found: list[Entry] = []
    issues: list[Issue] = []
    for manifest in described:
        rows, bad = _rows(f"{where}, {manifest}", text(manifest), audio_key)
        issues += bad
        for file, row in rows:
            name = posixpath.normpath(posixpath.join(_parent(manifest), file.replace("\\", "/")))
            if name.startswith(top):
                found.append(Entry(name, partial(content, name), row, _below(name, top)))
    notes: list[Issue] = []
    if rest := len(set(audio) - {entry.name for entry in found}):
        what = "recordings beside it are" if rest > 1 else "recording beside it is"
        notes.append(Issue(described[0], f"{rest:,} {what} not listed, and left out"))
    return Listing(f"{kind} with {described[0]}{note}", found, issues, notes)


def _parent(name: str) -> str:
    """The folder of a name, with its slash."""
    return name[: name.rfind("/") + 1]


def _below(name: str, top: str) -> str | None:
    """The first folder of a name below the top."""
    first, slash, _ = name.removeprefix(top).partition("/")
    return first if slash else None


def _top(names: Sequence[str]) -> tuple[str, str]:
    """The folder in which the recordings begin, and a note on the choice.

    A folder around everything is looked through, and of splits (train, test) the train part is
    taken.
    """
    top, note = "", ""
    while names:
        parts = [name[len(top) :].split("/") for name in names]
        firsts = {part[0] for part in parts if len(part) > 1}
        if any(len(part) == 1 for part in parts):
            break
        train = next((f for f in sorted(firsts) if f.lower() in ("train", "training")), None)
        if train and {f.lower() for f in firsts} <= _SPLITS:
            top, note = f"{top}{train}/", f" (its part {top}{train})"
            names = [name for name in names if name.startswith(top)]
        elif len(firsts) == 1 and all(len(part) > 2 for part in parts):
            top = f"{top}{firsts.pop()}/"
        else:
            break
    return top, note


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
    top, _ = _top(tops)
    entries = [
        Entry(name, partial(_file, path.parent / file), row, _below(name, top))
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
