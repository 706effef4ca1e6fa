"""One row as a small picture."""

from __future__ import annotations

from gankit_tabular.data.rows import Row
from gankit_tabular.output.svg import LETTER, document, rect, shortened, text

MARGIN, LINE = 10, 18
NAME, VALUE = 220, 360
"""Widest columns, for names and for values."""
SHOWN = 60
"""Values in the picture at most."""


def draw_row(row: Row) -> str:
    """The names and values of a row as SVG."""
    cells = [(name, printed(value), value is None) for name, value in row.items()]
    more = len(cells) - SHOWN
    lines = cells[:SHOWN] if more <= 0 else [*cells[:SHOWN], ("…", f"{more} more", True)]
    left = min(max((len(name) for name, _, _ in lines), default=0) * LETTER + 24, NAME)
    right = min(max((len(value) for _, value, _ in lines), default=0) * LETTER + 12, VALUE)
    wide, high = round(left + right + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN
    parts = ["<rect width='100%' height='100%' fill='white'/>"]
    for i, (name, value, faint) in enumerate(lines):
        y = MARGIN + i * LINE
        if i % 2 == 0:
            parts.append(rect(MARGIN, y, wide - 2 * MARGIN, LINE, "#f4f4f4"))
        parts.append(text(MARGIN + 6, y + 13, shortened(name, left - 12), weight="bold"))
        fill = "#999" if faint else ""
        parts.append(text(MARGIN + left, y + 13, shortened(value, right), fill=fill))
    return document("\n".join(parts), wide, high, f"a row of {len(row)} values")


def printed(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else " ".join(str(value).split())
