"""Synthetic rows under differential privacy: what each epsilon costs, and what it buys.

    python benchmarks/private.py --train train.csv --test test.csv [--epsilon 1 3 10 0] [--seeds 1]
    python benchmarks/private.py … --recipe private --ours digit_units=16

A row an epsilon; 0 is the same recipe without clipping and noise. Scores are those of ``gankit
evaluate`` against the test rows, the attack on generated rows and the one on the model among them;
the first row has the real-data baselines. One thread; processor seconds are those of training.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import pyarrow as pa
import torch
from table_methods import as_settings

import gankit
from gankit_tabular.data.sources import read_table

SCORES = {
    "fidelity": "fidelity",
    "pair trends": "pair_trends",
    "two-sample AUC": "two_sample_auc",
    "TSTR": "tstr",
    "coverage": "coverage",
    "exact copies": "exact_copies",
    "membership AUC, black box": "membership_auc",
    "membership AUC, white box": "white_box_membership_auc",
}
"""Columns, and how the name of the score that each shows begins."""

Found = dict[str, tuple[float, float]]
"""Value and real-data baseline, by the column."""


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1, 3, 10, 0])
    parser.add_argument("--recipe", default="private")
    parser.add_argument("--ours", nargs="*", default=[], help="settings, key=value")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args(words)
    torch.set_num_threads(1)
    train = read_table(args.train)[0]
    test = read_table(args.test)[0].cast(train.schema)
    names = ("epsilon", "delta", "noise multiplier", "steps", "CPU s", *SCORES)
    print(f"{len(train):,} rows, {train.num_columns} columns; {args.seeds} seeds; mean (spread)")
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    real: list[str] = []
    for epsilon in args.epsilon:
        found: list[Found] = []
        stated: list[str] = []
        spent = 0.0
        for seed in range(args.seeds):
            settings = as_settings(args.ours) | {
                "privacy__epsilon": epsilon,
                "train__seed": seed,
                "train__threads": 1,
            }
            with tempfile.TemporaryDirectory() as folder:
                began = time.process_time()
                run = gankit.fit(f"tabular/{args.recipe}", train, out=f"{folder}/run", **settings)
                spent += time.process_time() - began
                found.append(scores(run, test, seed))
                stated = spending(run)
        if not real:
            real = ["real test rows", *["–"] * 4, *cells(found, 1)]
            print("| " + " | ".join(real) + " |", flush=True)
        stated[4:] = [f"{spent / args.seeds:.0f}", *cells(found, 0)]
        print("| " + " | ".join(stated) + " |", flush=True)


def scores(run: gankit.Run, test: pa.Table, seed: int) -> Found:
    """The scores of a run against the test rows."""
    evaluated, found = run.evaluate(data=test, seed=seed), {}
    for column, start in SCORES.items():
        found[column] = (np.nan, np.nan)
        for score in evaluated.scores:
            if score.name.startswith(start):
                real = np.nan if score.real_baseline is None else score.real_baseline
                found[column] = score.value, real
                break
    return found


def spending(run: gankit.Run) -> list[str]:
    """Epsilon, delta, noise multiplier and steps, in words."""
    privacy = run.privacy
    if privacy is None:
        return ["none", "–", "–", f"{run.metrics()[-1]['steps']:,}"]
    return [
        f"{privacy['epsilon']:.3g}",
        f"{privacy['delta']:.2g}",
        f"{privacy['noise_multiplier']:.3g}",
        f"{privacy['steps']:,}",
    ]


def cells(found: Sequence[Found], which: int) -> list[str]:
    """Mean and spread over seeds: of the values (0), or of the baselines (1)."""
    columns = [[f[column][which] for f in found] for column in SCORES]
    return ["–" if np.isnan(v).any() else f"{np.mean(v):.4g} ({np.std(v):.2g})" for v in columns]


if __name__ == "__main__":
    sys.exit(main())
