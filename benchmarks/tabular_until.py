"""Processor seconds until generated rows are hard to tell from real ones, gankit and CTGAN.

    python benchmarks/tabular_until.py tables adult --rivals-python rivals/bin/python [--level 0.6]

Trained for one pass over the rows, two, four and so on, each from the start since learning rates
follow the length, until a classifier tells the rows from real ones with an AUC of at most
``--level`` or a training takes more than ``--limit`` processor seconds. The time shown is that of
the last training alone, so that it is known up to a factor of two.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from table_scores import scores
from tabular import Parts, generate, is_rival, parts, python_of

MODELS: dict[str, Callable[[int, int], str]] = {
    "tabular/default": lambda passes, rows: f"tabular/default train.samples={passes * rows}",
    "CTGAN": lambda passes, rows: f"CTGAN epochs={passes}",
}
"""The method by passes over the rows and their number."""


def until(model: str, of: Parts, args: argparse.Namespace) -> tuple[float, bool]:
    """Processor seconds of the last training, and whether its rows reach the level."""
    rows, passes = len(of["train"]), args.first
    while True:
        method = MODELS[model](passes, rows)
        made, measures = generate(method, of, python_of(method, args), limit=2 * args.limit)
        if made is None:
            print(f"| {model} | {passes} | – | {measures['error']} |", flush=True)
            return 2.0 * args.limit, False
        auc = scores(of["train"], of["test"], made, "", 0)["two_sample_auc"]
        spent = measures["fit_s"]
        print(f"| {model} | {passes} | {spent:,.1f} | {auc:.3f} |", flush=True)
        if auc <= args.level or spent > args.limit:
            return spent, auc <= args.level
        passes *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("table")
    parser.add_argument("--level", type=float, default=0.6)
    parser.add_argument("--limit", type=int, default=600, help="processor seconds of a training")
    parser.add_argument("--first", type=int, default=1, help="passes of the first training")
    parser.add_argument("--rivals-python", help="of an environment with ctgan")
    args = parser.parse_args()
    of = parts(args.folder, args.table, 0)
    print("| model | passes | CPU s | two-sample |\n|---|---|---|---|")
    found = {
        model: until(model, of, args)
        for model in MODELS
        if args.rivals_python or not is_rival(model)
    }
    print()
    for model, (spent, reached) in found.items():
        said = f"{spent:,.1f} CPU s" if reached else f"not within {spent:,.0f} CPU s"
        print(f"{model}: two-sample ≤ {args.level:g}: {said}")
    (ours, reached), theirs = found["tabular/default"], found.get("CTGAN")
    if reached and theirs:
        print(f"ratio: {'' if theirs[1] else '> '}{theirs[0] / ours:.1f}×")


if __name__ == "__main__":
    main()
