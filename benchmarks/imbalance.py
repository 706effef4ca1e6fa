"""What generated rows are worth for a rare class, compared with the usual mitigations.

    python benchmarks/imbalance.py --train train.csv --test test.csv [--share 0.02] [--repeats 3]

The rows of one value of the last column are thinned at random to a share of the table. Then the
standard model of tables (gradient boosting) is trained on real rows only, with the usual
mitigations, and with generated rows that balance the classes: those of ``gankit augment
--measure`` for each of ``--methods``; those of sequential trees fitted to the rare rows only; and
those of CTGAN if it is installed and ``--epochs`` is above 0, by rejection, since its conditions
only raise a value's probability. In a repetition all are trained on the same nine tenths, and
tested on the same rows. 95 % intervals over repetitions.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import torch
from scipy.stats import t as student
from table_baselines import Draw, trees
from table_methods import as_settings, ctgan

import gankit
from gankit.workflows.candidates import plan
from gankit.workflows.measure import AUGMENTED, Benchmark, measure
from gankit_tabular.data.sources import read_table
from gankit_tabular.evaluation.downstream import Boosting

TRIES = 60
"""The most batches that are drawn to find enough rows of the class."""


def thinned(table: pa.Table, rare: str, share: float) -> pa.Table:
    """The table with so many of the rows of the last column's value that they are that share."""
    is_rare = pc.equal(table.column(table.num_columns - 1), rare)
    ours, others = table.filter(is_rare), table.filter(pc.invert(is_rare))
    n = round(len(others) * share / (1 - share))
    kept = np.random.default_rng(0).permutation(len(ours))[:n]
    both = pa.concat_tables([others, ours.take(pa.array(kept))])
    return both.take(pa.array(np.random.default_rng(1).permutation(len(both))))


def of_class(draw: Draw, n: int, key: str, rare: str) -> pa.Table:
    """About n rows of the class, among those that the model generates for it."""
    found, have = [], 0
    for _ in range(TRIES):
        made = draw(n, {key: rare})
        found.append(made.filter(pc.equal(made.column(key), rare)))
        have += len(found[-1])
        if have >= n:
            break
    return pa.concat_tables(found).slice(0, n)


def interval(values: list[float]) -> str:
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.3f} ± {half:.3f}"


def augmented(
    method: str, train: pa.Table, test: str, repeats: int, keep_all: bool
) -> list[Benchmark]:
    """What the rows of a recipe that balance the classes are worth."""
    recipe, *words = method.split()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "thinned.csv")
        pyarrow.csv.write_csv(train, data)
        settings = {"train__threads": 1, **as_settings(words)}
        run = gankit.fit(recipe, data, out=f"{folder}/run", **settings)
        key = train.column_names[-1]
        return measure(
            run,
            str(data),
            test=test,
            key=key,
            requests_of=lambda values: plan(values, balance=key),
            repeats=repeats,
            keep_all=keep_all,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--rare", default=">50K")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=0, help="of CTGAN; 0 leaves it out")
    parser.add_argument(
        "--methods",
        nargs="*",
        default=["tabular/default"],
        help="recipes, each with settings, as in 'tabular/default train.epochs=40'; or none",
    )
    parser.add_argument("--keep-all", action="store_true", help="as in gankit augment")
    parser.add_argument("--no-baselines", action="store_true", help="neither trees nor CTGAN")
    args = parser.parse_args()
    torch.set_num_threads(1)
    train, test = thinned(read_table(args.train)[0], args.rare, args.share), args.test
    key = train.column_names[-1]
    rare = train.filter(pc.equal(train.column(key), args.rare))
    wanted = len(train) - 2 * len(rare)
    print(f"{len(rare):,} of {len(train):,} rows are {key}={args.rare}; {args.repeats} repetitions")
    for i, method in enumerate(args.methods):
        measured = augmented(method, train, test, args.repeats, args.keep_all)
        if not i:
            print("| trained on | " + " | ".join(measured[0].scores) + " |")
        for m in measured:
            ours = m.trained_on == AUGMENTED
            if ours or not i:
                cells = [f"{mean:.3f} ± {half:.3f}" for mean, half in m.scores.values()]
                name = f"real + {method}" if ours else m.trained_on
                print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if args.no_baselines:
        return
    ways = {"sequential trees of the rare rows": lambda seed: trees(rare, seed)(wanted, {})}
    if args.epochs and importlib.util.find_spec("ctgan"):
        draw = ctgan("CTGAN", {"epochs": args.epochs})(train, 0)
        ways[f"CTGAN, {args.epochs} epochs"] = lambda seed: of_class(draw, wanted, key, args.rare)
    real, held = train.to_pylist(), read_table(test)[0].cast(train.schema).to_pylist()
    for way, make in ways.items():
        found = []
        for repeat in range(args.repeats):
            made = make(repeat)
            print(f"{way}: {len(made):,} of {wanted:,} rows", file=sys.stderr, flush=True)
            found.append(Boosting().scores(real + made.to_pylist(), held, key, "", repeat))
        cells = [interval([f[name] for f in found]) for name in found[0]]
        print(f"| real + {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
