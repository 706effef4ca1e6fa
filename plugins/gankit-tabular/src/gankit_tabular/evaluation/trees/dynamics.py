"""How the rows of an entity follow each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit_tabular.evaluation.trees.parts import Part, following
from gankit_tabular.evaluation.utility import train_and_test
from gankit_tabular.evaluation.vectors import distance, is_number, labels, values

LAGS = 1, 2, 3
FEWEST_PAIRS = 20
"""Pairs of rows below which an autocorrelation is not compared."""
STATES = 20
"""The most frequent categories are states of their own; the others are one."""
PREDICTED = 6
"""Columns whose next values are predicted, at most."""
MOST_STEPS = 10_000
"""Pairs of rows that a model is trained on and tested on."""
NEXT = "next "


def autocorrelation(part: Part, name: str, lag: int) -> float:
    """The correlation of a number with itself ``lag`` rows later, over all pairs of rows of all
    entities; NaN for fewer than 20 pairs, or where it does not vary."""
    x = values(part.table, name)
    early, late = following(part, lag)
    both = np.isfinite(x[early]) & np.isfinite(x[late])
    a, b = x[early][both], x[late][both]
    if len(a) < FEWEST_PAIRS or a.std() < 1e-12 or b.std() < 1e-12:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def autocorrelation_differences(real: Part, other: Part, lag: int) -> dict[str, float]:
    """By number column, the absolute difference of autocorrelations, in [0, 2]; where the other
    part's is not defined, it counts as 0."""
    found = {}
    for name in _numbers(real):
        true = autocorrelation(real, name, lag)
        if np.isfinite(true):
            found[name] = abs(true - float(np.nan_to_num(autocorrelation(other, name, lag))))
    return found


def transition_distances(real: Part, other: Part) -> dict[str, float]:
    """By category, the total variation of its value in a row and in the next one, in [0, 1]."""
    found = {}
    for name in real.table.column_names:
        if is_number(real.table, name):
            continue
        words, counts = np.unique(labels(real.table, name), return_counts=True)
        states = words[np.argsort(-counts, kind="stable")][:STATES].tolist()
        place = {word: i for i, word in enumerate(states)}
        joint = []
        for part in (real, other):
            codes = np.array([place.get(w, STATES) for w in labels(part.table, name).tolist()])
            early, late = following(part)
            pairs = np.bincount(
                codes[early] * (STATES + 1) + codes[late], minlength=(STATES + 1) ** 2
            )
            joint.append(pairs / max(len(early), 1))
        if joint[0].any():
            found[name] = 0.5 * float(np.abs(joint[0] - joint[1]).sum())
    return found


def step_distance(real: Part, other: Part, step: str) -> float:
    """The Kolmogorov-Smirnov statistic of the differences of the order between rows."""
    return distance(values(real.table, step), values(other.table, step))


def next_rows(
    train: Sequence[Part], test: Sequence[Part], target: str = "", skip: str = ""
) -> dict[str, dict[str, float]]:
    """How well gradient boosting predicts the next row's values from a row, its entity's constants
    and how many rows came before.

    Args:
        train: the entities and their rows to train on; ``test``: those to test on.
        target: the column whose next value is predicted; at most six columns if empty.
        skip: a column that is not predicted.

    Returns:
        ``{column: {"auc": …}}`` or ``{column: {"r2": …}}``, as
        :func:`gankit_tabular.evaluation.utility.train_and_test`.
    """
    names = [target] if target else [n for n in test[1].table.column_names if n != skip]
    tables = [_steps(parts) for parts in (train, test)]
    found: dict[str, dict[str, float]] = {}
    for name in names:
        before = [n for n in tables[0].column_names if not n.startswith(NEXT)]
        chosen = [t.select([*before, NEXT + name]) for t in tables]
        if min(len(t) for t in chosen) >= FEWEST_PAIRS:
            scores = train_and_test(chosen[0], chosen[1], NEXT + name)
            if scores:
                found[name] = scores
        if len(found) == PREDICTED:
            break
    return found


def _steps(parts: Sequence[Part]) -> pa.Table:
    """Each row but an entity's last, beside the row after it."""
    root, part = parts[0], parts[1]
    early, late = following(part)
    if len(early) > MOST_STEPS:
        chosen = np.random.default_rng(0).choice(len(early), MOST_STEPS, replace=False)
        early, late = early[np.sort(chosen)], late[np.sort(chosen)]
    first = np.searchsorted(part.above, part.above[early])
    columns: dict[str, object] = {"rows before": (early - first).astype(np.float64)}
    owners = root.table.take(pa.array(part.above[early]))
    columns |= {f"entity {n}": owners.column(n) for n in root.table.column_names}
    now, then = (part.table.take(pa.array(index)) for index in (early, late))
    columns |= {f"before {n}": now.column(n) for n in part.table.column_names}
    columns |= {NEXT + n: then.column(n) for n in part.table.column_names}
    return pa.table(columns)


def mean_of(found: dict[str, dict[str, float]], score: str) -> float:
    """The mean of a score over columns; NaN if no column has it."""
    known = [scores[score] for scores in found.values() if score in scores]
    return float(np.mean(known)) if known else float("nan")


def _numbers(part: Part) -> list[str]:
    return [name for name in part.table.column_names if is_number(part.table, name)]
