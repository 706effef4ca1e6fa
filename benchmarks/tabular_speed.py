"""Processor seconds and memory on a table, gankit and CTGAN with its defaults, taking turns.

    python benchmarks/tabular_speed.py --data tables/adult-train.csv \\
        --rivals-python rivals/bin/python [--rounds 3] [--ours key=value ...]

Each round is a fresh process a model, one after the other, one thread each; a ratio is that of one
round, and its median over rounds is shown. Both train with batches of 500. CTGAN (ctgan 0.12.1; its
licence allows development benchmarks and forbids more) is in another environment.

- encoder: all of CTGAN's ``fit(epochs=0)``; for gankit, fitting the codec and encoding all rows.
- before training: the same, and for gankit all else that ``gankit.fit`` does around the training:
  reading, a fingerprint, checkpoints, previews, the model's files.
- training: the cost of one more epoch; for gankit including the density-ratio classifier, if the
  settings use candidates.
- sampling: CTGAN's ``sample(n)``, and gankit's ``run.sample(n)`` as a data frame too.
- memory: the greatest resident set of the process that reads the file and fits one epoch.

``tabular_until.py`` adds the time until the rows are good.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable

import numpy as np
import pyarrow.csv
import torch
from table_methods import as_settings, ctgan, peak, spent

BATCH = 500
DRAWN = (10_000, 100_000)
WARM = 1_000
"""Rows that warm a process up, as does a first fit of all rows without training: imports, first
calls and memory's first use are not counted."""
MODELS = ("gankit", "CTGAN")

Measures = dict[str, float]

GOALS = {
    "training, rows/s": (2, 14_000),
    **{f"sampling {n:,}, rows/s": (1, 50_000) for n in DRAWN},
}
"""The least ratio to CTGAN, and the least number on Adult."""


def timed(work: Callable[[], object]) -> tuple[float, object]:
    began = spent()
    result = work()
    return spent() - began, result


def measure_ours(data: str, rows: int, settings: dict[str, object]) -> Measures:
    import gankit
    from gankit.contract import Fitting, quiet
    from gankit.engine.data import RealSamples
    from gankit_tabular.modality import TabularModality
    from gankit_tabular.settings import TabularSettings

    folder = tempfile.TemporaryDirectory()
    made = iter(range(1000))

    def fit(source: object, samples: int) -> gankit.Run:
        return gankit.fit(
            "tabular",
            source,
            out=f"{folder.name}/{next(made)}",
            train__samples=samples,
            train__batch=BATCH,
            train__threads=1,
            **settings,
        )

    fit(data, BATCH)
    epoch, run = timed(lambda: fit(data, rows + BATCH))
    found = {"memory, MB": peak()}
    step, _ = timed(lambda: fit(data, BATCH))
    found["training, rows/s"] = rows / (epoch - step)
    for n in DRAWN:
        seconds, _ = timed(lambda n=n: run.sample(n).to_dataframe())
        found[f"sampling {n:,}, rows/s"] = n / seconds
    modality, defaults = TabularModality(), TabularSettings()
    items = modality.read(data, defaults, quiet).items

    def encode() -> None:
        codec = modality.fit_codec(items, defaults, Fitting())
        RealSamples(items, codec, batch=BATCH, seed=0, device=torch.device("cpu"))

    found["encoder, s"], _ = timed(encode)
    found["before training, s"] = step
    return found


def measure_ctgan(data: str, rows: int) -> Measures:
    table = pyarrow.csv.read_csv(data)

    def fit(epochs: int, n: int = rows) -> Callable[[int, dict[str, str]], object]:
        return ctgan("CTGAN", {"epochs": epochs, "batch_size": BATCH})(table[:n], 0)

    fit(1, WARM)
    fit(0)
    one, draw = timed(lambda: fit(1))
    found = {"memory, MB": peak()}
    none, _ = timed(lambda: fit(0))
    found["training, rows/s"] = rows // BATCH * BATCH / (one - none)
    found["encoder, s"] = found["before training, s"] = none
    for n in DRAWN:
        seconds, _ = timed(lambda n=n: draw(n, {}))
        found[f"sampling {n:,}, rows/s"] = n / seconds
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", nargs="*", default=[], help="settings of gankit, key=value")
    parser.add_argument("--rivals-python", default=sys.executable, help="with ctgan installed")
    parser.add_argument("--child", choices=MODELS, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.child == "CTGAN":
        print(json.dumps(measure_ctgan(args.data, args.rows)))
    elif args.child:
        print(json.dumps(measure_ours(args.data, args.rows, as_settings(args.ours))))
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    from gankit_tabular.data.sources import read_table

    table = read_table(args.data)[0]
    rows, columns = table.num_rows, table.num_columns
    found: dict[str, list[Measures]] = {model: [] for model in MODELS}
    for number in range(args.rounds):
        for model in MODELS:
            python = sys.executable if model == "gankit" else args.rivals_python
            command = [python, __file__, "--data", args.data, "--child", model]
            command += ["--rows", str(rows), "--ours", *args.ours]
            out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found[model].append(json.loads(out.splitlines()[-1]))
            print(f"round {number}, {model}: {found[model][-1]}", file=sys.stderr, flush=True)
    print(f"{rows:,} rows, {columns} columns; torch {torch.__version__}; {args.rounds} rounds")
    print("| measure | gankit | CTGAN | ratio (each round) | goal |\n|---|---|---|---|---|")
    for name in found["CTGAN"][0]:
        pairs = [(a[name], b[name]) for a, b in zip(*found.values(), strict=True)]
        print(row(name, pairs))


def row(name: str, pairs: list[tuple[float, float]]) -> str:
    """Ratios above 1 mean that gankit is faster; for memory, its share of the other's."""
    ratios = [b / a if name.endswith(", s") else a / b for a, b in pairs]
    ours, theirs = (float(np.median(side)) for side in zip(*pairs, strict=True))
    ratio, goal = float(np.median(ratios)), ""
    if name in GOALS:
        both = zip((ratio, ours), GOALS[name], ("×", ""), strict=True)
        goal = "; ".join(f"≥ {g:,}{u}: {'met' if v >= g else 'not met'}" for v, g, u in both)
    each = ", ".join(f"{r:.3g}" for r in ratios)
    return f"| {name} | {ours:,.3g} | {theirs:,.3g} | {ratio:.3g}× ({each}) | {goal} |"


if __name__ == "__main__":
    main()
