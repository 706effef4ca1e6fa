"""Zip archives as folders of files that are read in memory: nothing is unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from gankit.errors import GankitError
from gankit.kit.folders import visible

MAX_ARCHIVE = 256 * 2**30
"""Largest archive, in bytes, uncompressed."""
MAX_MEMBERS = 5_000_000
"""Most files in an archive."""


class UnreadableError(Exception):
    """A file, or a part of one, that cannot be read; the message says why."""


class ZipArchive:
    """The files of a zip archive; hidden ones are left out, and so are names that lead out of it.

    Reading is safe from several threads.

    Args:
        path: the archive.
        max_member: largest file that :meth:`read` returns, in bytes, uncompressed.

    Raises:
        GankitError: not a zip archive, or it would unpack to more than the limits.
    """

    names: list[str]
    """Sorted, with slashes."""

    def __init__(self, path: Path, max_member: int) -> None:
        self._path, self._max_member = path, max_member
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise GankitError(
                f"{path}: not a readable zip archive ({error})", "Pack it again"
            ) from None
        files = [m for m in self._zip.infolist() if not m.is_dir() and visible(m.filename)]
        total = sum(m.file_size for m in files)
        if len(files) > MAX_MEMBERS or total > MAX_ARCHIVE:
            raise GankitError(
                f"{path}: refused, it would unpack to {len(files):,} files and {total:,} bytes",
                f"The limits are {MAX_MEMBERS:,} files and {MAX_ARCHIVE:,} bytes; "
                "unpack it yourself",
            )
        self._members = {m.filename: m for m in files}
        self.names = sorted(self._members)

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            UnreadableError: no such file, damaged, encrypted, or larger than the limit.
        """
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
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise UnreadableError(f"damaged in the archive ({error})") from None
        if len(data) > self._max_member:
            raise UnreadableError(too_large)
        return data

    def read_required(self, name: str) -> bytes:
        """The content of a file without which the archive cannot be used.

        Raises:
            GankitError: as :meth:`read`.
        """
        try:
            return self.read(name)
        except UnreadableError as error:
            raise GankitError(f"{self._path}, {name}: {error}", "Pack the archive again") from None
