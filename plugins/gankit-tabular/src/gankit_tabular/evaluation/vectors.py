"""A table's columns as vectors, for scores, charts and models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats, numbers, plain

MISSING = "\0missing"
"""Stands for a missing category. Not zeros alone: NumPy strips them from the end of a text."""
MOST_CLASSES = 20
"""A number with more distinct values than this is continuous; with fewer, each is a class."""
FEWEST_VALUES = 20
"""A number with fewer values may have none in some part of cross-validation."""


def is_number(table: pa.Table, name: str) -> bool:
    t = table.schema.field(name).type
    return bool(pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_temporal(t))


def is_continuous(table: pa.Table, name: str) -> bool:
    """Whether a column is a number of many values."""
    return is_number(table, name) and len(np.unique(values(table, name))) > MOST_CLASSES


def values(table: pa.Table, name: str) -> np.ndarray:
    """Numbers as float64, missing ones as NaN; other values as text."""
    column = plain(table.column(name))
    if is_number(table, name):
        return numbers(column)
    return np.array([MISSING if v is None else str(v) for v in column.to_pylist()])


def labels(table: pa.Table, name: str) -> np.ndarray:
    """Every value as text: the classes of a column."""
    found = values(table, name)
    if is_number(table, name):
        return np.array([MISSING if v != v else f"{v:g}" for v in found.tolist()])
    return found


def histograms(a: np.ndarray, b: np.ndarray) -> tuple[Floats, Floats]:
    """The shares of the values of two samples."""
    _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    size = int(codes.max(initial=0)) + 1
    p, q = (np.bincount(part, minlength=size) for part in (codes[: len(a)], codes[len(a) :]))
    return p / max(len(a), 1), q / max(len(b), 1)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of two samples' distributions, in [0, 1]: Kolmogorov-Smirnov statistic for
    numbers, total variation for texts. Missing numbers do not count; NaN if there are no others.
    """
    if a.dtype.kind != "f":
        p, q = histograms(a, b)
        return 0.5 * float(np.abs(p - q).sum())
    a, b = np.sort(a[np.isfinite(a)]), np.sort(b[np.isfinite(b)])
    if not len(a) or not len(b):
        return float("nan")
    at = np.concatenate([a, b])
    below = [np.searchsorted(v, at, side="right") / len(v) for v in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def design_matrices(
    tables: Sequence[pa.Table], names: Sequence[str]
) -> tuple[list[Floats], list[bool]]:
    """Tables as matrices for gradient boosting, and which columns are categories.

    Boosting cannot bin a number of which it sees no value. One that a table lacks, or of which all
    have few values together, stands as whether it is present.
    """
    parts: list[list[Floats]] = [[] for _ in tables]
    categorical = []
    for name in names:
        columns = [values(t, name) for t in tables]
        categorical.append(not is_number(tables[0], name))
        if categorical[-1]:
            words, counts = np.unique(np.concatenate(columns), return_counts=True)
            kept = words[np.argsort(-counts)[:200]]  # boosting supports 255 categories
            number = {w: float(i) for i, w in enumerate(kept.tolist())}
            columns = [np.array([number.get(w, np.nan) for w in c.tolist()]) for c in columns]
        else:
            present = [~np.isnan(c) for c in columns]
            found = [int(p.sum()) for p in present]
            if min(found) == 0 or sum(found) < FEWEST_VALUES:
                columns = [p.astype(np.float64) for p in present]
        for part, column in zip(parts, columns, strict=True):
            part.append(column)
    return [np.stack(p, 1) for p in parts], categorical
