"""Folders and archives alike: the files of a data set, by name, without what gankit wrote."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit import own_output
from gankit.kit.archives import Archive, Shards, UnreadableError, open_archive
from gankit.kit.folders import printable, visible
from gankit.kit.splits import Chosen, take_split

MOST_RECORD = 16 * 2**20
"""Largest record of gankit's own that is looked into, in bytes."""


class FileTree(Protocol):
    """Files by name."""

    kind: str

    @property
    def path(self) -> Path | str: ...

    @property
    def names(self) -> Sequence[str]:
        """Of the files, relative to the data set, with slashes."""

    @property
    def issues(self) -> Sequence[Issue]:
        """What was left out."""

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            UnreadableError: it cannot be read.
        """

    def open(self, name: str) -> BinaryIO:
        """A file's content, opened; errors as for ``read``."""

    def read_required(self, name: str) -> bytes:
        """The content of a file without which the data cannot be used.

        Raises:
            GankitError: it cannot be read.
        """


class Folder:
    """The files below a folder, sorted folder by folder, without hidden ones.

    Links are followed, except to a folder that was visited already. Folders that cannot be listed
    become issues.
    """

    kind = "folder"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = os.path.join(path, "")  # joining strings is faster than paths
        self.names: list[str] = []
        self.issues: list[Issue] = []
        visited: set[str] = set()
        for folder, subfolders, files in os.walk(path, onerror=self._failed, followlinks=True):
            real = os.path.realpath(folder)
            if real in visited:
                subfolders.clear()
                continue
            visited.add(real)
            subfolders[:] = sorted(filter(visible, subfolders))
            below = os.path.relpath(folder, path).replace(os.sep, "/")
            prefix = "" if below == "." else f"{below}/"
            self.names += [f"{prefix}{name}" for name in sorted(filter(visible, files))]

    def _failed(self, error: OSError) -> None:
        where = os.path.relpath(str(error.filename or self.path), self.path)
        if where == ".":
            raise GankitError(f"{self.path}: cannot be read ({error.strerror})") from None
        reason = f"a folder that cannot be read ({error.strerror}): left out"
        self.issues.append(Issue(printable(where), reason))

    def open(self, name: str) -> BinaryIO:
        return open_file(self._root + name)

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            try:
                return file.read()
            except OSError as error:
                raise UnreadableError(_reason(error)) from None

    def read_required(self, name: str) -> bytes:
        try:
            return self.read(name)
        except UnreadableError as error:
            raise GankitError(f"{self.path / name}: {error}", "Fix it, or remove it") from None


def open_file(path: str | Path) -> BinaryIO:
    """A file for reading; a pipe or a device is not waited for.

    Raises:
        UnreadableError: it cannot be opened, or is no plain file.
    """
    try:
        number = os.open(path, os.O_RDONLY | _NOT_BLOCKING)  # a pipe would wait for a writer
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise UnreadableError("not a file")
        return os.fdopen(number, "rb")
    except OSError as error:
        raise UnreadableError(_reason(error)) from None
    except ValueError:  # a name with a null character
        raise UnreadableError("no such file") from None


_NOT_BLOCKING: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _reason(error: OSError) -> str:
    return f"cannot be read ({error.strerror or type(error).__name__})"


def open_tree(path: Path, max_member: int) -> Folder | Archive:
    """A folder, or an archive by its name's ending.

    Raises:
        GankitError: the archive, or the folder itself, cannot be read.
    """
    return Folder(path) if path.is_dir() else open_archive(path, max_member)


@dataclass(frozen=True)
class Usable:
    """The files of a tree that are not gankit's own.

    Attributes:
        names: what is left.
        issues: what the tree left out, and an entry for each file that gankit wrote.
        warnings: where the data set as a whole was generated.
        generated: whether it was.
    """

    names: Sequence[str]
    issues: Sequence[Issue] = ()
    warnings: Sequence[str] = ()
    generated: bool = False


def usable(tree: FileTree, data: Sequence[str]) -> Usable:
    """Leaves out run folders, and what gankit generated below the given folder.

    What was given itself is used even if it is generated, with a warning.

    Args:
        data: endings of the files that count as items; others are left out without an issue.

    Raises:
        GankitError: the folder is a run.
    """

    def small(name: str) -> bytes | None:
        try:
            with tree.open(name) as file:
                return file.read(MOST_RECORD)
        except (UnreadableError, OSError):
            return None

    own = own_output.own_output(tree.names, small)
    if own.itself == own_output.OF_A_RUN:
        raise GankitError(
            f"{tree.path}: a run of gankit, not a data set", "Give the folder with the real data"
        )
    endings = tuple(data)
    reasons = {name: reason for name in tree.names if (reason := own.reason(name))}
    names = [name for name in tree.names if name not in reasons]
    only = {r for name, r in reasons.items() if name.lower().endswith(endings)}
    if only == {own_output.GENERATED} and not any(n.lower().endswith(endings) for n in names):
        reasons, names = {}, list(tree.names)
        own = own_output.OwnOutput({"": own_output.GENERATED}, set())
    warnings = []
    if own.itself:
        warnings.append(own_output.doubt(tree.path))
    left_out = [
        Issue(printable(name), reason)
        for name, reason in reasons.items()
        if name.lower().endswith(endings)
    ]
    return Usable(names, [*tree.issues, *left_out], warnings, bool(warnings))


def shards(root: Path, names: Sequence[str], max_member: int, split: str) -> tuple[Archive, Chosen]:
    """The archives of a folder as one, of one split if they have splits.

    Args:
        names: of the archives below ``root``.

    Raises:
        GankitError: one of them cannot be read, or there is no such split.
    """
    chosen = take_split(names, split, where=root, by_file_name=True)
    opened = [(name, open_archive(root / name, max_member)) for name in chosen.names]
    return (opened[0][1] if len(opened) == 1 else Shards(root, opened)), chosen
