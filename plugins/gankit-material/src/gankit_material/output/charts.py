"""Histograms of what follows from a composition or a cell, generated beside real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gankit_material.data.items import Material
from gankit_material.structures.geometry import Array
from gankit_material.structures.radii import electronegativity

HEIGHT, GAP = 84, 12
BINS = 24
PAPER, INK, FAINT, EDGE = (255, 255, 255), (34, 38, 43), (91, 100, 112), (205, 210, 216)
GENERATED, REAL = (122, 176, 214), (196, 78, 40)
"""Blue areas and orange lines: shape and lightness differ, too."""


def _mean(item: Material) -> float:
    total = sum(item.counts.values())
    return sum(n * electronegativity(e) for e, n in item.counts.items()) / total


def _spread(item: Material) -> float:
    values = [electronegativity(e) for e in item.counts]
    return max(values) - min(values)


def _volume(item: Material) -> float:
    if item.cell is None:
        return float("nan")
    return abs(float(np.linalg.det(np.array(item.cell.lattice)))) / len(item.cell.species)


PROPERTIES: Mapping[str, Callable[[Material], float]] = {
    "elements": lambda item: float(len(item.counts)),
    "atoms in the formula": lambda item: float(sum(item.counts.values())),
    "mean electronegativity": _mean,
    "difference of electronegativity": _spread,
    "volume per atom, cubic angstrom": _volume,
}
WHOLE = ("elements", "atoms in the formula")


def histograms(generated: Sequence[Material], real: Sequence[Material], wide: int) -> Image.Image:
    """A row of charts; those without any value are left out."""
    kept = []
    for name, measure in PROPERTIES.items():
        made, true = (_values(some, measure) for some in (generated, real))
        if len(made):
            kept.append((name, made, true))
    page = Image.new("RGB", (wide, HEIGHT + 44), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    pen.rectangle((0, 3, 12, 13), GENERATED)
    pen.text((18, 1), f"generated ({len(generated):,})", INK, font)
    if real:
        start = 34 + round(pen.textlength(f"generated ({len(generated):,})", font))
        pen.line((start, 8, start + 14, 8), REAL, 2)
        pen.text((start + 20, 1), f"data ({len(real):,})", INK, font)
    each = (wide + GAP) / max(len(kept), 1)
    for i, (name, made, true) in enumerate(kept):
        _chart(pen, round(i * each), 22, round(each) - 2 * GAP, name, made, true)
    return page


def _values(items: Sequence[Material], measure: Callable[[Material], float]) -> Array:
    found = np.array([measure(item) for item in items], float)
    return np.asarray(found[np.isfinite(found)])


def _chart(
    pen: ImageDraw.ImageDraw, left: int, top: int, wide: int, name: str, made: Array, true: Array
) -> None:
    font, small = ImageFont.load_default(12), ImageFont.load_default(10)
    pen.text((left, top), name, INK, font)
    edges = _edges(np.concatenate([made, true]), name in WHOLE)
    shares = [_shares(values, edges) for values in (made, true)]
    tallest = max(float(share.max()) for share in shares) or 1.0
    base, room = top + 20 + HEIGHT - 20, HEIGHT - 22
    at = [left + wide * i / (len(edges) - 1) for i in range(len(edges))]
    for i, share in enumerate(shares[0]):
        if share:
            pen.rectangle((at[i], base - room * share / tallest, at[i + 1] - 1, base), GENERATED)
    if len(true):
        steps = [(at[0], float(base))]
        for i, share in enumerate(shares[1]):
            y = base - room * float(share) / tallest
            steps += [(at[i], y), (at[i + 1], y)]
        pen.line([*steps, (at[-1], float(base))], REAL, 2)
    pen.line((left, base, left + wide, base), EDGE)
    inside = 0.5 if name in WHOLE else 0.0
    low, high = (
        f"{x:.0f}" if inside else f"{x:.2g}" for x in (edges[0] + inside, edges[-1] - inside)
    )
    pen.text((left, base + 3), low, FAINT, small)
    pen.text((left + wide, base + 3), high, FAINT, small, anchor="ra")


def _edges(values: Array, whole: bool) -> Array:
    """Edges of bins for 98 % of the values; the others are in the outer ones."""
    low, high = np.quantile(values, 0.01), np.quantile(values, 0.99)
    if whole:
        low, high = np.floor(low), np.ceil(high)
        step = max(-(-(high - low + 1) // BINS), 1)
        return np.asarray(np.arange(low, high + step + 1, step) - 0.5)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _shares(values: Array, edges: Array) -> Array:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return np.asarray(counts / max(len(values), 1))
