"""Line charts as SVG, drawn by pygal: in a page they take its colours, light or dark."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeVar

T = TypeVar("T")
Points = Sequence[tuple[float, float]]

WIDE, HIGH = 440, 240
MOST_POINTS = 300
"""Of a curve; of more, as many are drawn, evenly spread, the first and the last among them."""
LARGEST = 1e150
"""Of what is drawn: an axis of larger numbers overflows."""
COLOURS = (
    *("#2f6fd6", "#c4561a", "#2c8a57", "#8a4fc0", "#a67c00", "#c23a6b", "#178a9e", "#77736c"),
)
"""For lines on light and dark ground; the names of lines stand beside the chart as well."""
PAGE = ("var(--ink)", "var(--soft)", "var(--line)")
ALONE = ("#1b1c20", "#585b66", "#d9dbe1")
"""Colours of text, of labels and of guides: variables of the page's style, or fixed ones."""


DASHES = {"width": 2, "dasharray": "6, 4"}
"""Of a line that is a baseline of another."""
APART = 14
"""Units between two labels of marks: of nearer ones, the first is shown."""


@dataclass(frozen=True)
class Mark:
    """A vertical line where something happened."""

    at: float
    """Samples seen."""
    label: str
    """A character or two at its top."""
    text: str
    """What is shown when the pointer is on it."""
    kind: str
    """The class of its style."""


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    *,
    colours: Sequence[str] = COLOURS,
    dashed: Collection[str] = (),
    marks: Sequence[Mark] = (),
    end: float = 0.0,
    alone: bool = False,
) -> str:
    """One chart of curves over the samples seen; empty where no value is finite.

    The scale is one of powers of ten where values are positive and span more than three of them.

    Args:
        title: what the values are.
        lines: points ``(samples, value)`` by the name of the line.
        colours: of the lines, in order.
        dashed: names of lines that are baselines.
        marks: in order; their style is that of the page.
        end: samples at which the axis ends, where there are marks.
        alone: for a file of its own, instead of a page with our style.
    """
    pygal = pygal_module()
    shown = {
        name: evenly([point for point in points if abs(point[1]) < LARGEST], MOST_POINTS)
        for name, points in lines.items()
    }
    values = [y for points in shown.values() for _, y in points]
    if not values:
        return ""
    powers = min(values) > 0 and max(values) / min(values) > 1000
    chart = pygal.XY(
        js=[],  # pygal's own would come from another host
        style=style_of(colours, *(ALONE if alone else PAGE)),
        title=title if alone else None,
        width=WIDE,
        height=HIGH,
        margin=8,
        explicit_size=alone,
        pretty_print=False,
        disable_xml_declaration=True,
        show_dots=False,
        show_legend=False,
        show_x_guides=False,
        stroke_style={"width": 2},
        truncate_label=-1,
        x_value_formatter=short,
        value_formatter=(lambda y: f"{10**y:.3g}") if powers else (lambda y: f"{y:.3g}"),
        x_labels_major_count=4,
        show_minor_x_labels=False,
        y_labels_major_count=4,
        show_minor_y_labels=False,
    )
    if powers:  # pygal's own logarithmic scale is one of both axes
        chart.y_labels = _powers(min(values), max(values))
        chart.show_minor_y_labels = True
    chart.uuid = "g" + re.sub(r"\W+", "-", title)  # a random one would change the page each time
    for name, points in shown.items():
        style = {"stroke_style": DASHES} if name in dashed else {}
        values_of = [(x, math.log10(y)) for x, y in points] if powers else points
        chart.add(name, values_of, **style)
    if marks:
        low = math.log10(min(values)) if powers else min(values)
        # A line whose points are where the marks will be, between the ends of the axis.
        chart.add(None, [(x, low) for x in (0.0, *(mark.at for mark in marks), end)])
    svg = _marked(smaller(chart.render(is_unicode=True)), marks)
    return _accessible(svg, title, shown)


def _marked(svg: str, marks: Sequence[Mark]) -> str:
    """With vertical lines in place of the last line."""
    if not marks:
        return svg
    found = [*re.finditer(r'<path d="([^"]*)" class="line reactive nofill"[^>]*>', svg)][-1]
    across = [float(x) for x, _ in re.findall(r"(-?[\d.]+) (-?[\d.]+)", found[1])][1:-1]
    high = re.findall(r'height="([\d.]+)" class="background"', svg)[-1]
    drawn, free = "", -math.inf
    for mark, x in zip(marks, across, strict=True):
        label = ""
        if x >= free:
            label, free = f'<text x="{x + 3:.1f}" y="9">{escape(mark.label)}</text>', x + APART
        drawn += (
            f'<g class="mark {mark.kind}"><title>{escape(mark.text)}</title>'
            f'<path d="M{x:.1f} 0v{high}"/>{label}</g>'
        )
    return svg[: found.start()] + drawn + svg[found.end() :]


def pygal_module() -> Any:
    """pygal, without the finder of its map plugins: it is of a kind that Python warns of at each
    later import."""
    import pygal.style

    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]
    return pygal


def style_of(colours: Sequence[str], ink: str, soft: str, line: str) -> Any:
    return pygal_module().style.Style(
        background="transparent",
        plot_background="transparent",
        foreground=soft,
        foreground_strong=ink,
        foreground_subtle=soft,
        guide_stroke_color=line,
        guide_stroke_dasharray="none",
        major_guide_stroke_color=line,
        major_guide_stroke_dasharray="none",
        colors=tuple(colours),
        font_family="system-ui, sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        title_font_size=15,
        stroke_opacity="1",
    )


def _powers(low: float, high: float) -> list[int]:
    """Up to five whole powers of ten around values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return list(range(first, last + 1, max(1, math.ceil((last - first) / 4))))


def smaller(svg: str) -> str:
    """Without comments and the settings for pygal's script, which is not there; coordinates, but
    not labels, with one decimal."""
    svg = re.sub(r"<!--.*?-->|<script.*?</script>", "", svg, flags=re.DOTALL)
    return re.sub(r"(?<![>\d.-])(-?\d+\.\d)\d+(?=[\s\",)])", r"\1", svg)


def short(samples: float) -> str:
    """``20k`` or ``1.5M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(samples) >= size:
            return f"{samples / size:.3g}{unit}"
    return f"{samples:.3g}"


def evenly(items: Sequence[T], most: int) -> list[T]:
    """As many of the items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / max(most - 1, 1)
    return [items[round(i * step)] for i in range(most)]


def _accessible(svg: str, title: str, lines: Mapping[str, Points]) -> str:
    """The chart as one image with a text, for people who do not see it."""
    ends = "; ".join(
        f"{name}: {points[0][1]:.3g} at {short(points[0][0])} samples, "
        f"{points[-1][1]:.3g} at {short(points[-1][0])}"
        for name, points in lines.items()
        if points
    )
    label = f"{title} over the samples seen. {ends}."
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
