"""How good the rows are: shapes, pairs, usefulness, detectability, and what they give away."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.columns import Floats, Ints
from gankit_tabular.data.rows import Row, table_of
from gankit_tabular.evaluation.disclosure import (
    Gower,
    closest_records,
    exact_copies,
    membership_auc,
)
from gankit_tabular.evaluation.groups import group_scores
from gankit_tabular.evaluation.utility import predict, two_sample_auc
from gankit_tabular.evaluation.vectors import MISSING, distance, histograms, is_number, values

MOST = 20_000
"""Rows of each kind that scores are computed from."""
INTERVALS = 10
"""Intervals that a number is cut into where it meets a category."""


class Encoded(Extractor[Row]):
    """Codes one-hot and ranks of numbers, each column with the same weight.

    Args:
        codec: fixes columns and codes; learnt from the first items seen when not given.
    """

    name = "encoded-table"

    def __init__(self, codec: TableCodec | None) -> None:
        self.codec = codec

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        if self.codec is None:
            return "of the first items"
        text = json.dumps([asdict(c) for c in self.codec.columns], default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def features(self, items: Sequence[Row]) -> Floats:
        if self.codec is None:
            schema = pa.Table.from_pylist([dict(i) for i in items]).schema
            self.codec = TableCodec.fit(items, schema, 8, {})
        codec = self.codec
        stored = codec.encode(items, np.random.default_rng(0)).x.double().numpy()
        position = {b.position: i for i, b in enumerate(b for b in codec.blocks if b.position >= 0)}
        parts = []
        for i, b in enumerate(codec.blocks):
            column, codes = codec.columns[b.column], stored[:, i].astype(np.int64)
            if column.kind == "number":
                middles = np.array([*column.atoms, *(q[len(q) // 2] for q in column.bins)])
                share = np.array(column.frequency)[: len(middles)]
                order = np.argsort(middles)
                start = np.zeros(len(middles) + 1)
                start[order] = np.cumsum(share[order]) - share[order]
                width = np.append(share, 0.0)
                at = np.minimum(codes, len(middles))
                within = np.full(len(codes), 0.5)
                if b.position >= 0:
                    binned = (codes >= b.first_bin) & (codes < b.first_bin + b.bins)
                    place = len(codec.blocks) + position[b.position]
                    within[binned] = stored[binned, place]
                parts.append((start[at] + width[at] * within)[:, None])
                if column.missing:
                    parts.append((codes == b.codes - 1)[:, None].astype(np.float64))
            else:
                parts.append(np.eye(b.codes)[codes] / np.sqrt(2))
        return np.concatenate(parts, 1)


class TableScores(Evaluator[Row]):
    """Scores that people who use tables know, each beside what held-out real rows get.

    - ``column_shapes``: mean over columns of 1 - KS statistic (numbers) or 1 - total variation.
    - ``pair_trends``: mean over pairs of columns of 1 - half the difference of correlations, or
      1 - total variation of the contingency table.
    - ``tstr_auc``, or ``tstr_r2`` for a target that is a number of many values: gradient boosting
      trained on generated rows, tested on held-out ones, predicting the target; beside it the same
      trained on real rows. For more than two classes the mean over each against the rest.
    - ``two_sample_auc``: how well gradient boosting tells them from training rows (0.5: not).
    - ``exact_copies``: share of generated rows that are training rows.
    - ``dcr_median``, ``dcr_p5``: distance to the closest training record. Being far from all
      certifies nothing (Yao et al. 2025, arXiv 2505.01524): judge by the next two.
    - ``authenticity``: share of generated rows that are farther from their closest record than it
      is from another.
    - ``membership_auc``: an attacker who knows rows and guesses those nearest to a generated row to
      have been trained on (0.5: learns nothing).
    - for every column in ``groups``, what :func:`gankit_tabular.evaluation.groups.group_scores` gives.

    Args:
        target: the column to predict; the last one when empty.
        groups: columns whose groups of people are compared.
    """

    name = "table"

    def __init__(self, target: str = "", groups: Sequence[str] = ()) -> None:
        self.target, self.groups = target, groups

    def evaluate(self, data: EvaluationData[Row], rng: np.random.Generator) -> dict[str, float]:
        train, heldout = _table(data.train, rng), _table(data.heldout, rng)
        schema = train.schema
        heldout = heldout.cast(schema)
        rows = [dict(s.item) for s in data.generated[:MOST]]
        fake = pa.Table.from_pylist(rows, schema=schema)
        target = self.target or schema.names[-1]
        gower = Gower([train, heldout])
        scores: dict[str, float] = {}
        for suffix, table in (("", fake), ("_real", heldout)):
            found = {
                "column_shapes": column_shapes(train, table),
                "pair_trends": pair_trends(train, table),
                "two_sample_auc": two_sample_auc(train, table, rng),
                "exact_copies": exact_copies(train, table),
                **closest_records(gower, train, table, rng),
            }
            taught = predict(train if suffix else table, heldout, target)
            found |= {f"tstr_{name}": value for name, value in taught.items()}
            scores |= {name + suffix: value for name, value in found.items()}
        scores["membership_auc"] = membership_auc(gower, train, heldout, fake, rng)
        scores |= group_scores(train, heldout, fake, self.groups, target)
        finite = {name for name, value in scores.items() if np.isfinite(value)}
        return {n: scores[n] for n in scores if {n, n.removesuffix("_real")} <= finite}


# --- Fidelity -----------------------------------------------------------------------------------


def column_shapes(real: pa.Table, other: pa.Table) -> float:
    """Mean over columns, 1 is best. Missing values do not count."""
    found = []
    for name in real.column_names:
        a, b = values(real, name), values(other, name)
        if not is_number(real, name):
            a, b = a[a != MISSING], b[b != MISSING]
        found.append(1 - distance(a, b))
    return float(np.nanmean(found))


def pair_trends(real: pa.Table, other: pa.Table) -> float:
    """Mean over pairs of columns, 1 is best. All pairs count; SDMetrics' report by default leaves
    out those that hardly depend on each other.
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
    """Numbers cut into intervals of their range, as SDMetrics' report does it; what is missing, and
    the greatest value, lie beyond the last.
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


def _table(items: Sequence[Row], rng: np.random.Generator) -> pa.Table:
    chosen = np.arange(len(items))
    if len(items) > MOST:
        chosen = np.sort(rng.choice(len(items), MOST, replace=False))
    return table_of(items, chosen)
