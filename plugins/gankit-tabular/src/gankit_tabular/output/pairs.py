"""Joint distributions of the most correlated pairs of columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats
from gankit_tabular.output.binning import BinnedColumn, bin_column, part_shares
from gankit_tabular.output.svg import NEUTRAL, Colour, mixed, moved, rect, shortened, text, title

PAIRS = 4
GRID, CATEGORIES = 12, 8
"""Intervals of a number, and categories with a place of their own."""
FULL: Colour = (8, 58, 122)


def strongest_pairs(found: Floats, names: Sequence[str]) -> list[tuple[str, str]]:
    """The most associated pairs, each column in one at most; pairs in which one column determines
    the other come last, since they show least.
    """
    strength = np.triu(np.nan_to_num(np.abs(found)), 1)
    strength[strength > 0.99] = 1e-3
    chosen: list[tuple[str, str]] = []
    while len(chosen) < PAIRS and strength.any():
        i, j = divmod(int(strength.argmax()), len(names))
        chosen.append((names[i], names[j]))
        strength[[i, j]] = strength[:, [i, j]] = 0
    return chosen


def pair_charts(
    generated: pa.Table, real: pa.Table | None, pairs: Sequence[tuple[str, str]], wide: float
) -> tuple[str, int]:
    """The charts, generated and real rows side by side, as SVG; and its height."""
    parts = [title("Most correlated pairs")]
    column, tall = wide / 2, 246
    for place, (x, y) in enumerate(pairs):
        binned = [bin_column(generated, real, name, GRID, CATEGORIES) for name in (x, y)]
        chart = _pair(x, y, *binned)
        parts.append(moved(chart, place % 2 * column, 30 + place // 2 * tall))
    return "".join(parts), 30 + -(-len(pairs) // 2) * tall


def _pair(x: str, y: str, across: BinnedColumn, up: BinnedColumn) -> str:
    left, top, wide, high = 84, 32, 166, 130
    parts = [text(0, 0, shortened(f"{y}  ↑", 190), weight="bold")]
    dx, dy = wide / len(across.names), high / len(up.names)
    panels = [("generated", across.generated, up.generated)]
    if across.real is not None and up.real is not None:
        panels.append(("real", across.real, up.real))
    size = len(across.names) * len(up.names)
    joint = [
        part_shares(np.where((a < 0) | (b < 0), -1, a * len(up.names) + b), size)
        for _, a, b in panels
    ]
    right = left + len(panels) * (wide + 14) - 14
    parts.append(text(right, 0, shortened(f"{x}  →", right - 200), weight="bold", anchor="end"))
    most = max(float(j.max()) for j in joint) or 1.0
    for i, ((whose, _, _), shares) in enumerate(zip(panels, joint, strict=True)):
        start = left + i * (wide + 14)
        parts.append(text(start + wide / 2, top - 7, whose, anchor="middle", fill="#555"))
        parts.append(
            f"<rect x='{start}' y='{top}' width='{wide}' height='{high}' fill='#fafafa' "
            "stroke='#ddd'/>"
        )
        for cell in np.flatnonzero(shares).tolist():
            a, b = divmod(cell, len(up.names))
            place = start + a * dx, (top + high - (b + 1) * dy if up.number else top + b * dy)
            tooltip = f"{across.names[a]}; {up.names[b]}: {shares[cell]:.1%} {whose}"
            # The square root keeps rare cells visible.
            colour = mixed(NEUTRAL, FULL, 0.08 + 0.92 * (shares[cell] / most) ** 0.5)
            parts.append(rect(*place, dx - 0.7, dy - 0.7, colour, tooltip))
        parts += _axis(across, start, top + high, wide)
    for tick, at in up.ticks:
        y_at = top + high * (1 - at if up.number else at)
        parts.append(text(left - 5, y_at + 3, shortened(tick, left), size=9, anchor="end"))
    return "".join(parts)


def _axis(column: BinnedColumn, start: float, below: float, wide: float) -> list[str]:
    """The labels of the horizontal axis."""
    parts = []
    for tick, at in column.ticks:
        x = start + wide * at
        if column.number:
            anchor = "start" if at == 0 else "end"
            parts.append(text(x, below + 13, tick, size=9, anchor=anchor))
        else:
            turn = f"rotate(-35,{x:.1f},{below + 10})"
            short = shortened(tick, 74)
            parts.append(text(x, below + 10, short, size=9, anchor="end", transform=turn))
    return parts
