"""Synthetic rows: quality against processor seconds, of gankit and baselines, on one table.

    python benchmarks/tabular.py --train train.csv --test test.csv [--seeds 3] [--only gankit]
    python benchmarks/tabular.py --data diamonds.csv --target price

Short baselines are implemented here: columns drawn independently, a Gaussian copula, and
sequential trees (as in synthpop). ``ctgan`` (CTGAN and TVAE) is run if it is installed and
``--epochs`` is above 0; its licence allows development benchmarks and forbids more. One half of the
test rows is the ceiling, the other half is used for testing; ``--data`` sets a random fifth aside.
All run on one thread. Processor time includes fitting and sampling.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # or ctgan's encoder runs in processes not counted here
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import pyarrow as pa
import torch
from datasets import split

import gankit
from gankit.contract import EvaluationData, Sample
from gankit.metrics import manifold_scores
from gankit_tabular.data.arrow import numbers, plain
from gankit_tabular.data.sources import read_table
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.features import EncodedTable
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.settings import TabularSettings

SHOWN = (
    "column_shapes",
    "pair_trends",
    "tstr_auc",
    "two_sample_auc",
    "exact_copies",
    "membership_auc",
)
CONDITIONED = 2_000
"""Rows that are generated for a condition."""
MISSING = "missing"
"""The category that ``ctgan`` gets for a missing value."""
MANY = 200
"""A tree for a column with more values than this predicts the number of a value, not its class."""

Draw = Callable[[int, Mapping[str, str]], pa.Table]
"""``draw(n, where)``: n rows, with the requested values where the model supports conditions."""
Synthesiser = Callable[[pa.Table, int], Draw]
"""``fit(train, seed) -> draw``."""
CONDITIONAL = ("gankit", "CTGAN")


def ours(settings: dict[str, object], recipe: str = "default") -> Synthesiser:
    def fit(train: pa.Table, seed: int) -> Draw:
        folder = tempfile.TemporaryDirectory()
        made = gankit.fit(
            f"tabular/{recipe}",
            train,
            out=f"{folder.name}/run",
            train__seed=seed,
            train__threads=1,
            **settings,
        )

        def draw(n: int, where: Mapping[str, str], _alive: object = folder) -> pa.Table:
            return pa.Table.from_pylist(made.sample(n, where=where), schema=train.schema)

        return draw

    return fit


def independent(train: pa.Table, seed: int) -> Draw:
    rng = np.random.default_rng(seed)

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        columns = [c.take(pa.array(rng.integers(len(train), size=n))) for c in train.columns]
        return pa.table(columns, schema=train.schema)

    return draw


def copula(train: pa.Table, seed: int) -> Draw:
    """Ranks of all columns as normal scores, their covariance, and quantiles back."""
    from scipy.stats import norm, rankdata

    rng = np.random.default_rng(seed)
    codes, back = _coded(train, by_frequency=True)
    scores = np.stack([norm.ppf((rankdata(c) - 0.5) / len(c)) for c in codes.T], 1)
    correlation = np.corrcoef(scores.T)

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        u = norm.cdf(rng.multivariate_normal(np.zeros(len(correlation)), correlation, size=n))
        made = [np.quantile(c, v, method="lower") for c, v in zip(codes.T, u.T, strict=True)]
        return _table(np.stack(made, 1), back, train.schema)

    return draw


def trees(train: pa.Table, seed: int) -> Draw:
    """Each column from those before it: a tree, then a draw from the rows of its leaf."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    codes, back = _coded(train)
    fitted = []
    for j in range(1, codes.shape[1]):
        words = back[j]
        few = isinstance(words, np.ndarray) and len(words) <= MANY
        kind = DecisionTreeClassifier if few else DecisionTreeRegressor
        tree = kind(min_samples_leaf=5, random_state=seed).fit(codes[:, :j], codes[:, j])
        leaf = tree.apply(codes[:, :j])
        order = np.argsort(leaf, kind="stable")
        fitted.append((tree, order, *np.unique(leaf[order], return_index=True, return_counts=True)))

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        made = np.empty((n, codes.shape[1]))
        made[:, 0] = rng.choice(codes[:, 0], n)
        for j, (tree, order, leaves, start, count) in enumerate(fitted, 1):
            place = np.searchsorted(leaves, tree.apply(made[:, :j]))
            drawn = start[place] + (rng.random(n) * count[place]).astype(int)
            made[:, j] = codes[order[drawn], j]
        return _table(made, back, train.schema)

    return draw


def ctgan(kind: str, epochs: int) -> Synthesiser:
    def fit(train: pa.Table, seed: int) -> Draw:
        import ctgan as package

        torch.manual_seed(seed)
        np.random.seed(seed)
        frame, words = as_frame(train)
        model = getattr(package, kind)(epochs=epochs)
        model.fit(frame, words)

        def draw(n: int, where: Mapping[str, str]) -> pa.Table:
            made = model.sample(n, *[word for pair in where.items() for word in pair])
            made[words] = made[words].replace(MISSING, None)
            return pa.Table.from_pandas(made, preserve_index=False).cast(train.schema, safe=False)

        return draw

    return fit


def is_number(table: pa.Table, name: str) -> bool:
    t = table.schema.field(name).type
    return bool(pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_temporal(t))


def as_frame(table: pa.Table) -> tuple[object, list[str]]:
    """A data frame as ``ctgan`` takes it, and which columns are categories."""
    words = [c for c in table.column_names if not is_number(table, c)]
    frame = table.to_pandas()
    frame[words] = frame[words].fillna(MISSING)
    return frame, words


Back = list[np.ndarray | float]
"""How a column comes back: the words of its codes, or the number that stands for a missing one."""


def _coded(table: pa.Table, by_frequency: bool = False) -> tuple[np.ndarray, Back]:
    codes, back = [], Back()
    for name in table.column_names:
        column = plain(table.column(name))
        if is_number(table, name):
            values = numbers(column)
            missing = float(np.nanmin(values) - 1)
            codes.append(np.nan_to_num(values, nan=missing))
            back.append(missing)
        else:
            words = np.array([str(v) for v in column.to_pylist()])
            known, index, counts = np.unique(words, return_inverse=True, return_counts=True)
            order = np.argsort(-counts) if by_frequency else np.arange(len(known))
            codes.append(np.argsort(order)[index].astype(float))
            back.append(known[order])
    return np.stack(codes, 1), back


def _table(codes: np.ndarray, back: Back, schema: pa.Schema) -> pa.Table:
    columns = []
    for values, how, field in zip(codes.T, back, schema, strict=True):
        if isinstance(how, np.ndarray):
            words = how[values.astype(int)].tolist()
            column = pa.array([None if w == "None" else w for w in words])
        else:
            column = pa.array(values, mask=values == how)
        if pa.types.is_temporal(field.type):
            column = column.cast(pa.int64(), safe=False)
        columns.append(column.cast(field.type, safe=False))
    return pa.table(columns, schema=schema)


def scores(
    train: pa.Table, test: pa.Table, made: pa.Table, target: str, seed: int
) -> dict[str, float]:
    real, held, rows = train.to_pylist(), test.to_pylist(), made.to_pylist()
    samples = [Sample(row, i, {}) for i, row in enumerate(rows)]
    rng = np.random.default_rng(seed)
    data = EvaluationData(samples, real, held)
    found = TableScores(target).evaluate(data, rng) | ColumnScores().evaluate(data, rng)
    extractor = EncodedTable(None, TabularSettings())
    extractor.fit(real)
    few = [real[i] for i in rng.permutation(len(real))[:5000]]
    a, b = extractor.features(few), extractor.features(rows[:5000])
    shown = {name: found.get(name, np.nan) for name in SHOWN}
    return shown | {"coverage": manifold_scores(a, b)["coverage"]}


def hit_rate(draw: Draw, column: str, value: str) -> float:
    """The share of rows generated for a value that have it."""
    made = draw(CONDITIONED, {column: value}).column(column).to_pylist()
    return float(np.mean([str(v) == value for v in made]))


def as_settings(words: list[str]) -> dict[str, object]:
    """``key=value`` as on the command line, for :func:`gankit.fit`."""
    pairs = (word.split("=", 1) for word in words)
    return {k.replace(".", "__"): tomllib.loads(f"it = {v}")["it"] for k, v in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--data", help="instead: one table, of which a part is for testing")
    parser.add_argument("--target", default="", help="column to predict; the last one by default")
    parser.add_argument("--where", default="", help="column=value that models condition on")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="some of the models, by a part of the name")
    parser.add_argument("--recipe", default="default", help="of gankit")
    parser.add_argument("--ours", nargs="*", default=[], help="settings of gankit, key=value")
    parser.add_argument(
        "--epochs", type=int, default=0, help="of ctgan's models; 0 leaves them out"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.data:
        train, test = split(read_table(args.data)[0])
    elif args.train and args.test:
        train, test = read_table(args.train)[0], read_table(args.test)[0]
    else:
        parser.error("pass --data, or --train and --test")
    test = test.cast(train.schema)
    half = len(test) // 2
    ceiling, test = test.slice(0, half), test.slice(half)
    ways: dict[str, Synthesiser] = {
        "real test rows": lambda train, seed: lambda n, where: ceiling,
        "independent columns": independent,
        "gaussian copula": copula,
        "sequential trees": trees,
        "gankit": ours(as_settings(args.ours), args.recipe),
    }
    if args.epochs and importlib.util.find_spec("ctgan"):
        ways |= {kind: ctgan(kind, args.epochs) for kind in ("TVAE", "CTGAN")}
    names = ("cpu_s", *SHOWN, "coverage", *["requested"][: bool(args.where)])
    print(f"{len(train):,} rows, {train.num_columns} columns; {args.seeds} seeds; mean (spread)")
    print("| model | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for way, fit in ways.items():
        if args.only and not any(part in way for part in args.only):
            continue
        found: list[dict[str, float]] = []
        for seed in range(args.seeds):
            began = time.process_time()
            draw = fit(train, seed)
            made = draw(half, {})
            spent = time.process_time() - began
            found.append({"cpu_s": spent, **scores(train, test, made, args.target, seed)})
            if args.where and way in CONDITIONAL:
                found[-1]["requested"] = hit_rate(draw, *args.where.split("=", 1))
            print(f"{way}, seed {seed}: {found[-1]}", file=sys.stderr, flush=True)
        cells = []
        for name in names:
            values = [f.get(name, np.nan) for f in found]
            cells.append(f"{np.mean(values):.4g} ({np.std(values):.2g})")
        print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
