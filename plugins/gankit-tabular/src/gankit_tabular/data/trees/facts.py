"""What is said of sequences and trees before training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gankit_tabular.data.arrow import Ints, temporal_integers
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.data.trees.measures import beyond, children_counts
from gankit_tabular.data.trees.sequences import TABLE, Sequences
from gankit_tabular.settings import TabularSettings

SHOWN = 12
"""Constants that are named."""
UNITS = (("d", 86_400, "days"), ("h", 3600, "hours"), ("min", 60, "minutes"), ("s", 1, "seconds"))
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def sequence_facts(read: Sequences, settings: TabularSettings) -> dict[str, str]:
    """Entities, their rows, what is constant, the order and the differences within it."""
    trees, entity, order = read.trees, read.trees.structure.entity, read.trees.structure.order
    counts = trees.counts(TABLE)
    facts = {"entities": f"{len(trees):,} by {entity}; rows each: {_spread(counts)}"}
    if single := int((counts == 1).sum()):
        facts["entities"] += f"; {single:,} with one row"
    if not order:
        facts["order"] = "that of the file (sequence.order names no column)"
    else:
        form = "" if read.form is None else read.form.describe()
        facts["order"] = f"{order}{f' ({form})' if form else ''}, {_ties(read.ties)}"
        facts["steps"] = _steps(read)
    shown = ", ".join(read.constants[:SHOWN]) or "none"
    more = f" and {len(read.constants) - SHOWN} more" if len(read.constants) > SHOWN else ""
    facts["constants"] = f"{shown}{more}: the same in all rows of each {entity}"
    if not read.constants:
        others = {*trees.tables[TABLE].table.column_names} - {entity, order}
        why = f"every column changes within a {entity}" if others else "there are no other columns"
        facts["constants"] = f"none: {why}"
    return facts | _beyond(trees, settings, entity) | _target(trees, settings)


def related_facts(trees: Trees, settings: TabularSettings) -> dict[str, str]:
    """Each child with its parent, and how many rows belong to one."""
    facts = {}
    for link in trees.structure.links[1:]:
        rows, parents = trees.tables[link.table], trees.tables[link.parent]
        same = link.references == link.foreign
        of = link.foreign if same else f"{link.foreign} = {link.references}"
        counts = children_counts(trees, link.table)
        none = int((counts == 0).sum())
        facts[f"table {link.table}"] = (
            f"{len(rows):,} rows for {len(parents):,} of {link.parent} by {of}; "
            f"rows each: {_spread(counts)}" + (f"; {none:,} without" if none else "")
        )
    return facts | _beyond(trees, settings, "tree") | _target(trees, settings)


def _spread(counts: Ints) -> str:
    least, most = int(counts.min()), int(counts.max())
    return f"{least:,} to {most:,}, median {float(np.median(counts)):g}"


def _ties(n: int) -> str:
    if not n:
        return "without ties"
    rows = "1 row ties" if n == 1 else f"{n:,} rows tie"
    return f"{rows} with the one before: they keep the order of the file"


def _steps(read: Sequences) -> str:
    """The differences between neighbours, by their quartiles."""
    assert read.order is not None
    t, starts = read.order.type, read.trees.starts[TABLE]
    inside = np.ones(len(read.order) - 1, bool)
    inside[starts[1:-1] - 1] = False
    if pa.types.is_temporal(t):
        values = temporal_integers(read.order)[0]
    else:
        values = np.asarray(read.order.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    steps = np.diff(values)[inside]
    low, middle, high = np.quantile(steps.astype(np.float64), [0.25, 0.5, 0.75])
    shown = measured(t, np.array([low, middle, high]))
    return f"median {shown[1]}, half of them {shown[0]} to {shown[2]}"


def measured(t: pa.DataType, values: npt.NDArray[np.float64]) -> list[str]:
    """Differences of values of a type with their unit, that of the second one."""
    if not pa.types.is_temporal(t):
        return [f"{v:.4g}" for v in values]
    if pa.types.is_date(t):
        seconds = values * (86_400 if pa.types.is_date32(t) else 1e-3)
    else:
        seconds = values * SECONDS[t.unit]
    _, size, name = next((u for u in UNITS if abs(seconds[1]) >= u[1]), UNITS[-1])
    return [f"{v / size:.4g} {name}" for v in seconds]


def _beyond(trees: Trees, settings: TabularSettings, what: str) -> dict[str, str]:
    rows = beyond(trees, settings.longest)
    if not rows:
        return {}
    return {
        "longest": f"{rows:,} rows, those beyond the first {settings.longest:,} of each {what}, "
        f"are left out of training (longest={settings.longest})"
    }


def _target(trees: Trees, settings: TabularSettings) -> dict[str, str]:
    columns = trees.tables[trees.structure.names[0]].table.column_names
    default = "" if settings.target else " (the last column)"
    return {"target": f"{settings.target or columns[-1]}{default}"}
