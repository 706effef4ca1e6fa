"""A table from standard input."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

from gankit.errors import GankitError

STDIN = "-"
"""The source that stands for standard input."""
MAGIC = (
    (b"PAR1", ".parquet"), (b"ARROW1", ".feather"), (b"FEA1", ".feather"), (b"PK\x03\x04", ".xlsx"),
    (b"\x1f\x8b", ".csv.gz"), (b"\x28\xb5\x2f\xfd", ".csv.zst"), (b"BZh", ".csv.bz2"),
)  # fmt: skip


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gankit-stdin-")


@cache
def from_stdin() -> Path:
    """Standard input as a file that lives as long as the process; it can be read once only.

    Raises:
        GankitError: nothing comes in.
    """
    hint = "Pipe a table in: gankit … --data - < FILE; or name the file: --data FILE"
    if sys.stdin is None or sys.stdin.isatty():
        raise GankitError("--data -: standard input is a terminal", hint)
    content = sys.stdin.buffer.read()
    if not content.strip():
        raise GankitError("--data -: standard input is empty", hint)
    file = Path(_folder().name) / f"standard-input{_suffix(content)}"
    file.write_bytes(content)
    return file


def _suffix(content: bytes) -> str:
    """The suffix of the format that the content has."""
    for magic, suffix in MAGIC:
        if content.startswith(magic):
            return suffix
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return ".jsonl"
    return ".json" if start.startswith((b"[{", b"[\n", b"[ ", b"[\r")) else ".csv"
