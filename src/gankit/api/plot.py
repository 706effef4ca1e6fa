"""Curves of training as an SVG document: nothing needs to be installed to look at them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gankit.engine.clock import ADVERSARIAL, WARM_UP
from gankit.errors import GankitError, did_you_mean
from gankit.runs.phases import warm_up_of

DEFAULT = ("nll", "d_loss", "g_loss", "d_sign", "fake_std")
"""Values that are shown where none are named, as far as they were logged."""
WIDE, HIGH, LEFT, GAP = 640, 120, 70, 34
INK, AXIS = "#1f4e9e", "#999"


@dataclass(frozen=True)
class Plot:
    """A drawing that a notebook shows."""

    svg: str

    def save(self, path: str | Path) -> Path:
        """Writes it as an SVG file, and returns its path."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return "Plot of training; .save('training.svg') writes it, a notebook shows it"


def plot(ticks: Sequence[Mapping[str, Any]], names: Sequence[str], title: str) -> Plot:
    """A panel for each value, over the samples seen; a line where the adversarial game begins.

    Raises:
        GankitError: a value was not logged, or nothing was.
    """
    known = sorted({k for tick in ticks for k, v in tick.items() if isinstance(v, int | float)})
    if not known:
        raise GankitError(f"{title} has no metrics yet", "Train it first")
    for name in names:
        if name not in known:
            raise GankitError(f"no value {name!r} was logged", did_you_mean(name, known))
    chosen = names or [name for name in DEFAULT if name in known]
    last = max(int(tick["samples"]) for tick in ticks) or 1
    panels = []
    for i, name in enumerate(chosen):
        points = [(int(t["samples"]) / last, float(t[name])) for t in ticks if name in t]
        shown = [(x, y) for x, y in points if math.isfinite(y)]
        if shown:
            panels.append(_panel(name, shown, GAP + i * (HIGH + GAP)))
    tall = GAP + len(chosen) * (HIGH + GAP)
    warm_up = warm_up_of(ticks)
    if 0 < warm_up < last:
        panels.append(_turn(LEFT + warm_up / last * (WIDE - LEFT - 10), tall))
    parts = "".join(panels)
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" width="{WIDE}" '
        f'height="{tall}" font-family="sans-serif" font-size="11">'
        f'<rect width="{WIDE}" height="{tall}" fill="white"/>'
        f'<text x="{LEFT}" y="18" font-size="13">{escape(title)}: {last:,} samples</text>'
        f"{parts}</svg>"
    )


def _turn(x: float, tall: int) -> str:
    """The line between the phases, with the name of the second."""
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{GAP}" y2="{tall - GAP}" stroke="{AXIS}" '
        f'stroke-dasharray="4 3"/>'
        f'<text x="{x:.1f}" y="{tall - GAP + 14}" text-anchor="middle" fill="{AXIS}">'
        f"{WARM_UP} | {ADVERSARIAL}</text>"
    )


def _panel(name: str, points: Sequence[tuple[float, float]], top: int) -> str:
    """One value's curve in a frame, with its range at the left."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    span, across = (high - low) or 1.0, WIDE - LEFT - 10
    path = " ".join(
        f"{LEFT + x * across:.1f},{top + HIGH - (y - low) / span * HIGH:.1f}" for x, y in points
    )
    label = f'text-anchor="end" fill="{AXIS}"'
    return (
        f'<rect x="{LEFT}" y="{top}" width="{across}" height="{HIGH}" fill="none" '
        f'stroke="{AXIS}"/>'
        f'<text x="{LEFT + 6}" y="{top + 14}" fill="{INK}">{escape(name)}</text>'
        f'<text x="{LEFT - 6}" y="{top + 10}" {label}>{high:.3g}</text>'
        f'<text x="{LEFT - 6}" y="{top + HIGH}" {label}>{low:.3g}</text>'
        f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5"/>'
    )
