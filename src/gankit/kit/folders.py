"""Data sets that are folders of files: what lies there, splits, classes, fingerprints.

Names of files are relative to the data set's folder (or archive) and have slashes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean

SPLITS = {"train", "training", "test", "val", "valid", "validation", "eval"}
"""Names of folders that are parts of a data set and never classes."""


_OF_SYSTEMS = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip
"""Files and folders that systems and file managers leave behind, in lower case."""


def visible(name: str) -> bool:
    """Whether no part of a name is hidden, is a system's own, or leads to a folder above."""
    return not any(p.startswith(".") or p.lower() in _OF_SYSTEMS for p in name.split("/"))


def files_below(root: Path) -> Iterator[str]:
    """Names of the files below a folder, sorted folder by folder; hidden ones are left out.

    Links are followed, except to a folder that was visited already.
    """
    visited = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(filter(visible, subfolders))
        for name in sorted(filter(visible, files)):
            yield (Path(folder) / name).relative_to(root).as_posix()


def find_root(names: Iterable[str]) -> tuple[str, str]:
    """The folder in which the data begins, with its slash or empty, and a note on the choice.

    A single folder around everything is entered. Where all folders are splits (train, test), the
    train part is taken; the note, for the data set's description, then names it.
    """
    root, note = "", ""
    names = list(names)
    while names:
        parts = [name[len(root) :].split("/") for name in names]
        if any(len(part) == 1 for part in parts):
            break
        firsts = {part[0] for part in parts}
        train = next((f for f in sorted(firsts) if f.lower() in ("train", "training")), None)
        if train and {f.lower() for f in firsts} <= SPLITS:
            root, note = f"{root}{train}/", f" (its part {root}{train})"
            names = [name for name in names if name.startswith(root)]
        elif len(firsts) == 1 and all(len(part) > 2 for part in parts):
            root = f"{root}{firsts.pop()}/"
        else:
            break
    return root, note


def parent(name: str) -> str:
    """The folder of a file, with its slash; empty at the top."""
    return name[: name.rfind("/") + 1]


def class_folder(name: str, root: str = "") -> str | None:
    """The first folder of a file below ``root``, which may be its class; None where it is in
    none."""
    first, slash, _ = name.removeprefix(root).partition("/")
    return first if slash else None


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A key for sorting: 9 comes before 10, and C4 before C10."""
    parts = re.split(r"([0-9]+)", text)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def encodable(text: str) -> str:
    """A text that can be written as UTF-8: bytes of a name that are none become ``\\xe9``."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half a character, from JSON
            data = text.encode("utf-8", "surrogatepass")
        return data.decode("utf-8", "backslashreplace")
    return text


def printable(text: str) -> str:
    """A file's name or another program's message as one line: control characters become
    ``\\n``, ``\\x0e`` …"""
    text = encodable(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def fingerprint(lines: Iterable[str]) -> str:
    """SHA-256 over the sorted lines, one for each item: its name, values and content's hash."""
    digest = hashlib.sha256()
    for line in sorted(lines):
        try:
            data = line.encode("utf-8", "surrogateescape")  # a name that is not UTF-8
        except UnicodeEncodeError:
            data = line.encode("utf-8", "surrogatepass")
        digest.update(data + b"\n")
    return digest.hexdigest()


def no_such_path(path: Path) -> GankitError:
    """The error for a path that does not exist, with the nearest names next to it."""
    folder = path.parent
    if path.is_symlink():
        target = os.readlink(path)
        return GankitError(f"{path} is a link to {target}, which does not exist", "Fix the link")
    if re.match(r"\w+:/", str(path)):
        return GankitError(f"{path}: no such path", "Give an address as text, not as a Path")
    if not folder.is_dir():
        return GankitError(f"{path}: no such path, and no folder {folder}", "Check the spelling")
    names = [entry.name for entry in folder.iterdir()]
    return GankitError(f"{path}: no such file or folder", did_you_mean(path.name, names))


def skip(issue: Issue, where: object, strict: bool) -> Issue:
    """The issue of a skipped file.

    Raises:
        GankitError: ``strict``, under which no file may be skipped.
    """
    if strict:
        raise GankitError(
            f"{where}, {issue.location}: {issue.reason}",
            "Fix or remove it, or set strict=false to skip such files",
        )
    return issue


def folder_name(label: str, taken: Collection[str] = ()) -> str:
    """A label as the name of a folder that any system accepts; different labels may share one.

    Args:
        taken: names of files next to the folders, in lower case.
    """
    name = re.sub(r"[^\w .+-]", "_", label).strip(" .")[:80] or "_"
    return f"_{name}" if name.lower() in taken else name
