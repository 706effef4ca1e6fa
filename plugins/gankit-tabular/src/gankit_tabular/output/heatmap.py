"""A heat map of associations between columns, and the largest differences from the real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit_tabular.data.arrow import Floats
from gankit_tabular.output.svg import NEUTRAL, Colour, mixed, moved, rect, shortened, text, title

NEGATIVE: Colour = (178, 24, 43)
POSITIVE: Colour = (33, 102, 172)
"""Ends of the colour scale: red and blue, which people with colour vision deficiency can
distinguish."""


def heat_map(made: Floats, true: Floats | None, names: Sequence[str]) -> tuple[str, int]:
    """Real associations below the diagonal, generated ones above it, as SVG; and its height."""
    k = len(names)
    cell = max(13, min(44, 560 // k))
    size, left, top = k * cell, 118, 100
    font = min(11, cell - 3)
    parts = [title("Associations")]
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        y = top + middle + font / 3
        parts.append(text(left - 6, y, shortened(name, left), size=font, anchor="end"))
        turned = f"rotate(-55,{left + middle:.1f},{top - 6})"
        short = shortened(name, 110)
        parts.append(text(left + middle, top - 6, short, size=font, transform=turned))
        for j in range(k):
            source = made if j > i or true is None else true
            value = source[i, j]
            if i == j or not np.isfinite(value):
                continue
            whose = "generated" if source is made else "real"
            tooltip = f"{names[i]} and {names[j]}: {value:.2f} {whose}"
            x, y = left + j * cell, top + i * cell
            parts.append(rect(x, y, cell - 1, cell - 1, _colour(value), tooltip))
            if cell >= 26:
                fill = "white" if abs(value) > 0.55 else "#333"
                number = f"{value:.2f}".replace("-", "−").replace("0.", ".", 1)
                centre = x + cell / 2 - 0.5, y + cell / 2 + 3
                parts.append(text(*centre, number, size=9.5, anchor="middle", fill=fill))
    right = left + size + 40
    parts.append(moved(_legend(true is not None), right, top + 8))
    if true is not None:
        parts.append(moved(_differences(made, true, names), right, top + 166))
    return "".join(parts), top + max(size, 360) + 44


def _legend(both: bool) -> str:
    stops = np.linspace(-1, 1, 21)
    parts = [rect(i * 8, 0, 8, 12, _colour(v)) for i, v in enumerate(stops)]
    ticks = ((0, "−1"), (84, "0"), (168, "1"))
    parts += [text(x, 25, t, size=9.5, anchor="middle", fill="#777") for x, t in ticks]
    lines = ["numbers: rank correlation", "categories: Cramér's V", "mixed: correlation ratio"]
    if both:
        lines = ["above the diagonal: generated", "below: real", "", *lines]
    parts += [text(0, 48 + 14 * i, line, size=10, fill="#555") for i, line in enumerate(lines)]
    return "".join(parts)


def _differences(made: Floats, true: Floats, names: Sequence[str]) -> str:
    """The pairs whose associations differ most, as a list."""
    away = np.nan_to_num(np.abs(made - true))
    order = [divmod(int(p), len(names)) for p in np.argsort(-away, axis=None, kind="stable")]
    parts = [text(0, 0, "Largest differences from real rows", weight="bold")]
    parts += [
        text(x, 18, t, size=9.5, anchor="end", fill="#777")
        for x, t in ((178, "generated"), (222, "real"))
    ]
    for place, (i, j) in enumerate([(i, j) for i, j in order if i < j and away[i, j]][:6]):
        y = 36 + 28 * place
        parts.append(text(0, y, shortened(names[i], 130)))
        parts.append(text(0, y + 12, shortened(names[j], 130)))
        for x, value in ((178, made[i, j]), (222, true[i, j])):
            parts.append(text(x, y + 6, f"{value:.2f}".replace("-", "−"), anchor="end"))
    return "".join(parts)


def _colour(value: float) -> str:
    return mixed(NEUTRAL, POSITIVE if value > 0 else NEGATIVE, abs(value))
