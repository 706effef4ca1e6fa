"""Synthetic rows under differential privacy: what each epsilon costs, on one table.

    python benchmarks/private.py --train train.csv --test test.csv [--epsilon 1 3 10 0] [--seeds 1]

Recipe ``tabular/private``; epsilon 0 is the same recipe without clipping and noise. One half of the
test rows is the ceiling, the other half is tested on, as in ``tabular.py``. One thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import torch
from tabular import scores

import gankit
from gankit_tabular.data.sources import read_table

SHOWN = ("column_shapes", "pair_trends", "tstr_auc", "exact_copies", "membership_auc", "coverage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1, 3, 10, 0])
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    train, test = read_table(args.train)[0], read_table(args.test)[0]
    test = test.cast(train.schema)
    half = len(test) // 2
    ceiling, test = test.slice(0, half), test.slice(half)
    names = ("epsilon", "delta", "noise multiplier", "D steps", "CPU s", *SHOWN)
    print(f"{len(train):,} rows, {train.num_columns} columns; {args.seeds} seeds; mean (spread)")
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    found = [scores(train, test, ceiling, "", seed) for seed in range(args.seeds)]
    print("| real test rows | – | – | – | – | " + _cells(found), flush=True)
    for epsilon in args.epsilon:
        found, began, privacy = [], time.process_time(), None
        for seed in range(args.seeds):
            with tempfile.TemporaryDirectory() as folder:
                run = gankit.fit(
                    "tabular/private",
                    train,
                    out=f"{folder}/run",
                    privacy__epsilon=epsilon,
                    train__seed=seed,
                    train__threads=1,
                )
                made = pa.Table.from_pylist(run.sample(half), schema=train.schema)
                privacy, steps = run.privacy, run.metrics()[-1]["steps"]
            found.append(scores(train, test, made, "", seed))
        spent = f"{(time.process_time() - began) / args.seeds:.0f}"
        said = ("none", "–", "–", f"{steps:,}", spent)
        if privacy is not None:
            said = (
                f"{privacy['epsilon']:.3g}",
                f"{privacy['delta']:.2g}",
                f"{privacy['noise_multiplier']:.3g}",
                f"{privacy['steps']:,}",
                spent,
            )
        print("| " + " | ".join(said) + " | " + _cells(found), flush=True)


def _cells(found: list[dict[str, float]]) -> str:
    values = [[f[name] for f in found] for name in SHOWN]
    return " | ".join(f"{np.mean(v):.4g} ({np.std(v):.2g})" for v in values) + " |"


if __name__ == "__main__":
    sys.exit(main())
