"""What a container holds: recordings by name, not decoded yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gankit.contract import Issue
from gankit_audio.data.files import Content
from gankit_audio.data.manifests import Row


@dataclass(frozen=True)
class Entry:
    """A recording: what it is called, where it can be had, and what is said of it."""

    name: str
    content: Callable[[], Content]
    """Raises UnusableError or OSError."""
    row: Row = field(default_factory=dict)
    folder: str | None = None
    """The folder that could be its label."""
    file: str = ""
    """What its file was called, where its name does not say so."""


@dataclass(frozen=True)
class Listing:
    """The recordings of a container, and what the run's record should say of them."""

    kind: str
    entries: Sequence[Entry]
    issues: Sequence[Issue] = ()
    notes: Sequence[Issue] = ()
    """What was left out though nothing is wrong with it."""
    licence: str = ""
