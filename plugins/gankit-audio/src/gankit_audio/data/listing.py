"""The recordings of a data source, by name; nothing is decoded yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gankit.contract import Issue
from gankit_audio.data.files import Content
from gankit_audio.data.manifests import Row


@dataclass(frozen=True)
class Entry:
    """A recording that was found."""

    name: str
    content: Callable[[], Content]
    """Raises UnusableError or OSError."""
    row: Row = field(default_factory=dict)
    """Its row in the manifest or table, without the audio."""
    folder: str | None = None
    """The folder that may be its label."""
    made: bool = False
    """Whether a table says that gankit generated it."""
    file: str = ""
    """The name of its file, where ``name`` is not that."""


@dataclass(frozen=True)
class Listing:
    """The recordings of a data source, and a description of it for the run's record."""

    kind: str
    entries: Sequence[Entry]
    issues: Sequence[Issue] = ()
    notes: Sequence[Issue] = ()
    """What was skipped though it is valid: no reason to stop under ``strict``."""
    licence: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the source was taken for: its split, its tables."""
    labels_from: str = ""
    """Where the values of its entries come from: the name of a table."""
    tables: Sequence[str] = ()
    """Names of the tables that describe its entries."""
    warnings: Sequence[str] = ()
