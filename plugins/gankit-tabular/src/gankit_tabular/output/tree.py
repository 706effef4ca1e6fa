"""One tree of rows as a small picture: an entity over time, or a row with what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats, numbers
from gankit_tabular.data.trees.items import Tree
from gankit_tabular.formats.columns import typed_table
from gankit_tabular.output.row import MARGIN, printed
from gankit_tabular.output.svg import GENERATED, LETTER, document, rect, shortened, text

LINE, CELL, INDENT = 18, 150, 18
ROWS, COLUMNS, LINES = 20, 10, 4
"""Rows, columns, and numbers over the order that are drawn at most."""
WIDE, HIGH = 560, 60
"""Of a number over the order."""


def draw_tree(tree: Tree) -> str:
    """The first rows of a sequence with its numbers over the order, or of each table of a tree,
    as SVG."""
    if tree.structure.is_sequence:
        (name,) = tree
        parts, wide, y = _rows(tree[name], name, 0, MARGIN)
        drawn, y = _over_order(tree[name], tree.structure.order, y + 8)
        parts += drawn
        wide = max(wide, WIDE + 2 * MARGIN if drawn else 0)
        about = f"a sequence of {tree[name].num_rows} rows"
    else:
        parts, wide, y = _nested(tree)
        about = f"a tree of {sum(table.num_rows for table in tree.values())} rows"
    parts.insert(0, "<rect width='100%' height='100%' fill='white'/>")
    return document("\n".join(parts), round(wide), round(y + MARGIN), about)


def _nested(tree: Tree) -> tuple[list[str], float, float]:
    """Each table below its parent's, further to the right."""
    depth: dict[str, int] = {}
    parts, wide, y = list[str](), 0.0, float(MARGIN)
    for link in tree.structure.links:
        depth[link.table] = depth[link.parent] + 1 if link.parent else 0
        drawn, width, y = _rows(tree[link.table], link.table, depth[link.table] * INDENT, y)
        parts, wide, y = [*parts, *drawn], max(wide, width), y + 10
    return parts, wide, y


def _rows(table: pa.Table, name: str, left: float, y: float) -> tuple[list[str], float, float]:
    """A table's first rows; with the width and the end."""
    n, names = table.num_rows, table.column_names
    shown = names[:COLUMNS]
    more = [f"{len(names) - COLUMNS} more columns"] if len(names) > COLUMNS else []
    more += [f"{n - ROWS} more rows"] if n > ROWS else []
    rows = table.select(shown).slice(0, ROWS).to_pylist()
    cells = [[printed(row[c]) for c in shown] for row in rows]
    widths = [
        min(max(len(t) for t in (c, *(line[i] for line in cells))) * LETTER + 14, CELL)
        for i, c in enumerate(shown)
    ]
    x0, wide = MARGIN + left, sum(widths)
    counted = f"{name}: {n} row{'' if n == 1 else 's'}"
    parts = [text(x0, y + 12, counted, weight="bold")]
    y += LINE
    for k, line in enumerate([shown, *cells]):
        if k % 2 == 0:
            parts.append(rect(x0, y, wide, LINE, "#f4f4f4"))
        x = x0
        for cell, width in zip(line, widths, strict=True):
            weight = "" if k else "bold"
            parts.append(text(x + 6, y + 13, shortened(cell, width - 10), weight=weight))
            x += width
        y += LINE
    if more:
        parts.append(text(x0 + 6, y + 13, f"… {', '.join(more)}", fill="#999"))
        y += LINE
    return parts, x0 + wide + MARGIN, y


def _over_order(table: pa.Table, order: str, y: float) -> tuple[list[str], float]:
    """The numbers that change, a line each."""
    typed = typed_table(table)
    if table.num_rows < 2:
        return [], y
    places = np.arange(table.num_rows, dtype=np.float64)
    if order and _is_number(typed.column(order).type):
        places = numbers(typed.column(order))
    parts, drawn = list[str](), 0
    for name in typed.column_names:
        column = typed.column(name)
        if name == order or drawn == LINES or not _is_number(column.type):
            continue
        if pa.types.is_temporal(column.type):
            continue
        values = numbers(column)
        known = np.isfinite(values)
        if known.sum() > 1 and np.ptp(values[known]) > 0:
            parts += _line(name, places[known], values[known], y)
            y, drawn = y + HIGH + 14, drawn + 1
    return parts, y


def _line(name: str, places: Floats, values: Floats, y: float) -> Sequence[str]:
    low, high = values.min(), values.max()
    across = np.ptp(places) or 1.0
    xs = MARGIN + (places - places.min()) / across * WIDE
    ys = y + 16 + (1 - (values - low) / (high - low)) * (HIGH - 18)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs, ys, strict=True))
    dots = "".join(f"<circle cx='{a:.1f}' cy='{b:.1f}' r='1.6' fill='{GENERATED}'/>"
                   for a, b in zip(xs, ys, strict=True))  # fmt: skip
    return [
        text(MARGIN, y + 10, f"{name}: {low:.4g} to {high:.4g}", weight="bold"),
        f"<polyline points='{points}' fill='none' stroke='{GENERATED}'/>",
        dots,
    ]


def _is_number(t: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(t) or types.is_floating(t) or types.is_decimal(t) or types.is_temporal(t)
    )
