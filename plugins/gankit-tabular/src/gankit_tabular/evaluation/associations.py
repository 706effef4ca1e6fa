"""How strongly the columns of a table are associated with each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats
from gankit_tabular.evaluation.vectors import is_number, labels, values

MOST_CATEGORIES = 50
"""The most frequent categories are kept apart; the others count as one."""


def associations(table: pa.Table, names: Sequence[str]) -> Floats:
    """Associations of all pairs of columns, (K, K), 1 on the diagonal; NaN where a column does not
    vary, or if there are fewer than two rows.

    Two numbers: Spearman's rank correlation, in [-1, 1]. A number and a category: the correlation
    ratio of ranks; two categories: Cramér's V; both in [0, 1], with correction of the bias in small
    samples (Kelley 1935; Bergsma 2013). A missing number has the middle rank.
    """
    n, found = len(table), np.full((len(names), len(names)), np.nan)
    if n < 2:
        return found
    blocks = [
        _ranks(values(table, c)) if is_number(table, c) else _one_hot(table, c) for c in names
    ]
    ends = np.cumsum([0, *(b.shape[1] for b in blocks)])
    x = np.concatenate([np.zeros((n, 0)), *blocks], 1)
    products = x.T @ x
    for i, one in enumerate(names):
        for j, two in enumerate(names[: i + 1]):
            a, b = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
            joint = products[a, b]
            if is_number(table, one) and is_number(table, two):
                value = joint[0, 0] / n if products[a, a].any() and products[b, b].any() else np.nan
            elif is_number(table, one):
                value = _ratio(joint[0], np.diag(products[b, b]), n)
            elif is_number(table, two):
                value = _ratio(joint[:, 0], np.diag(products[a, a]), n)
            else:
                value = _cramer(joint)
            found[i, j] = found[j, i] = value
    return found


def _ranks(numbers: Floats) -> Floats:
    """Ranks with mean 0 and variance 1, equal values sharing theirs, (N, 1)."""
    known = np.isfinite(numbers)
    _, index, counts = np.unique(numbers[known], return_inverse=True, return_counts=True)
    rank = np.zeros(len(numbers))
    rank[known] = (np.cumsum(counts) - counts / 2)[index] - known.sum() / 2
    spread = float(rank.std())
    return np.asarray(rank / spread if spread else rank * 0)[:, None]


def _one_hot(table: pa.Table, name: str) -> Floats:
    words, codes, counts = np.unique(labels(table, name), return_inverse=True, return_counts=True)
    place = np.empty(len(words), np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(words)).clip(max=MOST_CATEGORIES)
    return np.eye(min(len(words), MOST_CATEGORIES + 1))[place[codes]]


def _ratio(sums: Floats, counts: Floats, n: int) -> float:
    """Root of epsilon squared, of standardised ranks with these sums in each category."""
    k = len(counts)
    if k < 2 or n <= k or not sums.any():
        return float("nan") if k < 2 else 0.0
    eta = float((sums**2 / counts).sum() / n)
    return float(np.sqrt(max(1 - (1 - eta) * (n - 1) / (n - k), 0)))


def _cramer(joint: Floats) -> float:
    """Bergsma's corrected V of a contingency table."""
    n, (r, k) = joint.sum(), joint.shape
    if min(r, k) < 2:
        return float("nan")
    expected = joint.sum(1)[:, None] * joint.sum(0) / n
    phi = float(((joint - expected) ** 2 / expected).sum() / n)
    phi = max(phi - (r - 1) * (k - 1) / (n - 1), 0)
    r, k = (m - (m - 1) ** 2 / (n - 1) for m in (r, k))
    return float(np.sqrt(min(phi / max(min(r, k) - 1, 1e-12), 1)))
