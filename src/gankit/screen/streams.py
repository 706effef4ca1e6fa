"""Standard output and standard error, on which writing goes on whatever happens to them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from typing import Any

GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET, errno.ENXIO}
"""The reader of a pipe ended, or the terminal was closed."""
_CONTROLS = re.compile(
    # C0 but tab, DEL and C1, which command terminals; line separators; marks that reorder text
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x0d\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BYTES = re.compile(r"[\udc80-\udcff]")


def visible(text: object) -> str:
    """A text in one line that cannot command the terminal: control characters as ``\\x1b``, bytes
    that are not UTF-8 as ``\\xe9``."""
    return _BYTES.sub(_byte, _CONTROLS.sub(_escaped, str(text)))


def harmless(text: str) -> str:
    """As :func:`visible`, but lines stay lines."""
    return _BYTES.sub(_byte, _COMMANDS.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _byte(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]) - 0xDC00:02x}"


class Stream:
    """``sys.stdout`` or ``sys.stderr`` as it is at the time of writing.

    Characters that its encoding lacks are replaced. What nobody reads any more is dropped: work is
    not lost because a terminal was closed. A disk that is full under standard output is an error.
    """

    def __init__(self, name: str) -> None:
        self._name, self.quiet = name, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    @property
    def _raw(self) -> Any:
        return getattr(sys, self._name)

    @property
    def encoding(self) -> str:
        return getattr(self._raw, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        try:
            return bool(self._raw is not None and self._raw.isatty())
        except ValueError:  # closed
            return False

    def can_encode(self, text: str) -> bool:
        """Whether it would be written as it is."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def write(self, text: str) -> int:
        if self._raw is not None and not self.quiet:
            if not self.can_encode(text):
                text = _BYTES.sub(_byte, text)
                text = text.encode(self.encoding, "replace").decode(self.encoding)
            with self._failing():
                self._raw.write(text)
        return len(text)

    def flush(self) -> None:
        if self._raw is not None:
            with self._failing():
                self._raw.flush()

    @contextlib.contextmanager
    def _failing(self) -> Any:
        try:
            yield
        except ValueError:  # closed by somebody
            pass
        except OSError as error:
            self._mute()
            if self._name == "stdout" and error.errno not in GONE:
                raise OSError(error.errno, error.strerror, "standard output") from None

    def _mute(self) -> None:
        """Sends the rest nowhere, also what Python flushes at its end."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._raw.fileno())
            os.close(nowhere)
