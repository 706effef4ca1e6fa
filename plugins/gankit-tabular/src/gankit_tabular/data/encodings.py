"""Encodings of text files."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 2**20
"""Bytes that an encoding is guessed from."""
LINES = 2000
"""Lines with bytes beyond ASCII that an encoding is guessed from."""
UTF8 = ("utf-8", "utf-8-sig")


def open_bytes(file: Path) -> Any:
    """A file's content, decompressed."""
    return pa.input_stream(str(file), compression="detect")


@dataclass(frozen=True)
class Encoding:
    """The encoding of a file."""

    name: str
    doubt: str = ""
    valid: bool = True
    """Whether the bytes are known to be valid UTF-8, so that they need no decoding."""


def found_encoding(file: Path, encoding: str) -> Encoding:
    """The encoding of a file.

    Args:
        encoding: the one that the user has set; empty to find it out.

    Raises:
        GankitError: there is no such encoding, or the file is not text.
    """
    with open_bytes(file) as stream:
        start = stream.read(SAMPLE)
    bom = next((name for mark, name in MARKS if start.startswith(mark)), "")
    if encoding:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            raise GankitError(
                f"encoding={encoding!r}: unknown encoding", "Use for example utf-8 or cp1252"
            ) from None
        if name not in UTF8:
            return Encoding(name, valid=False)
        return Encoding(bom or name, valid=_undecodable_lines(file) is None)
    if bom:
        return Encoding(bom, valid=bom in UTF8 and _undecodable_lines(file) is None)
    if b"\0" in start:
        if len(start) > 3 and start[1::2].count(0) > 0.4 * len(start) / 2:
            return Encoding("utf-16-le", valid=False)
        if len(start) > 3 and start[::2].count(0) > 0.4 * len(start) / 2:
            return Encoding("utf-16-be", valid=False)
        raise GankitError(
            f"{file} contains NUL bytes, so it is not a text file",
            "Check the file, or set encoding=",
        )
    odd = _undecodable_lines(file)
    if odd is None:
        return Encoding("utf-8")
    return _guessed(odd)


def _undecodable_lines(file: Path) -> bytes | None:
    """Lines with bytes beyond ASCII, if the file is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_bytes(file) as stream:
            while block := stream.read(2**24):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        pass
    else:
        return None
    lines: list[bytes] = []
    with open_bytes(file) as stream:
        for line in io.BufferedReader(stream):
            if not line.isascii():
                lines.append(line)
                if len(lines) == LINES:
                    break
    return b"".join(lines)


def _guessed(odd: bytes) -> Encoding:
    """The encoding of lines that are not UTF-8."""
    good = sum(_decodes(line) for line in odd.splitlines())
    total = max(len(odd.splitlines()), 1)
    if good > 0.8 * total:  # some broken lines in a UTF-8 file
        return Encoding("utf-8", valid=False)
    found = ""
    try:
        from charset_normalizer import from_bytes

        best = from_bytes(odd[: 2**16]).best()
        found = "" if best is None else best.encoding
    except ImportError:
        pass
    # Short texts tell little: Western European ones are by far the most frequent.
    western = {"latin_1", "cp1250", "cp1252", "cp1254", "cp1257", "iso8859_15", "iso8859_9"}
    if not found or found in western or ("cp" in found and len(odd) < 200):
        try:
            odd.decode("cp1252")
            found = "cp1252"
        except UnicodeDecodeError:
            found = found or "latin_1"
    name = found.replace("_", "-")
    return Encoding(
        name,
        f"the file is not UTF-8, and is read as {name}. If letters are wrong, set its encoding, "
        "such as encoding=cp1252",
        valid=False,
    )


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class AsUtf8(io.RawIOBase):
    """A text stream in UTF-8; bytes that cannot be decoded become replacement characters."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        self.replaced = 0
        """Characters that could not be decoded."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        text = self._text.read(size if size < 0 else max(size // 4, 1))
        self.replaced += text.count("\ufffd")
        return text.encode()


class Collapsed(io.RawIOBase):
    """A stream in which runs of blanks and tabs are one blank; lines have none at their ends."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            block = self.source.read(size)
            lines, end, self._rest = (self._rest + block).rpartition(b"\n")
            if not block:
                lines, end, self._rest = self._rest, b"", b""
            if lines or end or not block:
                text = re.sub(rb"[ \t]+", b" ", lines + end)
                return re.sub(rb"(?m)^ | (?=\r?$)", b"", text)
