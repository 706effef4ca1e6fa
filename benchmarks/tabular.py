"""Synthetic rows: quality against processor seconds, ours beside rivals, on one table.

    python benchmarks/tabular.py --train train.csv --test test.csv [--seeds 3] [--seconds 45]

Rivals that are a few lines are here: columns drawn independently, a Gaussian copula, and sequential
trees (synthpop's way). ``ctgan`` (CTGAN and TVAE) is run where it is installed: its licence allows
development benchmarks and forbids more. One half of the test rows is the ceiling, the other half is
tested on. All run on one thread; processor time is that of fitting and sampling together.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import pyarrow as pa
import torch

import gankit
from gankit.contract import EvaluationData, Sample
from gankit.metrics import manifold_scores
from gankit_tabular.columns import numbers, plain
from gankit_tabular.evaluators import Encoded, TableScores, is_number
from gankit_tabular.sources import read_table

SHOWN = (
    "column_shapes",
    "pair_trends",
    "tstr_auc",
    "two_sample_auc",
    "exact_copies",
    "membership_auc",
)

Synthesiser = Callable[[pa.Table, int, int], pa.Table]


def ours(settings: dict[str, object]) -> Synthesiser:
    def run(train: pa.Table, n: int, seed: int) -> pa.Table:
        with tempfile.TemporaryDirectory() as folder:
            made = gankit.fit(
                "tabular",
                train,
                out=f"{folder}/run",
                train__seed=seed,
                train__threads=1,
                **settings,
            )
            return pa.Table.from_pylist(made.sample(n), schema=train.schema)

    return run


def independent(train: pa.Table, n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns = [c.take(pa.array(rng.integers(len(train), size=n))) for c in train.columns]
    return pa.table(columns, schema=train.schema)


def copula(train: pa.Table, n: int, seed: int) -> pa.Table:
    """Ranks of all columns as normal scores, their covariance, and quantiles back."""
    from scipy.stats import norm, rankdata

    rng = np.random.default_rng(seed)
    codes, back = _coded(train, by_frequency=True)
    scores = np.stack([norm.ppf((rankdata(c) - 0.5) / len(c)) for c in codes.T], 1)
    drawn = rng.multivariate_normal(np.zeros(scores.shape[1]), np.corrcoef(scores.T), size=n)
    u = norm.cdf(drawn)
    made = [np.quantile(c, v, method="lower") for c, v in zip(codes.T, u.T, strict=True)]
    return _table(np.stack(made, 1), back, train.schema)


def trees(train: pa.Table, n: int, seed: int) -> pa.Table:
    """Each column from those before it: a tree, then a draw from the rows of its leaf."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    codes, back = _coded(train)
    made = np.empty((n, codes.shape[1]))
    made[:, 0] = rng.choice(codes[:, 0], n)
    for j in range(1, codes.shape[1]):
        kind = (
            DecisionTreeRegressor
            if is_number(train, train.column_names[j])
            else DecisionTreeClassifier
        )
        tree = kind(min_samples_leaf=5, random_state=seed).fit(codes[:, :j], codes[:, j])
        real, fake = tree.apply(codes[:, :j]), tree.apply(made[:, :j])
        order = np.argsort(real, kind="stable")
        leaves, start, count = np.unique(real[order], return_index=True, return_counts=True)
        place = np.searchsorted(leaves, fake)
        drawn = start[place] + (rng.random(n) * count[place]).astype(int)
        made[:, j] = codes[order[drawn], j]
    return _table(made, back, train.schema)


def ctgan(kind: str, epochs: int) -> Synthesiser:
    def run(train: pa.Table, n: int, seed: int) -> pa.Table:
        import ctgan as package

        torch.manual_seed(seed)
        np.random.seed(seed)
        frame = train.to_pandas()
        words = [c for c in train.column_names if not is_number(train, c)]
        frame[words] = frame[words].fillna("missing")
        model = getattr(package, kind)(epochs=epochs)
        model.fit(frame, words)
        made = model.sample(n)
        return pa.Table.from_pandas(made, preserve_index=False).cast(train.schema, safe=False)

    return run


def _coded(
    table: pa.Table, by_frequency: bool = False
) -> tuple[np.ndarray, list[np.ndarray | None]]:
    codes, back = [], []
    for name in table.column_names:
        column = plain(table.column(name))
        if is_number(table, name):
            codes.append(numbers(column))
            back.append(None)
        else:
            words = np.array([str(v) for v in column.to_pylist()])
            known, index, counts = np.unique(words, return_inverse=True, return_counts=True)
            order = np.argsort(-counts) if by_frequency else np.arange(len(known))
            codes.append(np.argsort(order)[index].astype(float))
            back.append(known[order])
    return np.stack(codes, 1), back


def _table(codes: np.ndarray, back: list[np.ndarray | None], schema: pa.Schema) -> pa.Table:
    columns = []
    for values, words, field in zip(codes.T, back, schema, strict=True):
        made = values if words is None else words[values.astype(int)]
        column = pa.array(made)
        if words is not None:
            column = pa.array([None if w == "None" else w for w in made.tolist()])
        columns.append(column.cast(field.type, safe=False))
    return pa.table(columns, schema=schema)


def scores(train: pa.Table, test: pa.Table, made: pa.Table, seed: int) -> dict[str, float]:
    real, held, rows = train.to_pylist(), test.to_pylist(), made.to_pylist()
    samples = [Sample(row, i, {}) for i, row in enumerate(rows)]
    rng = np.random.default_rng(seed)
    found = TableScores().evaluate(EvaluationData(samples, real, held), rng)
    extractor = Encoded(None)
    few = [real[i] for i in rng.permutation(len(real))[:5000]]
    a, b = extractor.features(few), extractor.features(rows[:5000])
    return {name: found[name] for name in SHOWN} | {"coverage": manifold_scores(a, b)["coverage"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=700_000, help="our training length")
    parser.add_argument(
        "--epochs", type=int, default=0, help="of ctgan's models; 0 leaves them out"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    train, test = read_table(asked.train)[0], read_table(asked.test)[0]
    test = test.cast(train.schema)
    half = len(test) // 2
    ceiling, test = test.slice(0, half), test.slice(half)
    ways: dict[str, Synthesiser] = {
        "real test rows": lambda train, n, seed: ceiling,
        "independent columns": independent,
        "gaussian copula": copula,
        "sequential trees": trees,
        "gankit": ours({"train__samples": asked.samples}),
    }
    if asked.epochs and importlib.util.find_spec("ctgan"):
        ways |= {kind: ctgan(kind, asked.epochs) for kind in ("CTGAN", "TVAE")}
    names = ("cpu_s", *SHOWN, "coverage")
    print(f"{len(train):,} rows, {train.num_columns} columns; {asked.seeds} seeds; mean (spread)")
    print("| model | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for way, make in ways.items():
        found: list[dict[str, float]] = []
        for seed in range(asked.seeds):
            began = time.process_time()
            made = make(train, half, seed)
            spent = time.process_time() - began
            found.append({"cpu_s": spent, **scores(train, test, made, seed)})
        cells = []
        for name in names:
            values = [f[name] for f in found]
            cells.append(f"{np.mean(values):.4g} ({np.std(values):.2g})")
        print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
