"""What training texts look like, which generated ones have to look like too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gankit.kit.row_tables import label_text
from gankit_text.data.items import Text
from gankit_text.data.rows import normal

_BLANK = re.compile(r"\n\s*\n")
LOOKED_AT = 1_000


@dataclass(frozen=True)
class Form:
    """Of training texts.

    Attributes:
        lines: whether some have several lines.
        blank: whether some have blank lines.
        edges: whether some begin or end with white space.
        paired: whether they are pairs.
        columns: names of the columns that text, label and pair were read from.
    """

    lines: bool = False
    blank: bool = False
    edges: bool = False
    paired: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Sequence[Text]) -> Form:
        texts = [text for item in items for text in (item.text, item.pair) if text is not None]
        return cls(
            any("\n" in text for text in texts),
            any(_BLANK.search(text) for text in texts),
            any(text != text.strip() for text in texts),
            bool(items) and items[0].pair is not None,
            _columns(items[:LOOKED_AT]),
        )

    def applied(self, text: str) -> str:
        """A generated text, normalized, without what no training text has: line breaks, blank
        lines, white space at its ends. Otherwise it could not be written to files of their kind."""
        text = normal(text)
        if not self.lines:
            text = re.sub(r"\s*\n\s*", " ", text)
        elif not self.blank:
            text = _BLANK.sub("\n", text)
        return text if self.edges else text.strip()

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Form:
        return cls(**{**state, "columns": dict(state["columns"])})


def _columns(items: Sequence[Text]) -> dict[str, str]:
    """The columns whose cells are each item's text, label and pair; empty for plain text."""
    read = [item for item in items if item.read]
    if not read:
        return {}
    parts: dict[str, Callable[[Text, object], bool]] = {
        "text": lambda item, cell: isinstance(cell, str) and normal(cell) == item.text,
        "label": lambda item, cell: item.label is not None and label_text(cell) == item.label,
        "pair": lambda item, cell: isinstance(cell, str) and normal(cell) == item.pair,
    }
    names = list(dict.fromkeys(key for item in read for key in item.read or {}))
    found: dict[str, str] = {}
    for part, same in parts.items():
        for name in names:
            if name not in found.values() and all(
                same(item, (item.read or {}).get(name)) for item in read
            ):
                found[part] = name
                break
    return found
