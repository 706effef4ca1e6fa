"""Two scores that are traded against each other, of a generator and of simpler models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from gankit.report.charts import ALONE, COLOURS, HIGH, PAGE, WIDE, pygal_module, smaller, style_of

MODEL = "model"
"""The first key of the rows of details that are drawn."""
REAL = "real"
"""The model that is held-out real data."""
LEGEND_COLUMNS, LEGEND_ROW = 2, 26
"""Of the legend below a chart: names a row, and a row's height in pixels."""


class Scored(Protocol):
    """What is used of a score."""

    @property
    def name(self) -> str: ...
    @property
    def baselines(self) -> Mapping[str, float]: ...
    @property
    def lower_is_better(self) -> bool | None: ...


def with_baselines(
    rows: Sequence[Mapping[str, Any]], scores: Sequence[Scored]
) -> list[Mapping[str, Any]]:
    """Rows of models, and a row for each baseline that has all of their scores but no row."""
    keys = [key for key in rows[0] if key != MODEL]
    known = {row[MODEL] for row in rows}
    by_name = {score.name: score for score in scores if score.name in keys}
    if set(by_name) != set(keys):
        return list(rows)
    shared = [set(score.baselines) for score in by_name.values()]
    more = [
        {MODEL: name, **{key: by_name[key].baselines[name] for key in keys}}
        for name in by_name[keys[0]].baselines
        if name not in known and all(name in names for names in shared)
    ]
    return [*rows, *more]


def better_in_both(rows: Sequence[Mapping[str, Any]], scores: Sequence[Scored]) -> list[str] | None:
    """Models that are better than the first, the generator, in the first two scores at once, real
    data left out; None where it is not known which direction is better."""
    keys = [key for key in rows[0] if key != MODEL][:2]
    lower = {score.name: score.lower_is_better for score in scores}
    if len(keys) < 2 or any(lower.get(key) is None for key in keys):
        return None
    signs = {key: 1 if lower[key] else -1 for key in keys}
    ours = rows[0]
    return [
        str(row[MODEL])
        for row in rows[1:]
        if row[MODEL] != REAL
        and all(sign * (row[key] - ours[key]) < 0 for key, sign in signs.items())
    ]


def tradeoff_chart(rows: Sequence[Mapping[str, Any]], alone: bool = False) -> str:
    """The first score against the second, a point for each model; those whose names differ in the
    last word only, such as one model at several temperatures, are joined by a line. Empty where
    fewer than two points are finite.

    Args:
        alone: for a file of its own, instead of a page with our style.
    """
    keys = [key for key in rows[0] if key != MODEL]
    if len(keys) < 2:
        return ""
    points = [
        (str(row[MODEL]), float(row[keys[0]]), float(row[keys[1]]))
        for row in rows
        if all(isinstance(row[k], int | float) and math.isfinite(row[k]) for k in keys[:2])
    ]
    if len(points) < 2:
        return ""
    groups: dict[str, list[tuple[str, float, float]]] = {}
    for point in points:
        family = point[0].rpartition(" ")[0] or point[0]
        single = sum((n.rpartition(" ")[0] or n) == family for n, _, _ in points) < 2
        groups.setdefault(point[0] if single else family, []).append(point)
    chart = pygal_module().XY(
        js=[],
        style=style_of(COLOURS, *(ALONE if alone else PAGE)),
        explicit_size=alone,
        width=WIDE,
        height=HIGH + 60 + LEGEND_ROW * math.ceil(len(groups) / LEGEND_COLUMNS),
        margin=8,
        margin_bottom=8 + 2 * LEGEND_ROW,  # pygal reserves too little for the last rows
        pretty_print=False,
        disable_xml_declaration=True,
        show_legend=True,
        legend_at_bottom=True,
        legend_at_bottom_columns=LEGEND_COLUMNS,
        truncate_legend=-1,
        truncate_label=-1,
        dots_size=4,
        x_title=keys[0].replace("_", " "),
        y_title=keys[1].replace("_", " "),
        value_formatter=lambda y: f"{y:.3g}",
        x_value_formatter=lambda x: f"{x:.3g}",
    )
    chart.uuid = f"g-tradeoff-{'-'.join(keys[:2])}"  # a random one would change the page each time
    for name, found in groups.items():
        values = [{"value": (x, y), "label": label} for label, x, y in found]
        chart.add(name, values, stroke=len(found) > 1)
    svg = smaller(chart.render(is_unicode=True))
    said = "; ".join(f"{name}: {x:.3g}, {y:.3g}" for name, x, y in points)
    label = escape(f"{keys[0]} and {keys[1]} of each model. {said}.")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
