"""Where a run's data is: the path as it was typed, and the absolute one beside it.

Only what exists as a file or folder is a path. Addresses of databases, ``-`` for standard input and
the like stay as they are.
"""

from __future__ import annotations

import os
import re
import urllib.parse

from gankit.errors import GankitError

_NO_PATH = re.compile(r"-|:memory:|\w[\w+.-]*://.*", re.DOTALL)
_URI = "file://"


def expanded(data: str) -> str:
    """A path with the home folder in place of a leading ``~``; anything else as it is."""
    if not data.startswith("~") or os.path.lexists(data):
        return data
    found = os.path.expanduser(data)
    return found if os.path.lexists(found) else data


def absolute(data: str | None) -> str | None:
    """The absolute path of data that is a file or folder; None for anything else. Symbolic links
    stay links: what they point to may be changed on purpose.
    """
    if data is None or _NO_PATH.fullmatch(data) or "\\0" in data:
        return None
    path = os.path.abspath(expanded(data))
    return path if os.path.lexists(path) else None


def located(data: str | None, path: str | None) -> str | None:
    """Where the data of a run is now.

    Args:
        data: as it was typed.
        path: its absolute path then; None for what is no path.

    Raises:
        GankitError: it is not there any more; the message has both.
    """
    if data is None or path is None:
        return None if data is None else expanded(data)
    here = absolute(data)
    if here == path:
        return expanded(data)
    if os.path.lexists(path):
        return path
    if here is not None:  # moved together with the folder around it
        return here
    given = "" if data == path else f" (given as {data!r})"
    raise GankitError(
        f"the data is not at {printable(path)} any more{given}",
        "Move it back, or give its new place: gankit train --out RUN --data PATH",
    )


def printable(text: str) -> str:
    """A path as text, with bytes that are not UTF-8 written as ``\\\\xe9``."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def as_text(path: str | None) -> str | None:
    """A path for a file of UTF-8: one with other bytes is written as a URI."""
    if path is None or printable(path) == path:
        return path
    return _URI + urllib.parse.quote(os.fsencode(path))


def from_text(text: str | None) -> str | None:
    """The path that :func:`as_text` wrote."""
    if text is None or not text.startswith(_URI):
        return text
    return os.fsdecode(urllib.parse.unquote_to_bytes(text.removeprefix(_URI)))
