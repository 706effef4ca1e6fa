"""Curves of training as an SVG document: nothing needs to be installed to look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gankit.engine.clock import ADVERSARIAL, WARM_UP
from gankit.errors import GankitError, did_you_mean
from gankit.report.charts import HIGH, WIDE, line_chart
from gankit.runs.phases import warm_up_of

DEFAULT = ("nll", "d_loss", "g_loss", "d_sign", "fake_std")
"""Values that are shown where none are named, as far as they were logged."""
HEAD = 28
"""Height of the title."""


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
    """A chart for each value, over the samples seen; where there was a warm-up, the title says
    until when.

    Raises:
        GankitError: a value was not logged, or nothing was.
    """
    known = sorted({k for tick in ticks for k, v in tick.items() if isinstance(v, int | float)})
    if not known:
        raise GankitError(f"{title} has no metrics yet", "Train it first")
    for name in names:
        if name not in known:
            raise GankitError(f"no value {name!r} was logged", did_you_mean(name, known))
    last = max(int(tick["samples"]) for tick in ticks)
    warm_up = warm_up_of(ticks)
    about = f"{title}: {last:,} samples"
    if 0 < warm_up < last:
        about += f", {WARM_UP} until {warm_up:,}, then {ADVERSARIAL}"
    charts = list[str]()
    for name in names or [name for name in DEFAULT if name in known]:
        points = [(int(t["samples"]), float(t[name])) for t in ticks if name in t]
        if chart := line_chart(name, {name: points}, alone=True):
            moved = chart.replace("<svg ", f'<svg y="{HEAD + len(charts) * HIGH}" ', 1)
            charts.append(moved)
    tall = HEAD + len(charts) * HIGH
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" width="{WIDE}" '
        f'height="{tall}" font-family="sans-serif" font-size="13">'
        f'<rect width="{WIDE}" height="{tall}" fill="white"/>'
        f'<text x="8" y="18">{escape(about)}</text>{"".join(charts)}</svg>'
    )
