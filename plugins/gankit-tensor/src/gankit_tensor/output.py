"""Writing arrays, and drawing them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Provenance, Rendering, Sample
from gankit.kit.pictures import svg, synthetic
from gankit_tensor.item import Array, Item, flat, stacked

SIDE, MARGIN = 480, 12
REACH = 3.0
"""Half the width and height of a scatter plot, in standard deviations."""
MOST_REAL = 2000
"""Training items in a preview."""
REAL, MADE = "#c9c9c9", "#1f4e9e"


def write(samples: Iterable[Sample[Item]], target: Path, provenance: Provenance) -> None:
    """Writes ``arrays.npz`` with ``x``, the conditions, ``seed`` and ``provenance`` (JSON in
    UTF-8). A ``.npy`` file would hold neither conditions nor marks."""
    found = list(samples)
    arrays: dict[str, Any] = {"x": stacked([sample.item for sample in found])}
    for name in found[0].item.c:
        arrays[name] = np.array([sample.item.c[name] for sample in found])
    arrays["seed"] = np.array([sample.seed for sample in found])
    text = json.dumps(provenance.text()).encode()
    arrays["provenance"] = np.frombuffer(text, np.uint8)
    np.savez(target / "arrays.npz", **arrays)


def render(item: Item) -> Rendering:
    """The numbers of an item as bars."""
    values = flat([item])[0]
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    step, span = (SIDE - 2 * MARGIN) / len(values), (high - low) or 1.0
    bars = []
    for i, value in enumerate(values):
        top, base = (MARGIN + (high - v) / span * 120 for v in (max(value, 0), min(value, 0)))
        bars.append(
            f'<rect x="{MARGIN + i * step:.1f}" y="{top:.1f}" width="{max(step - 1, 0.5):.1f}" '
            f'height="{max(base - top, 0.5):.1f}" fill="{MADE}"/>'
        )
    return Rendering("image/svg+xml", svg(_document("".join(bars), 120 + 2 * MARGIN), {}))


def preview(items: Sequence[Item], real: Sequence[Item], source_type: str) -> Rendering:
    """Items as points along the two principal axes of the real ones, which are grey; of their own
    where there are no real ones."""
    step = max(len(real) // MOST_REAL, 1)
    shown = [real[i] for i in range(0, len(real), step)]
    axes = _Axes(flat(shown if len(shown) > 2 else items))
    dots = _dots(axes(flat(shown)), REAL) if shown else ""
    document = _document(dots + _dots(axes(flat(items)), MADE), SIDE)
    return Rendering("image/svg+xml", svg(document, synthetic(source_type)))


class _Axes:
    """The two directions in which rows vary most, in standard deviations."""

    def __init__(self, rows: Array) -> None:
        self.mean = rows.mean(0)
        deviation = rows.std(0)
        self.scale = np.where(deviation > 0, deviation, 1.0)
        centred = (rows - self.mean) / self.scale
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        self.axes = axes[:2].T
        spread = (centred @ self.axes).std(0)
        self.spread = np.where(spread > 0, spread, 1.0)

    def __call__(self, rows: Array) -> Array:
        """Places ``(N, 2)`` of rows; the second is 0 where there is one direction only."""
        placed = ((rows - self.mean) / self.scale) @ self.axes / self.spread
        return np.pad(placed, ((0, 0), (0, 2 - placed.shape[1])))


def _dots(places: Array, colour: str) -> str:
    half = SIDE / 2 - MARGIN
    circles = [
        f'<circle cx="{SIDE / 2 + x * half:.1f}" cy="{SIDE / 2 - y * half:.1f}" r="2.2"/>'
        for x, y in np.clip(places / REACH, -1, 1)
    ]
    return f'<g fill="{colour}" fill-opacity="0.7">{"".join(circles)}</g>'


def _document(body: str, tall: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{tall}" '
        f'viewBox="0 0 {SIDE} {tall}"><rect width="{SIDE}" height="{tall}" fill="white"/>'
        f"{body}</svg>"
    )
