"""Files at addresses as a tree that is read in parts: tar shards (WebDataset) and single files.

A tar has no table of contents, so that its headers are read once; the index is kept in the cache.
After that each file is one range request, in any order and from any process.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import IO, Any

from gankit.contract import Issue, Progress, quiet
from gankit.errors import GankitError
from gankit.kit.archives import Archive, Shards, TarArchive, UnreadableError
from gankit.kit.companions import COMPANIONS
from gankit.kit.files import LARGEST_RECORD, cache_folder, read_json, write_json
from gankit.kit.remote import Remote, RemoteFile

NEAR, FAR = 2**20, 2**14
"""Bytes that are requested together: where headers lie close to each other, and where not."""
SMALL = 2**16
"""Largest label or text beside an item that is kept with the index."""


class RangeFile(io.RawIOBase):
    """A file at an address, opened for reading: what is near is requested together."""

    def __init__(self, remote: Remote, file: RemoteFile) -> None:
        if file.size is None:
            raise GankitError(
                f"{remote.shown}, {file.name}: the server does not say how large it is",
                "Copy it once with data.remote=copy",
            )
        self.remote, self.file, self.size = remote, file, file.size
        self._at, self._start, self._window = 0, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        if self._at >= end:
            return b""
        known = self._start + len(self._window)
        if not (self._start <= self._at and end <= known):
            step = NEAR if 0 <= self._at - known < NEAR // 4 else FAR
            until = min(max(end, self._at + step), self.size)
            self._start, self._window = self._at, self.remote.read(self.file, self._at, until)
        data = self._window[self._at - self._start : end - self._start]
        self._at = end
        return data

    def forget(self) -> None:
        """Frees what was read."""
        self._window = b""


class RemoteTar(TarArchive):
    """A tar archive at an address, which is not compressed.

    Raises:
        GankitError: not a tar archive, compressed, or the server sends whole files only.
    """

    def __init__(self, remote: Remote, file: RemoteFile, max_member: int) -> None:
        self.remote, self.file = remote, file
        self._small: dict[str, bytes] = {}
        where = remote.shown if remote.single else f"{remote.shown}, {file.name}"
        index = _index_file(remote, file)
        if index is not None and index.exists() and self._restore(index, where, max_member):
            return
        super().__init__(where, max_member)
        self._file.forget()  # type: ignore[attr-defined]
        if index is not None:
            self._store(index)

    def _plain(self, path: object) -> IO[bytes]:
        file = RangeFile(self.remote, self.file)
        if file.read(3) in (b"\x1f\x8b\x08", b"BZh", b"\xfd7z"):
            raise GankitError(
                f"{path}: a compressed archive cannot be read in parts",
                "Copy it once with data.remote=copy, or pack it as .tar",
            )
        file.seek(0)
        return file  # type: ignore[return-value]

    def _found(self, tar: Any, cut: Any) -> Iterator[tuple[str, str, Any, int]]:
        for name, reason, (offset, size), total in super()._found(tar, cut):
            if name.lower().endswith(COMPANIONS) and size <= SMALL and not reason:
                self._file.seek(offset)  # it follows the header, and is in the window
                self._small[name.removeprefix("./")] = self._file.read(size)
            yield name, reason, (offset, size), total

    def read(self, name: str) -> bytes:
        if name in self._small:
            return self._small[name]
        return super().read(name)

    def _at(self, offset: int, size: int) -> bytes:
        return self.remote.read(self.file, offset, offset + size)

    def _store(self, index: Any) -> None:
        small = {name: data.decode("latin-1") for name, data in self._small.items()}
        issues = [[issue.location, issue.reason] for issue in self.issues]
        with contextlib.suppress(OSError):  # the next run reads the headers again
            index.parent.mkdir(parents=True, exist_ok=True)
            write_json(index, {"members": self._members, "small": small, "issues": issues})

    def _restore(self, index: Any, where: str, max_member: int) -> bool:
        try:
            found = read_json(index, LARGEST_RECORD)
            self._members = {str(n): (int(a), int(b)) for n, (a, b) in found["members"].items()}
            self._small = {n: text.encode("latin-1") for n, text in found["small"].items()}
            self.issues = [Issue(*map(str, issue)) for issue in found["issues"]]
        except (GankitError, KeyError, TypeError, ValueError, AttributeError):
            return False
        self.path, self._max_member, self.names = where, max_member, sorted(self._members)
        return True


class RemoteFolder(Archive):
    """The files at an address by name, each read whole."""

    kind = "files"

    def __init__(self, remote: Remote, files: Sequence[RemoteFile], max_member: int) -> None:
        self.path, self.remote, self._max_member = remote.shown, remote, max_member
        self._files = {file.name: file for file in files}
        self.names, self.issues = sorted(self._files), []

    def read(self, name: str) -> bytes:
        file = self._files.get(name)
        if file is None or file.size is None:
            raise UnreadableError("no such file" if file is None else "of unknown size")
        if file.size > self._max_member:
            raise UnreadableError(f"larger than {self._max_member:,} bytes")
        return self.remote.read(file, 0, file.size)


def remote_tree(
    remote: Remote, names: Sequence[str], max_member: int, progress: Progress = quiet
) -> Archive:
    """Some of the files at an address: what is inside tar archives, or the files themselves.

    Args:
        names: of the files; all archives or none.

    Raises:
        GankitError: an archive cannot be read in parts.
    """
    wanted = set(names)
    files = [file for file in remote.files if file.name in wanted]
    if not all(file.name.lower().endswith(".tar") for file in files):
        return RemoteFolder(remote, files, max_member)
    tars = []
    for tar in remote.mapped(lambda file: RemoteTar(remote, file, max_member), files):
        tars.append((tar.file.name, tar))
        progress("reading the headers of shards", len(tars), len(files))
    return tars[0][1] if len(tars) == 1 else Shards(remote.shown, tars)


def _index_file(remote: Remote, file: RemoteFile) -> Any:
    """Where the index of an archive is kept; None where a change would not be noticed."""
    folder = cache_folder("remote-index")
    if folder is None or not file.version:
        return None
    key = f"1\0{remote.shown}\0{file.name}\0{file.size}\0{file.version}"
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
