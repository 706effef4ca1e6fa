"""How similar the distributions of two tables are, column by column and pair by pair."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.evaluation.vectors import MISSING, distance, histograms, is_number, values

INTERVALS = 10
"""Intervals of a number that is compared with a category."""


def column_shapes(real: pa.Table, other: pa.Table) -> float:
    """Mean similarity of columns, 1 is best. Missing values do not count."""
    found = []
    for name in real.column_names:
        a, b = values(real, name), values(other, name)
        if not is_number(real, name):
            a, b = a[a != MISSING], b[b != MISSING]
        found.append(1 - distance(a, b))
    return float(np.nanmean(found))


def pair_trends(real: pa.Table, other: pa.Table) -> float:
    """Mean similarity of pairs of columns, 1 is best. All pairs count; the report of SDMetrics
    leaves out weakly dependent ones by default.
    """
    coded = {}
    for name in real.column_names:
        a, b = values(real, name), values(other, name)
        if is_number(real, name):
            coded[name] = _intervals(a), _intervals(b)
        else:
            _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
            coded[name] = codes[: len(a)], codes[len(a) :]
    found = []
    for one, two in itertools.combinations(real.column_names, 2):
        if is_number(real, one) and is_number(real, two):
            r, f = (_correlation(values(t, one), values(t, two)) for t in (real, other))
            if np.isfinite(r) and np.isfinite(f):
                found.append(1 - abs(r - f) / 2)
        else:
            k = int(max(coded[two][0].max(initial=0), coded[two][1].max(initial=0))) + 1
            joint = [coded[one][i] * k + coded[two][i] for i in (0, 1)]
            p, q = histograms(joint[0], joint[1])
            found.append(1 - 0.5 * float(np.abs(p - q).sum()))
    return float(np.mean(found)) if found else float("nan")


def _intervals(values: Floats) -> Ints:
    """Numbers as intervals of their range, as in the report of SDMetrics; missing values and the
    greatest value are beyond the last one.
    """
    known = values[np.isfinite(values)]
    edges = np.histogram_bin_edges(known if len(known) else [0.0, 1.0], INTERVALS)
    return np.digitize(values, edges)


def _correlation(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 2 or not a.std() or not b.std():
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
