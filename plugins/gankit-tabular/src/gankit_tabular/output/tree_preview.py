"""A picture of many entities or trees: rows per parent, how rows follow each other, and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit.contract.subsets import take
from gankit_tabular.data.trees.items import Tree, Trees, as_trees
from gankit_tabular.evaluation.trees.parts import Part, TreeColumns, joined
from gankit_tabular.evaluation.trees.relations import rows_each
from gankit_tabular.output.charts import column_charts
from gankit_tabular.output.courses import course_charts
from gankit_tabular.output.preview import INNER, SHOWN, Chart, joint_charts, page, table_charts
from gankit_tabular.output.svg import moved, title

MOST = 1_000
"""Evenly spaced training trees that a preview shows."""
LINKS = 3
"""Tables that are shown together with their parents, at most."""


def draw_trees(generated: Sequence[Tree], real: Sequence[Tree] = ()) -> str:
    """Rows per parent, a few generated entities over the real ones' quantiles, and for every table
    what :func:`gankit_tabular.output.preview.draw_preview` shows, with its parent's columns, as
    SVG. It shows shares and quantiles of real rows, no row, and no value that few rows have.

    Args:
        generated: some generated trees.
        real: training trees, which may be many and lazy; none for a private run.
    """
    made = as_trees(generated)
    true = as_trees(take(real, np.arange(0, len(real), -(-len(real) // MOST)))) if real else None
    columns = TreeColumns(made if true is None else true)
    parts = columns.parts(made)
    reals = None if true is None else columns.parts(true)
    charts: list[Chart] = [_counts(parts, reals)]
    if made.structure.is_sequence:
        charts += course_charts(parts[1], None if reals is None else reals[1], INNER)
        charts += table_charts(joined(parts, 1), None if reals is None else joined(reals, 1))
    else:
        charts += _tables(parts, reals)
    return page(_about(made, true), charts, real=true is not None)


def _about(made: Trees, true: Trees | None) -> str:
    structure, parts = made.structure, list[str]()
    for trees, whose in ((made, "generated"), (true, "real")):
        if trees is None:
            continue
        if structure.is_sequence:
            rows = len(trees.tables[structure.names[0]])
            parts.append(f"{len(trees):,} {whose} entities ({structure.entity}), {rows:,} rows")
        else:
            sizes = ", ".join(f"{len(trees.tables[n]):,} {n}" for n in structure.names)
            parts.append(f"{whose}: {sizes}")
    return "; ".join(parts)


def _counts(parts: Sequence[Part], reals: Sequence[Part] | None) -> Chart:
    """Rows of each parent, as bars; real ones as lines."""
    charts = []
    for i, part in enumerate(parts):
        if part.parent < 0:
            continue
        name = f"{part.name} per {parts[part.parent].name}"
        made, true = (
            None if of is None else pa.table({name: rows_each(of, i).astype(np.int64)})
            for of in (parts, reals)
        )
        charts.append(column_charts(made, true, [name], INNER, "")[0])
    across = [moved(chart, i * INNER / 4, 0) for i, chart in enumerate(charts[:4])]
    return title("Rows that belong together") + "".join(across), 160


def _tables(parts: Sequence[Part], reals: Sequence[Part] | None) -> list[Chart]:
    """Each table's columns, and those of the first tables with their parents'."""
    charts = list[Chart]()
    for i, part in enumerate(parts):
        true = None if reals is None else reals[i].table
        if part.table.num_columns:
            names = part.table.column_names[:SHOWN]
            charts.append(column_charts(part.table, true, names, INNER, part.name))
    for i in range(1, min(len(parts), LINKS + 1)):
        made, true = joined(parts, i), None if reals is None else joined(reals, i)
        if len(made):
            charts += joint_charts(made, true, made.column_names[:SHOWN])
    return charts
