"""Reading what somebody else may have written: plain files alone, and no more bytes than can be
meant.

A model's files may be links, as in the cache of the Hugging Face hub; what a link leads to is read
as that kind of file or refused, and never shown.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import IO, Any

LARGEST_JSON = 2**25
"""Bytes of JSON that are read by default: in memory they may take thirty times as many."""
LARGEST_HEADER = 2**22
"""Bytes of a safetensors file's header that are read: of tens of thousands of tensors."""


def open_plain(path: Path) -> IO[bytes]:
    """A file for reading; a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no plain file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is no plain file")
    return os.fdopen(handle, "rb")


def json_object(path: Path, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """A JSON object.

    Raises:
        OSError: it cannot be read.
        ValueError, RecursionError: it is damaged, no object, has a key twice, or is too large.
    """
    with open_plain(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it has more than {largest:,} bytes")
    value = json.loads(content.decode(), object_pairs_hook=_without_repeats)
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {twice!r}")
    return found


def tensor_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: types and shapes of its tensors, and ``__metadata__``.

    Raises:
        OSError: it cannot be read.
        ValueError, RecursionError: it is damaged, or claims more than the file has.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > min(size, LARGEST_HEADER):
            raise ValueError(f"its header claims {length:,} bytes, of {size:,} in all")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header holds no JSON object")
    return header
