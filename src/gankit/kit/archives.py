"""Archives as folders of files that are read in place: nothing is unpacked to disk, but for
compressed tars, which go to a temporary file without a name.

Names have slashes and are relative to the archive. Hidden files are left out; names that lead out
of the archive, links and devices are too, with an issue each.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.folders import printable, visible

MAX_ARCHIVE = 256 * 2**30
"""Largest archive, in bytes, uncompressed."""
MAX_MEMBERS = 5_000_000
"""Most files in an archive."""

MAX_RATIO, UNDOUBTED = 200, 2**30
"""How many times its own size a compressed tar may unpack to, beyond so many bytes."""

ZIP, TAR = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
SUFFIXES = (*ZIP, *TAR)
"""Endings of archives."""

LINK = "a link in the archive: left out"
UNSAFE = "a name that leads out of the archive: left out"
TWICE = "a second file of this name in the archive: the last one is used"


class UnreadableError(Exception):
    """A file, or a part of one, that cannot be read; the message says why."""


class Archive:
    """The files of an archive.

    Reading is safe from several threads and after a fork.
    """

    kind = "archive"
    path: Path | str
    names: list[str]
    """Sorted, with slashes."""
    issues: Sequence[Issue]
    """What was left out."""

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            UnreadableError: no such file, damaged, encrypted, or larger than the limit.
        """
        raise NotImplementedError

    def open(self, name: str) -> BinaryIO:
        """A file's content, opened; errors as for :meth:`read`."""
        return io.BytesIO(self.read(name))

    def read_required(self, name: str) -> bytes:
        """The content of a file without which the archive cannot be used.

        Raises:
            GankitError: as :meth:`read`.
        """
        try:
            return self.read(name)
        except UnreadableError as error:
            raise GankitError(f"{self.path}, {name}: {error}", "Pack the archive again") from None

    def _index(self, found: Iterator[tuple[str, str, Any, int]]) -> dict[str, Any]:
        """Members by name.

        Args:
            found: each file's name, a reason why it is left out or "", the member, and its size.
        """
        members: dict[str, Any] = {}
        issues: list[Issue] = []
        total = count = 0
        for raw, reason, member, size in found:
            name = raw.replace("\\", "/")
            while name.startswith("./"):
                name = name[2:]
            outside = name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/"
            if not outside and (not visible(name) or not name):
                continue
            if outside or reason:
                issues.append(Issue(printable(name), UNSAFE if outside else reason))
                continue
            if name in members:
                issues.append(Issue(printable(name), TWICE))
            members[name] = member
            count, total = count + 1, total + size
            if count > MAX_MEMBERS or total > MAX_ARCHIVE:
                self._too_large(count, total)
        self.names, self.issues = sorted(members), issues
        return members

    def _too_large(self, count: int, total: int) -> None:
        raise GankitError(
            f"{self.path}: refused, it would unpack to {count:,} files and {total:,} bytes",
            f"The limits are {MAX_MEMBERS:,} files and {MAX_ARCHIVE:,} bytes; unpack it yourself",
        )


class ZipArchive(Archive):
    """A zip archive; those made on Windows may have backslashes.

    Args:
        path: the archive.
        max_member: largest file that :meth:`read` returns, in bytes, uncompressed.

    Raises:
        GankitError: not a zip archive, or it would unpack to more than the limits.
    """

    kind = "zip archive"

    def __init__(self, path: Path, max_member: int) -> None:
        self.path, self._max_member = path, max_member
        self._zips: dict[int, zipfile.ZipFile] = {}
        weakref.finalize(self, _close, self._zips)  # in a reference cycle nobody else closes them
        try:
            infos = self._zip.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise GankitError(
                f"{path}: not a readable zip archive ({_message(error)})", "Pack it again"
            ) from None
        files = [m for m in infos if not m.filename.endswith(("/", "\\"))]
        total = sum(m.file_size for m in files)
        if len(files) > MAX_MEMBERS or total > MAX_ARCHIVE:
            self._too_large(len(files), total)
        self._members: dict[str, zipfile.ZipInfo] = self._index(
            (_zip_name(m), LINK if stat.S_ISLNK(m.external_attr >> 16) else "", m, m.file_size)
            for m in files
        )

    @property
    def _zip(self) -> zipfile.ZipFile:
        """The open archive: one per process, since a fork shares the position in the file."""
        process = os.getpid()
        if process not in self._zips:
            self._zips[process] = zipfile.ZipFile(self.path)
        return self._zips[process]

    def read(self, name: str) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise UnreadableError("no such file in the archive")
        too_large = f"unpacks to more than {self._max_member:,} bytes"
        if member.file_size > self._max_member:
            raise UnreadableError(too_large)
        try:
            with self._zip.open(member) as file:
                data = file.read(self._max_member + 1)  # the declared size may be wrong
        except RuntimeError:
            raise UnreadableError("encrypted") from None
        except (
            zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError
        ) as error:  # fmt: skip
            raise UnreadableError(f"damaged in the archive ({_message(error)})") from None
        if len(data) > self._max_member:
            raise UnreadableError(too_large)
        return data


def _close(opened: dict[int, zipfile.ZipFile]) -> None:
    for packed in opened.values():
        if packed.fp is not None:
            packed.fp.close()  # ZipFile.close leaves it open while a member is


def _zip_name(member: zipfile.ZipInfo) -> str:
    """A member's name. Many programs write UTF-8 without saying so; Python then reads cp437."""
    name = member.filename
    if not member.flag_bits & 0x800 and not name.isascii():
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


class TarArchive(Archive):
    """A tar archive, with an index of where each file begins, since tar has none of its own.

    A compressed one is first unpacked to a temporary file that has no name.

    Args:
        path: the archive.
        max_member: largest file that :meth:`read` returns, in bytes.

    Raises:
        GankitError: not a tar archive, or larger than the limits.
    """

    kind = "tar archive"

    def __init__(self, path: Path | str, max_member: int) -> None:
        self.path, self._max_member = path, max_member
        self._lock = threading.Lock()
        cut: list[Issue] = []
        try:
            self._file = self._plain(path)
            weakref.finalize(self, self._file.close)
            self._size = self._file.seek(0, os.SEEK_END)
            self._file.seek(0)
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                self._members: dict[str, tuple[int, int]] = self._index(
                    self._found(tar, cut.append)
                )
        except _TAR_ERRORS as error:
            raise GankitError(
                f"{path}: not a readable tar archive ({_message(error)})", "Pack it again"
            ) from None
        self.issues = [*self.issues, *cut]

    def _found(
        self, tar: tarfile.TarFile, cut: Callable[[Issue], None]
    ) -> Iterator[tuple[str, str, Any, int]]:
        seen = False
        while True:
            try:
                member = tar.next()
            except _TAR_ERRORS as error:
                if not seen:
                    raise
                cut(
                    Issue(
                        os.path.basename(self.path),
                        f"the archive is damaged from some file on ({_message(error)})",
                    )
                )
                return
            if member is None:
                return
            seen = True
            tar.members = []  # type: ignore[attr-defined]  # or it keeps them all
            if member.isdir():
                continue
            reason = ""
            if member.issym() or member.islnk():
                reason = LINK
            elif not member.isreg() or member.issparse():
                reason = "not a plain file in the archive: left out"
            elif member.offset_data + member.size > self._size:
                reason = "cut off: the archive ends within it"
            yield member.name, reason, (member.offset_data, member.size), member.size

    def _plain(self, path: Path | str) -> IO[bytes]:
        """The uncompressed archive."""
        file = Path(path).open("rb")  # noqa: SIM115 - open as long as the archive
        opener = _OPENERS.get(file.read(3))
        file.seek(0)
        if opener is None:
            return file
        plain = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the archive
        total, size = 0, os.fstat(file.fileno()).st_size
        try:
            with file, opener(file) as packed:
                while block := packed.read(2**20):
                    total += len(block)
                    if total > min(MAX_ARCHIVE, max(UNDOUBTED, MAX_RATIO * size)):
                        raise GankitError(
                            f"{path}: refused, its {size:,} bytes unpack to more than {total:,}",
                            "If that is right, unpack it yourself",
                        )
                    plain.write(block)
            plain.flush()
        except BaseException:
            plain.close()
            raise
        return plain

    def read(self, name: str) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise UnreadableError("no such file in the archive")
        offset, size = member
        if size > self._max_member:
            raise UnreadableError(f"larger than {self._max_member:,} bytes")
        try:
            data = self._at(offset, size)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror or error})") from None
        if len(data) < size:
            raise UnreadableError("cut off: the archive ends within it")
        return data

    def _at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):  # moves no position, so that threads and forks may share the file
            parts = []
            while size and (part := os.pread(self._file.fileno(), size, offset)):
                parts.append(part)
                offset, size = offset + len(part), size - len(part)
            return b"".join(parts)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)


def _gzip(file: IO[bytes]) -> IO[bytes]:
    import gzip

    return cast(IO[bytes], gzip.open(file))


def _bz2(file: IO[bytes]) -> IO[bytes]:
    import bz2

    return bz2.open(file)


def _xz(file: IO[bytes]) -> IO[bytes]:
    import lzma

    return lzma.open(file)


_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b\x08": _gzip, b"BZh": _bz2, b"\xfd7z": _xz,
}  # fmt: skip

_LZMA: tuple[type[Exception], ...]
try:
    from lzma import LZMAError

    _LZMA = (LZMAError,)
except ImportError:  # a Python that was built without it
    _LZMA = ()
_TAR_ERRORS = (
    tarfile.TarError, OSError, EOFError, ValueError, zlib.error, OverflowError, *_LZMA
)  # fmt: skip


def _message(error: BaseException) -> str:
    return printable(str(error)) or type(error).__name__


def is_archive(name: str) -> bool:
    """Whether a file is an archive, by its name."""
    return name.lower().endswith(SUFFIXES)


def open_archive(path: Path, max_member: int) -> Archive:
    """The archive at a path, by its name's ending.

    Raises:
        GankitError: as for :class:`ZipArchive` and :class:`TarArchive`.
    """
    kind = TarArchive if path.name.lower().endswith(TAR) else ZipArchive
    return kind(path, max_member)


class Shards(Archive):
    """Several archives as one. Where two have a file of the same name, all names begin with the
    name of their archive and a slash.

    Args:
        archives: with their names.
    """

    def __init__(self, path: Path | str, archives: Sequence[tuple[str, Archive]]) -> None:
        self.path = path
        self.kind = f"{archives[0][1].kind}s ({len(archives)})"
        self.prefixes: list[str] = []
        """What precedes names, with a slash; empty where the names themselves are enough."""
        total = sum(len(archive.names) for _, archive in archives)
        self._at: dict[str, tuple[Archive, str]] = {
            name: (archive, name) for _, archive in archives for name in archive.names
        }
        if len(self._at) < total:
            self.prefixes = [f"{shard}/" for shard, _ in archives]
            self._at = {
                f"{shard}/{name}": (archive, name)
                for shard, archive in archives
                for name in archive.names
            }
        self.names = sorted(self._at)
        self.issues = [
            Issue(f"{shard}, {issue.location}", issue.reason)
            for shard, archive in archives
            for issue in archive.issues
        ]

    def read(self, name: str) -> bytes:
        if name not in self._at:
            raise UnreadableError("no such file in the archives")
        archive, inner = self._at[name]
        return archive.read(inner)
