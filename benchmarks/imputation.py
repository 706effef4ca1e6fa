"""Missing cells filled in, against what people use: errors, distributions, intervals.

    python benchmarks/imputation.py --table adult [--train FILE --test FILE --target NAME]
        [--seeds 3] [--rows 300] [--out results.jsonl]

For each seed, a run is trained on the training rows (``--run`` uses one that is there). Of random
test rows, 10, 30 and 50 % of the cells are removed: completely at random, or by their own values
(a cell goes with a probability proportional to its rank, so that large numbers and rare categories
go most: missing not at random). Every method learns from complete training rows; ``--gaps SHARE``
also removes cells of the training rows, at random, and fills these.

``_mean``: the mean, or the mode, of several draws. ``distance``: Wasserstein or total variation
between removed and filled values. ``coverage``: of 90 % intervals between 19 draws. ``downstream``:
a gradient-boosted model trained on the filled rows, scored on complete ones (area under the curve,
or R²). Numbers are in standard deviations. CPU seconds are those of filling once.

Adult's training rows are what settings were chosen on; its test rows, and other tables, are not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}

import numpy as np
import pyarrow as pa
import torch
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import BayesianRidge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import gankit
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.sources import read_table
from gankit_tabular.evaluation.imputation import (
    imputation_scores,
    is_number,
    remove_cells,
    without,
)

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult"
SETTINGS = ((0.1, "random"), (0.3, "random"), (0.5, "random"),
            (0.1, "values"), (0.3, "values"), (0.5, "values"))  # fmt: skip
DRAWS, MANY_DRAWS = 3, 19
FITTED = 4_000
"""Training rows of the other methods, but for means and marginal draws: k-NN compares with each."""
Fill = Callable[[pa.Table, int], pa.Table]


class Coded:
    """A table as an array, categories as codes, and back."""

    def __init__(self, table: pa.Table) -> None:
        self.schema, self.numeric = table.schema, [is_number(f.type) for f in table.schema]
        self.levels = [
            [] if number else sorted({v for v in column.to_pylist() if v is not None}, key=str)
            for number, column in zip(self.numeric, table.columns, strict=True)
        ]

    def array(self, table: pa.Table) -> np.ndarray:
        columns = []
        for number, levels, column in zip(self.numeric, self.levels, table.columns, strict=True):
            place = {v: i for i, v in enumerate(levels)}
            values = column.to_pylist()
            read = float if number else place.get
            columns.append([np.nan if v is None or read(v) is None else read(v) for v in values])
        return np.array(columns, np.float64).T

    def table(self, x: np.ndarray, like: pa.Table) -> pa.Table:
        """Filled cells put into a table's gaps."""
        arrays = []
        for j, (f, column) in enumerate(zip(self.schema, like.columns, strict=True)):
            values, levels = column.to_pylist(), self.levels[j]
            for i, v in enumerate(values):
                if v is None and self.numeric[j]:
                    values[i] = round(x[i, j]) if pa.types.is_integer(f.type) else float(x[i, j])
                elif v is None:
                    values[i] = levels[int(np.clip(round(x[i, j]), 0, len(levels) - 1))]
            arrays.append(pa.array(values, f.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)


def marginal(train: pa.Table, *, mean: bool) -> Fill:
    """The mean or the mode, or a random training cell."""
    coded, rng = Coded(train), np.random.default_rng(0)
    real = coded.array(train)
    modes = [
        np.nanmean(c) if number else _mode(c)
        for c, number in zip(real.T, coded.numeric, strict=True)
    ]

    def fill(gappy: pa.Table, draw: int) -> pa.Table:
        x = coded.array(gappy)
        for j, column in enumerate(real.T):
            known, gaps = column[np.isfinite(column)], np.isnan(x[:, j])
            x[gaps, j] = modes[j] if mean else rng.choice(known, gaps.sum())
        return coded.table(x, gappy)

    return fill


def _mode(column: np.ndarray) -> float:
    values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
    return float(values[counts.argmax()])


def with_one_hot(train: pa.Table, imputer: Any) -> Fill:
    """scikit-learn's imputers, on standardised numbers and one-hot categories."""
    coded = Coded(train)
    real, categories = coded.array(train), [j for j, n in enumerate(coded.numeric) if not n]
    numbers = [j for j, n in enumerate(coded.numeric) if n]
    scaler = StandardScaler().fit(real[:, numbers])
    hot = OneHotEncoder(
        categories=[np.arange(len(coded.levels[j])) for j in categories],
        handle_unknown="ignore", sparse_output=False,
    ).fit(np.nan_to_num(real[:, categories]))  # fmt: skip

    def encoded(x: np.ndarray) -> np.ndarray:
        found = hot.transform(np.nan_to_num(x[:, categories]))
        at = 0
        for j in categories:
            found[np.isnan(x[:, j]), at : at + len(coded.levels[j])] = np.nan
            at += len(coded.levels[j])
        return np.hstack([scaler.transform(x[:, numbers]), found])

    imputer.fit(encoded(real))

    def fill(gappy: pa.Table, draw: int) -> pa.Table:
        if hasattr(imputer, "random_state_"):
            imputer.random_state_ = np.random.RandomState(draw)
        x = coded.array(gappy)
        made, at = imputer.transform(encoded(x)), len(numbers)
        x[:, numbers] = scaler.inverse_transform(made[:, :at])
        for j in categories:
            x[:, j] = made[:, at : at + len(coded.levels[j])].argmax(1)
            at += len(coded.levels[j])
        return coded.table(x, gappy)

    return fill


def trees(train: pa.Table, rounds: int = 4) -> Fill:
    """As missForest: a forest a column, given all the others, again and again."""
    coded = Coded(train)
    real = coded.array(train)
    centre = [np.nanmean(c) if n else _mode(c) for c, n in zip(real.T, coded.numeric, strict=True)]

    def models(x: np.ndarray, known: np.ndarray) -> Iterator[tuple[int, Any]]:
        for j, number in enumerate(coded.numeric):
            kind = ExtraTreesRegressor if number else ExtraTreesClassifier
            forest = kind(20, min_samples_leaf=2, random_state=0)
            yield j, forest.fit(np.delete(x, j, 1)[known[:, j]], real[known[:, j], j])

    known, x = np.isfinite(real), np.where(np.isnan(real), centre, real)
    fitted = dict(models(x, known))
    if not known.all():
        for _ in range(2):
            for j, forest in fitted.items():
                gaps = ~known[:, j]
                if gaps.any():
                    x[gaps, j] = forest.predict(np.delete(x, j, 1)[gaps])
            fitted = dict(models(x, known))

    def fill(gappy: pa.Table, draw: int) -> pa.Table:
        given = coded.array(gappy)
        x = np.where(np.isnan(given), centre, given)
        for _ in range(rounds):
            for j, forest in fitted.items():
                gaps = np.isnan(given[:, j])
                if gaps.any():
                    x[gaps, j] = forest.predict(np.delete(x, j, 1)[gaps])
        return coded.table(x, gappy)

    return fill


def cascade(run: Any) -> Fill:
    def fill(gappy: pa.Table, draw: int) -> pa.Table:
        imputer, codec = run.sampler("cpu").imputer(), run.codec
        rows = Rows(codec.match(Rows(gappy)).items.table)
        parts = []
        for start in range(0, len(rows), 1024):
            part = rows[start : start + 1024]
            made, valid = imputer.fill(part, range(start, start + len(part)), draw)
            assert valid.all()
            parts.append(made.table)
        return pa.concat_tables(parts).cast(gappy.schema)

    return fill


def downstream(filled: pa.Table, test: pa.Table, target: str) -> float:
    coded = Coded(pa.concat_tables([filled, test]))
    j = filled.column_names.index(target)
    (x, y), (xt, yt) = ((np.delete(a, j, 1), a[:, j]) for a in map(coded.array, (filled, test)))
    categorical = np.delete(~np.array(coded.numeric), j)
    categorical &= np.delete([len(levels) <= 255 for levels in coded.levels], j)
    if coded.numeric[j]:
        regression = HistGradientBoostingRegressor(categorical_features=categorical, random_state=0)
        return float(r2_score(yt, regression.fit(x, y).predict(xt)))
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    return float(roc_auc_score(yt, model.fit(x, y).predict_proba(xt)[:, 1]))


def methods(
    train: pa.Table, run: Any, rng: np.random.Generator
) -> Iterator[tuple[str, Fill, bool]]:
    """Each method with whether it draws."""
    some = train.take(np.sort(rng.permutation(len(train))[:FITTED]))
    yield "marginal draws", marginal(train, mean=False), True
    yield "mean or mode", marginal(train, mean=True), False
    yield "k-NN (5)", with_one_hot(some, KNNImputer()), False
    ridge = {"max_iter": 5, "random_state": 0, "tol": 1e-2}
    yield "IterativeImputer", with_one_hot(some, IterativeImputer(BayesianRidge(), **ridge)), False
    yield "trees (missForest)", trees(some), False
    yield "gankit", cascade(run), True


def trained(train: pa.Table, seed: int) -> tuple[Any, float]:
    start, folder = time.process_time(), tempfile.mkdtemp()
    run = gankit.fit("tabular", train, out=f"{folder}/run", seed=seed, settings={"log.verdict": 0})
    return run, time.process_time() - start


def measured(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    train, test = (read_table(str(f))[0].replace_schema_metadata() for f in (args.train, args.test))
    for seed in range(args.seeds):
        rng = np.random.default_rng([seed, 3])
        rows = test.take(np.sort(rng.permutation(len(test))[: args.rows]))
        learned, settings = train, SETTINGS
        if args.gaps:
            learned = without(train, remove_cells(train, args.gaps, "random", rng))
            settings = ((args.gaps, "random"),)
        if args.run and not args.gaps:
            run, cpu = gankit.load(args.run), 0.0
        else:
            run, cpu = trained(learned, seed)
        yield {"table": args.table, "seed": seed, "method": "training", "cpu": cpu}
        for name, fill, draws in methods(learned, run, rng):
            for share, mechanism in settings:
                removed = remove_cells(rows, share, mechanism, np.random.default_rng([seed, 9]))
                gappy = without(rows, removed)
                n = (MANY_DRAWS if (share, mechanism) == (0.3, "random") else DRAWS) if draws else 1
                start = time.process_time()
                filled = [fill(gappy, k) for k in range(n)]
                cpu = (time.process_time() - start) / n
                found = imputation_scores(rows, removed, filled)
                if args.target and share == 0.3:
                    found["downstream"] = downstream(filled[0], test.slice(0, 6000), args.target)
                where = {"share": share, "mechanism": mechanism, "trained_with_gaps": args.gaps}
                yield {
                    "table": args.table,
                    "seed": seed,
                    "method": name,
                    **where,
                    **found,
                    "cpu": cpu,
                }


def summary(records: list[dict[str, Any]]) -> str:
    scores = ["rmse", "rmse_mean", "accuracy", "accuracy_mode", "distance", "coverage",
              "downstream", "cpu"]  # fmt: skip
    lines = ["| table | removed | method | " + " | ".join(scores) + " |", "|---" * 11 + "|"]
    scored = [r for r in records if "share" in r]
    keys = ("table", "trained_with_gaps", "mechanism", "share")
    of = [(tuple(r[key] for key in keys), r) for r in scored]
    for case in dict.fromkeys(key for key, _ in of):
        for method in dict.fromkeys(r["method"] for r in scored):
            some = [r for key, r in of if key == case and r["method"] == method]
            cells = []
            for score in scores:
                values = [r[score] for r in some if score in r]
                cells.append("–" if not values else f"{np.mean(values):.3g}" if score == "cpu"
                             else f"{np.mean(values):.3f} ± {np.std(values):.3f}")  # fmt: skip
            where = f"{case[3]:.0%} by {case[2]}" + (", in training too" if case[1] else "")
            lines.append(f"| {case[0]} | {where} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", default="adult")
    parser.add_argument("--train", type=Path, default=ADULT / "train.csv")
    parser.add_argument("--test", type=Path, default=ADULT / "test.csv")
    parser.add_argument("--target", default="income")
    parser.add_argument("--run", default="", help="a run on the training rows")
    parser.add_argument("--gaps", type=float, default=0.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    records = []
    for record in measured(args):
        records.append(record)
        print(json.dumps(record), file=sys.stderr, flush=True)
        if args.out:
            with args.out.open("a") as out:
                out.write(json.dumps(record) + "\n")
    print(summary(records))


if __name__ == "__main__":
    main()
