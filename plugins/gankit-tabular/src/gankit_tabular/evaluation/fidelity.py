"""How similar the distributions of two tables are, column by column and pair by pair."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats
from gankit_tabular.evaluation.vectors import MISSING, distance, histograms, is_number, values

INTERVALS = 10
"""Intervals of a number that is compared with a category."""


def column_similarities(real: pa.Table, other: pa.Table) -> dict[str, float]:
    """The similarity of each column, 1 is best. Missing values do not count; NaN if there are no
    others.
    """
    found = {}
    for name in real.column_names:
        a, b = values(real, name), values(other, name)
        if not is_number(real, name):
            a, b = a[a != MISSING], b[b != MISSING]
        found[name] = 1 - distance(a, b)
    return found


def pair_similarities(real: pa.Table, other: pa.Table) -> dict[tuple[str, str], float]:
    """The similarity of each pair of columns, 1 is best. All pairs count; the report of SDMetrics
    leaves out weakly dependent ones by default. NaN where a number does not vary.
    """
    coded, vectors = {}, {}
    for name in real.column_names:
        a, b = vectors[name] = values(real, name), values(other, name)
        if is_number(real, name):
            edges = _edges(a)
            coded[name] = np.digitize(a, edges), np.digitize(b, edges)
        else:
            _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
            coded[name] = codes[: len(a)], codes[len(a) :]
    found = {}
    at = {n: i for i, n in enumerate(n for n in real.column_names if _complete(vectors[n]))}
    correlations = [_correlations([vectors[name][i] for name in at]) for i in (0, 1)]
    for one, two in itertools.combinations(real.column_names, 2):
        if one in at and two in at:
            r, f = (found_of[at[one], at[two]] for found_of in correlations)
            found[one, two] = 1 - abs(float(r - f)) / 2
        elif is_number(real, one) and is_number(real, two):
            r, f = (_correlation(vectors[one][i], vectors[two][i]) for i in (0, 1))
            found[one, two] = 1 - abs(r - f) / 2
        else:
            k = int(max(coded[two][0].max(initial=0), coded[two][1].max(initial=0))) + 1
            joint = [coded[one][i] * k + coded[two][i] for i in (0, 1)]
            p, q = histograms(joint[0], joint[1])
            found[one, two] = 1 - 0.5 * float(np.abs(p - q).sum())
    return found


def column_shapes(real: pa.Table, other: pa.Table) -> float:
    """Mean similarity of columns, 1 is best."""
    return mean_similarity(column_similarities(real, other))


def pair_trends(real: pa.Table, other: pa.Table) -> float:
    """Mean similarity of pairs of columns, 1 is best."""
    return mean_similarity(pair_similarities(real, other))


def mean_similarity(found: Mapping[Any, float]) -> float:
    """The mean of those that are defined; NaN if none is."""
    known = [value for value in found.values() if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _edges(numbers: Floats) -> Floats:
    """Equal intervals of the numbers' range, as in the report of SDMetrics; missing values and the
    greatest value are beyond the last one.
    """
    known = numbers[np.isfinite(numbers)]
    return np.histogram_bin_edges(known if len(known) else [0.0, 1.0], INTERVALS)


def _complete(parts: Sequence[np.ndarray]) -> bool:
    """Whether these are numbers, and none is missing."""
    return all(part.dtype.kind == "f" and bool(np.isfinite(part).all()) for part in parts)


def _correlations(columns: Sequence[Floats]) -> Floats:
    """Of each two columns without missing values; NaN where one does not vary."""
    if not columns or len(columns[0]) < 2:
        return np.full((len(columns),) * 2, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.corrcoef(np.stack(columns)).reshape(len(columns), -1))


def _correlation(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 2 or not a.std() or not b.std():
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
