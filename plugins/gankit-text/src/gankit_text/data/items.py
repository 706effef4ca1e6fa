"""The item: one text, with what it can be conditioned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """One text."""

    text: str
    """Unicode in normalization form C; may have several lines."""
    label: str | None = None
    """Its class."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Numbers to condition on, by name."""
    pair: str | None = None
    """The second text of a pair, such as a translation."""
    read: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """The row that it was read from, for augmented data sets; None for generated texts and for
    lines of plain text."""


def texts_of(items: object) -> list[str]:
    """The texts of items; of a pair only the first."""
    return [item.text for item in items]  # type: ignore[attr-defined]
