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
from gankit_tabular.codec import TableCodec
from gankit_tabular.columns import Floats, Ints, numbers, plain
from gankit_tabular.rows import Row

MOST = 20_000
"""Rows of each kind that scores are computed from."""
MISSING = "\0"
"""What stands for a missing category."""
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
    - ``tstr_auc``: gradient boosting trained on generated rows, tested on held-out ones, predicting
      the target; beside it the same trained on real rows. Only for a target with two values.
    - ``two_sample_auc``: how well gradient boosting tells them from training rows (0.5: not).
    - ``exact_copies``: share of generated rows that are training rows.
    - ``membership_auc``: an attacker who knows rows and guesses those nearest to a generated row to
      have been trained on (0.5: learns nothing).

    Args:
        target: the column to predict; the last one when empty.
    """

    name = "table"

    def __init__(self, target: str = "") -> None:
        self.target = target

    def evaluate(self, data: EvaluationData[Row], rng: np.random.Generator) -> dict[str, float]:
        train, heldout = _table(data.train, rng), _table(data.heldout, rng)
        schema = train.schema
        heldout = heldout.cast(schema)
        rows = [dict(s.item) for s in data.generated[:MOST]]
        fake = pa.Table.from_pylist(rows, schema=schema)
        scores: dict[str, float] = {}
        for suffix, table in (("", fake), ("_real", heldout)):
            scores["column_shapes" + suffix] = column_shapes(train, table)
            scores["pair_trends" + suffix] = pair_trends(train, table)
            scores["exact_copies" + suffix] = exact_copies(train, table)
            scores["two_sample_auc" + suffix] = two_sample_auc(train, table, rng)
        target = self.target or schema.names[-1]
        for suffix, table in (("", fake), ("_real", train)):
            if (auc := predict_auc(table, heldout, target)) is not None:
                scores["tstr_auc" + suffix] = auc
        scores["membership_auc"] = membership_auc(train, heldout, fake, rng)
        return {k: v for k, v in scores.items() if np.isfinite(v)}


# --- Fidelity -----------------------------------------------------------------------------------


def column_shapes(real: pa.Table, other: pa.Table) -> float:
    """Mean over columns, 1 is best. Missing values do not count."""
    found = []
    for name in real.column_names:
        a, b = _values(real, name), _values(other, name)
        if is_number(real, name):
            a, b = a[np.isfinite(a)], b[np.isfinite(b)]
            if len(a) and len(b):
                found.append(1 - _ks(a, b))
        else:
            p, q = _histograms(a[a != MISSING], b[b != MISSING])
            found.append(1 - 0.5 * float(np.abs(p - q).sum()))
    return float(np.mean(found))


def pair_trends(real: pa.Table, other: pa.Table) -> float:
    """Mean over pairs of columns, 1 is best. All pairs count; SDMetrics' report by default leaves
    out those that hardly depend on each other.
    """
    coded = {}
    for name in real.column_names:
        a, b = _values(real, name), _values(other, name)
        if is_number(real, name):
            coded[name] = _intervals(a), _intervals(b)
        else:
            _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
            coded[name] = codes[: len(a)], codes[len(a) :]
    found = []
    for one, two in itertools.combinations(real.column_names, 2):
        if is_number(real, one) and is_number(real, two):
            r, f = (_correlation(_values(t, one), _values(t, two)) for t in (real, other))
            if np.isfinite(r) and np.isfinite(f):
                found.append(1 - abs(r - f) / 2)
        else:
            k = int(max(coded[two][0].max(initial=0), coded[two][1].max(initial=0))) + 1
            joint = [coded[one][i] * k + coded[two][i] for i in (0, 1)]
            p, q = _histograms(joint[0], joint[1])
            found.append(1 - 0.5 * float(np.abs(p - q).sum()))
    return float(np.mean(found)) if found else float("nan")


def _intervals(values: Floats) -> Ints:
    """Numbers cut into intervals of their range, as SDMetrics' report does it; what is missing, and
    the greatest value, lie beyond the last.
    """
    known = values[np.isfinite(values)]
    edges = np.histogram_bin_edges(known if len(known) else [0.0, 1.0], INTERVALS)
    return np.digitize(values, edges)


def is_number(table: pa.Table, name: str) -> bool:
    t = table.schema.field(name).type
    return bool(pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_temporal(t))


def _values(table: pa.Table, name: str) -> np.ndarray:
    column = plain(table.column(name))
    if is_number(table, name):
        return numbers(column)
    return np.array([MISSING if v is None else str(v) for v in column.to_pylist()])


def _histograms(a: np.ndarray, b: np.ndarray) -> tuple[Floats, Floats]:
    _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    size = int(codes.max(initial=0)) + 1
    p, q = (
        np.bincount(codes[: len(a)], minlength=size),
        np.bincount(codes[len(a) :], minlength=size),
    )
    return p / max(len(a), 1), q / max(len(b), 1)


def _ks(a: Floats, b: Floats) -> float:
    """The largest distance between two empirical distribution functions."""
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    below = [np.searchsorted(v, at, side="right") / len(v) for v in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _correlation(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 2 or not a.std() or not b.std():
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


# --- Usefulness and detectability ---------------------------------------------------------------


def design(tables: Sequence[pa.Table], names: Sequence[str]) -> tuple[list[Floats], list[bool]]:
    """Tables as matrices for gradient boosting, and which columns are categories."""
    parts: list[list[Floats]] = [[] for _ in tables]
    categorical = []
    for name in names:
        columns = [_values(t, name) for t in tables]
        categorical.append(not is_number(tables[0], name))
        if categorical[-1]:
            words, counts = np.unique(np.concatenate(columns), return_counts=True)
            kept = words[np.argsort(-counts)[:200]]  # boosting takes 255 categories
            number = {w: float(i) for i, w in enumerate(kept.tolist())}
            columns = [np.array([number.get(w, np.nan) for w in c.tolist()]) for c in columns]
        for part, column in zip(parts, columns, strict=True):
            part.append(column)
    return [np.stack(p, 1) for p in parts], categorical


def predict_auc(train: pa.Table, test: pa.Table, target: str) -> float | None:
    """Area under the ROC curve of a target with two values; None for other targets."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    y, truth = _values(train, target), _values(test, target)
    classes = np.unique(truth)
    if len(classes) != 2 or len(np.unique(y)) != 2 or (np.bincount(_index(y, classes)) < 5).any():
        return None
    names = [n for n in train.column_names if n != target]
    (x, x_test), categorical = design([train, test], names)
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    model.fit(x, _index(y, classes))
    return float(roc_auc_score(_index(truth, classes), model.predict_proba(x_test)[:, 1]))


def _index(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    return np.searchsorted(classes, values).clip(0, len(classes) - 1)


def two_sample_auc(real: pa.Table, other: pa.Table, rng: np.random.Generator) -> float:
    """Cross-validated area under the ROC curve of telling the tables apart."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    n = min(len(real), len(other))
    if n < 20:
        return float("nan")
    a, b = (t.take(rng.permutation(len(t))[:n]) for t in (real, other))
    (x, z), categorical = design([a, b], real.column_names)
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    y = np.r_[np.zeros(n), np.ones(n)]
    return float(
        cross_val_score(model, np.concatenate([x, z]), y, cv=folds, scoring="roc_auc").mean()
    )


# --- What the rows give away --------------------------------------------------------------------


def exact_copies(train: pa.Table, other: pa.Table) -> float:
    """Share of rows that are rows of the training table."""
    known = {tuple(row.values()) for row in train.to_pylist()}
    rows = other.to_pylist()
    return sum(tuple(row.values()) in known for row in rows) / max(len(rows), 1)


def membership_auc(
    train: pa.Table, heldout: pa.Table, fake: pa.Table, rng: np.random.Generator
) -> float:
    """Area under the ROC curve of guessing, from the distance to the nearest generated row, whether
    a real row was trained on. Gower's distance: mean over columns of |rank difference| or mismatch.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.neighbors import NearestNeighbors

    n = min(len(train), len(heldout), 2000)
    if n < 10:
        return float("nan")
    members, others = (t.take(rng.permutation(len(t))[:n]) for t in (train, heldout))
    some = fake.take(rng.permutation(len(fake))[:10_000])
    parts: list[list[Floats]] = [[], [], []]
    for name in train.column_names:
        columns = [_values(t, name) for t in (members, others, some)]
        if is_number(train, name):
            # Of both: a grid of members alone would tell them by lying on it.
            grid = np.sort(np.concatenate([_values(train, name), _values(heldout, name)]))
            for part, v in zip(parts, columns, strict=True):
                part.append((np.searchsorted(grid, v) / max(len(grid), 1))[:, None])
        else:
            words = np.unique(np.concatenate(columns))[:200]
            for part, v in zip(parts, columns, strict=True):
                part.append((v[:, None] == words).astype(np.float64) / 2)
    x, y, z = (np.concatenate(part, 1) for part in parts)
    nearest = NearestNeighbors(n_neighbors=1, metric="manhattan", algorithm="brute").fit(z)
    distance = nearest.kneighbors(np.concatenate([x, y]))[0][:, 0]
    return float(roc_auc_score(np.r_[np.ones(n), np.zeros(n)], -distance))


def _table(items: Sequence[Row], rng: np.random.Generator) -> pa.Table:
    chosen = range(len(items))
    if len(items) > MOST:
        chosen = sorted(rng.choice(len(items), MOST, replace=False).tolist())  # type: ignore[assignment]
    return pa.Table.from_pylist([dict(items[i]) for i in chosen])
