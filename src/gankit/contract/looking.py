"""What data looks like before it is read, and what a plugin takes it for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""Endings that may follow a file's own."""


@dataclass(frozen=True)
class Look:
    """What is seen of data at a glance."""

    source: str
    """The path, the address of a database, or ``-`` for standard input."""
    kind: str
    """``file``, ``folder``, ``archive``, ``address`` or ``stream``."""
    names: Sequence[str] = ()
    """Names of the files in a folder or an archive, with slashes and in no order; of a file, its
    own."""
    complete: bool = True
    """Whether these are all: looking ends after many thousands."""

    @property
    def name(self) -> str:
        """For messages: the last part of a path."""
        return self.source.rstrip("/").rpartition("/")[2] or self.source

    def ending(self, *endings: str) -> list[str]:
        """Names with one of these endings in any case, compressed or not."""
        packed = (*endings, *(e + c for e in endings for c in COMPRESSED))
        return [name for name in self.names if name.lower().endswith(packed)]


@dataclass(frozen=True)
class Recognised:
    """That data is of a plugin's kind."""

    confidence: float
    """From 0 to 1. A share of files, less for what several plugins read (a table, 0.6) and more
    for what only one does."""
    kind: str
    """What the data is to the plugin, as "a table" or "images"."""
    reason: str
    """Why, as a clause: "people.csv is a table", "column 'smiles' holds molecules"."""
    items: int | None = None
    """About how many items there are, where that is seen."""


Recognise = Callable[[Look], Recognised | None]
"""Says what a plugin takes data for; None where it is not its own. Reads only the beginnings of
files, and imports nothing heavy."""
