"""A small chart of each column: bars of generated rows, lines of real ones."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from gankit_tabular.evaluation.vectors import is_number
from gankit_tabular.output.binning import BinnedColumn, bin_column
from gankit_tabular.output.svg import GENERATED, REAL, moved, rect, shortened, text, title

BARS, CATEGORIES = 20, 5
"""Bars of a histogram; categories with bars of their own."""


def column_charts(
    generated: pa.Table,
    real: pa.Table | None,
    names: Sequence[str],
    wide: float,
    heading: str = "Columns",
) -> tuple[str, int]:
    """The charts as SVG, and its height."""
    across = 4 if len(names) <= 16 else 5
    column, tall = wide / across, 122
    parts = [title(heading)]
    for i, name in enumerate(names):
        binned, inner = bin_column(generated, real, name, BARS, CATEGORIES), column - 22
        chart = text(0, 0, shortened(name, inner), weight="bold")
        chart += _histogram(binned, inner) if binned.number else _bars(binned, inner)
        chart += _missing(generated, real, name, inner)
        parts.append(moved(chart, i % across * column, 24 + i // across * tall))
    return "".join(parts), 24 + -(-len(names) // across) * tall + 14


def _missing(generated: pa.Table, real: pa.Table | None, name: str, wide: float) -> str:
    """The share of missing values of a number; a category has a bar for it."""
    made = generated.column(name).null_count / max(len(generated), 1)
    true = real.column(name).null_count / max(len(real), 1) if real is not None else 0.0
    if not is_number(generated, name) or not (made or true):
        return ""
    note = f"missing {made:.1%}" + (f", real {true:.1%}" if real is not None else "")
    return text(wide / 2, 105, note, size=9, anchor="middle", fill="#777")


def _histogram(column: BinnedColumn, wide: float) -> str:
    """A histogram; the real one as a stepped line."""
    made, true = column.shares()
    high, base = 70, 82
    tallest = max(made.max(initial=0), 0 if true is None else true.max(initial=0)) or 1.0
    step = wide / max(len(made), 1)
    parts = []
    for i, share in enumerate(made):
        h = high * share / tallest
        tooltip = _tooltip(column.names[i], share, None if true is None else true[i])
        parts.append(rect(i * step + 0.5, base - h, step - 1, h, GENERATED, tooltip))
    parts.append(f"<path d='M0,{base}.5h{wide:.1f}' stroke='#bbb'/>")
    if true is not None:
        line = "".join(f"V{base - high * t / tallest:.1f}h{step:.2f}" for t in true)
        path = f"M0,{base}{line}V{base}"
        parts.append(f"<path d='{path}' fill='none' stroke='{REAL}' stroke-width='1.3'/>")
    for (end, place), anchor in zip(column.ticks, ("start", "end"), strict=True):
        parts.append(text(place * wide, base + 12, end, size=9, anchor=anchor, fill="#777"))
    return "".join(parts)


def _bars(column: BinnedColumn, wide: float) -> str:
    """A bar for each category; the real share as a tick."""
    made, true = column.shares()
    left = min(wide * 0.46, 110)
    longest = max(made.max(initial=0), 0 if true is None else true.max(initial=0)) or 1.0
    scale = (wide - left - 6) / longest
    parts = []
    for i, (name, share) in enumerate(zip(column.names, made, strict=True)):
        y = 8 + i * 14.5
        tooltip = _tooltip(name, share, None if true is None else true[i])
        parts.append(text(left - 5, y + 9, shortened(name, left), size=9.5, anchor="end"))
        parts.append(rect(left, y, share * scale, 11, GENERATED, tooltip))
        if true is not None:
            tick = f"M{left + true[i] * scale:.1f},{y - 1}v13"
            parts.append(f"<path d='{tick}' stroke='{REAL}' stroke-width='2'/>")
    return "".join(parts)


def _tooltip(name: str, made: float, true: float | None) -> str:
    return f"{name}: {made:.1%}" + ("" if true is None else f", real {true:.1%}")
