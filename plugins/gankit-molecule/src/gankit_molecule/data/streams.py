"""The bytes and the text of a file: compression, encoding, and lines of a bounded length."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError

MAX_LINE = 10_000_000
"""Characters of a line: a compressed file may hold one without end."""
_MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Text:
    """The lines of a file. Those that are no UTF-8 are read as Windows-1252, and counted."""

    def __init__(self, path: Path, stream: io.TextIOWrapper) -> None:
        self._path, self._stream = path, stream
        self.odd = self.first_odd = 0

    def __iter__(self) -> Iterator[str]:
        number = 0
        while line := self._stream.readline(MAX_LINE):
            number += 1
            if len(line) >= MAX_LINE:
                raise GankitError(
                    f"{self._path}, line {number}: longer than {MAX_LINE:,} characters",
                    "Check that it is a file of molecules",
                )
            if not line.isascii() and any("\udc80" <= c <= "\udcff" for c in line):
                raw = line.encode("utf-8", "surrogateescape")
                line = raw.decode("cp1252", "replace")
                self.odd, self.first_odd = self.odd + 1, self.first_odd or number
            yield line

    def warnings(self) -> list[str]:
        """What was odd about the encoding."""
        if not self.odd:
            return []
        lines = f"{self.odd:,} lines are" if self.odd > 1 else "1 line is"
        return [
            f"{self._path}: {lines} not UTF-8, the first is line {self.first_odd}; read as "
            "Windows-1252: save the file as UTF-8 if names look wrong"
        ]


@contextmanager
def damage_of(path: Path) -> Iterator[None]:
    """Turns the exceptions of a damaged file into a GankitError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise GankitError(f"{path}: damaged or cut off ({error})", "Get the file again") from None
    except (pa.ArrowException, OSError) as error:
        line = " ".join(str(error).split())[:200]
        raise GankitError(f"{path}: cannot be read ({line})", "Check the file") from None


@contextmanager
def bytes_of(path: Path) -> Iterator[Any]:
    """A file's bytes, decompressed where they are compressed, whatever the extension."""
    with path.open("rb") as file:
        magic = file.read(5)
        file.seek(0)
        opened = next((o for begin, o in _MAGIC.items() if magic.startswith(begin)), None)
        if opened is None:
            yield file
            return
        with opened(file) as inside:
            yield inside


@contextmanager
def text_of(path: Path, reads: str) -> Iterator[Text]:
    """A file's text.

    Args:
        reads: what can be read, for messages.

    Raises:
        GankitError: it is empty, or not text.
    """
    with bytes_of(path) as stream:
        buffer = io.BufferedReader(stream)
        head = buffer.peek(1024)[:1024]
        if not head:
            raise GankitError(f"{path}: an empty file", reads)
        wide = head.startswith(_UTF16) and not head.startswith(codecs.BOM_UTF32_LE)
        if b"\0" in head and not wide:
            raise GankitError(f"{path}: not text (it has null bytes)", f"{reads}; in UTF-8")
        encoding = "utf-16" if wide else "utf-8-sig"
        errors = "replace" if wide else "surrogateescape"
        yield Text(path, io.TextIOWrapper(buffer, encoding, errors=errors, newline=""))
