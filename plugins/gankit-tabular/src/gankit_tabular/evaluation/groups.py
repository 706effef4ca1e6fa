"""Whether groups of people are the same in generated rows as in real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.evaluation.vectors import MISSING, distance, is_continuous, labels, values

SMALL = 30
"""Groups with fewer rows are left out, since their values vary by chance."""


def group_scores(
    train: pa.Table, heldout: pa.Table, fake: pa.Table, columns: Sequence[str], target: str
) -> dict[str, float]:
    """The differences of groups' shares, and of the target within groups, from training rows.

    Returns:
        For each column ``C``, with the baseline of held-out rows as ``…_real``:

        - ``group_share/C``: the largest difference of a group's share of the rows.
        - ``group_target/C``: the largest distance between distributions of the target within a
          group: total variation, which for two values is the difference of ``P(target | group)``;
          Kolmogorov-Smirnov for a number of many values.
        - ``groups_left_out/C``: groups that are too small in either table, see ``SMALL``.
        - ``parity_difference/C``, for a target of two values: demographic parity difference, the
          largest difference of ``P(target | group)`` between two groups; ``…_real`` is the value of
          the training rows, which have more rows of each group than held-out ones.
    """
    scores: dict[str, float] = {}
    for name in columns:
        groups, y = _groups(name, train, heldout, fake), _outcomes(target, train, heldout, fake)
        for suffix, which in (("", 2), ("_real", 1)):
            found = _compare(groups[0], y[0], groups[which], y[which])
            scores |= {f"{score}/{name}{suffix}": value for score, value in found.items()}
        outcomes = set(y[0].tolist()) - {MISSING}
        if len(outcomes) == 2:
            for suffix, which in (("", 2), ("_real", 0)):
                known = y[which] != MISSING
                gap = parity_difference(groups[which][known], y[which][known] == max(outcomes))
                scores[f"parity_difference/{name}{suffix}"] = gap
    return scores


def parity_difference(groups: np.ndarray, positive: np.ndarray) -> float:
    """The largest difference between two groups' shares of ``positive``; NaN for fewer groups.

    Args:
        groups: each row's group, (N,).
        positive: each row's outcome, (N,) of bool.
    """
    names, counts = np.unique(groups, return_counts=True)
    shares = [positive[groups == g].mean() for g in names[counts >= SMALL]]
    return float(max(shares) - min(shares)) if len(shares) > 1 else float("nan")


def _compare(
    real: np.ndarray, real_y: np.ndarray, other: np.ndarray, other_y: np.ndarray
) -> dict[str, float]:
    share, within, left_out = [], [], 0
    for group in np.unique(real).tolist():
        a, b = real == group, other == group
        if a.sum() >= SMALL:
            share.append(abs(a.mean() - b.mean()))
        if min(a.sum(), b.sum()) >= SMALL:
            within.append(distance(real_y[a], other_y[b]))
        else:
            left_out += 1
    return {
        "group_share": float(max(share, default=np.nan)),
        "group_target": float(max(within, default=np.nan)),
        "groups_left_out": float(left_out),
    }


def _groups(name: str, train: pa.Table, *others: pa.Table) -> list[np.ndarray]:
    """Each row's group: its value, or the quartile of a number."""
    if not is_continuous(train, name):
        return [labels(t, name) for t in (train, *others)]
    known = values(train, name)
    cuts = np.nanquantile(known, [0.25, 0.5, 0.75])
    quarters = [np.digitize(values(t, name), cuts) for t in (train, *others)]
    missing = [~np.isfinite(values(t, name)) for t in (train, *others)]
    return [np.where(m, 4, q).astype(str) for m, q in zip(missing, quarters, strict=True)]


def _outcomes(target: str, train: pa.Table, *others: pa.Table) -> list[np.ndarray]:
    take = values if is_continuous(train, target) else labels
    return [take(t, target) for t in (train, *others)]
