"""Processor seconds and memory on a table, gankit and CTGAN with its defaults, taking turns.

    pip install ctgan==0.12.1        # its licence allows development benchmarks and forbids more
    python benchmarks/tabular_speed.py --data train.csv [--rounds 3] [--ours key=value ...]

Each round is a fresh process a model, one after the other, one thread each; a ratio is that of one
round, and its median over rounds is shown. Both train with batches of 500.

- encoder: all of CTGAN's ``fit(epochs=0)``; for gankit, fitting the codec and encoding all rows.
- before training: the same, and for gankit all else that ``gankit.fit`` does around the training:
  reading, a fingerprint, checkpoints, previews, the model's files.
- training: the cost of one more epoch; for gankit including the density-ratio classifier, if the
  settings use candidates.
- sampling: CTGAN's ``sample(n)``, a data frame; gankit's ``run.sample(n)``, a list of mappings.
- memory: the greatest resident set of the process that reads the file and fits one epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch
from table_methods import as_settings

BATCH = 500
DRAWN = (10_000, 100_000)
WARM = 1_000
"""Rows that warm a process up, as does a first fit of all rows without training: imports, first
calls and memory's first use are not counted."""
MODELS = ("gankit", "CTGAN", "gankit bf16")

Measures = dict[str, float]


def spent(work: Callable[[], object]) -> tuple[float, object]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def peak() -> float:
    """MB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


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

    half = settings["train__precision"] == "bf16"
    fit(data, BATCH)
    epoch, run = spent(lambda: fit(data, rows + BATCH))
    found = Measures() if half else {"memory, MB": peak()}
    step, _ = spent(lambda: fit(data, BATCH))
    found["training, rows/s"] = rows / (epoch - step)
    for n in DRAWN:
        seconds, _ = spent(lambda n=n: run.sample(n))
        found[f"sampling {n:,}, rows/s"] = n / seconds
    if half:
        return found
    modality, defaults = TabularModality(), TabularSettings()
    items = modality.read(data, defaults, quiet).items

    def encode() -> None:
        codec = modality.fit_codec(items, defaults, Fitting())
        RealSamples(items, codec, batch=BATCH, seed=0, device=torch.device("cpu"))

    found["encoder, s"], _ = spent(encode)
    found["before training, s"] = step
    return found


def measure_ctgan(data: str, rows: int) -> Measures:
    import pandas
    from ctgan import CTGAN

    frame = pandas.read_csv(data)
    words = [c for c in frame if not pandas.api.types.is_numeric_dtype(frame[c])]
    frame[words] = frame[words].fillna("missing")

    def fit(epochs: int, frame: pandas.DataFrame = frame) -> CTGAN:
        model = CTGAN(epochs=epochs, batch_size=BATCH)
        model.fit(frame, words)
        return model

    fit(1, frame[:WARM])
    fit(0)
    one, model = spent(lambda: fit(1))
    found = {"memory, MB": peak()}
    none, _ = spent(lambda: fit(0))
    found["training, rows/s"] = rows // BATCH * BATCH / (one - none)
    found["encoder, s"] = found["before training, s"] = none
    for n in DRAWN:
        seconds, _ = spent(lambda n=n: model.sample(n))
        found[f"sampling {n:,}, rows/s"] = n / seconds
    return found


def goals(columns: int) -> dict[str, float]:
    """Least ratios; the greatest one for memory, where a table is large enough to tell."""
    wide = columns > 30
    return {
        "encoder, s": 100,
        "training, rows/s": 7 if wide else 4,
        **{f"sampling {n:,}, rows/s": 4 for n in DRAWN},
        **({"memory, MB": 0.3} if wide else {}),
    }


def child(model: str, data: str, rows: int, words: list[str]) -> Measures:
    torch.set_num_threads(1)
    if model == "CTGAN":
        return measure_ctgan(data, rows)
    precision = "bf16" if "bf16" in model else "fp32"
    return measure_ours(data, rows, as_settings(words) | {"train__precision": precision})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", nargs="*", default=[], help="settings of gankit, key=value")
    parser.add_argument("--child", choices=MODELS, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child, args.data, args.rows, args.ours)))
        return
    from gankit_tabular.data.sources import read_table

    table = read_table(args.data)[0]
    rows, columns = table.num_rows, table.num_columns
    found: dict[str, list[Measures]] = {model: [] for model in MODELS}
    for number in range(args.rounds):
        for model in MODELS:
            command = [sys.executable, __file__, "--data", args.data]
            command += ["--child", model, "--rows", str(rows), "--ours", *args.ours]
            out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found[model].append(json.loads(out.splitlines()[-1]))
            print(f"round {number}, {model}: {found[model][-1]}", file=sys.stderr, flush=True)
    print(f"{rows:,} rows, {columns} columns; torch {torch.__version__}; {args.rounds} rounds")
    print("| measure | gankit | CTGAN | ratio (each round) | goal |\n|---|---|---|---|---|")
    for name in found["CTGAN"][0]:
        for ours in ("gankit", "gankit bf16"):
            if name in found[ours][0]:
                shown = f"{name}, bf16" if "bf16" in ours else name
                print(row(shown, name, found[ours], found["CTGAN"], goals(columns)))


def row(
    shown: str, name: str, ours: list[Measures], theirs: list[Measures], least: dict[str, float]
) -> str:
    """Ratios above 1 mean that gankit is faster; for memory, its share of the other's."""
    faster = name.endswith(", s")
    pairs = [(a[name], b[name]) for a, b in zip(ours, theirs, strict=True)]
    ratios = [b / a if faster else a / b for a, b in pairs]
    ratio, goal = float(np.median(ratios)), ""
    if name in least:
        small = name.startswith("memory")
        met = ratio <= least[name] if small else ratio >= least[name]
        goal = f"{'≤' if small else '≥'} {least[name]:g}: {'met' if met else 'not met'}"
    a, b = (f"{np.median(side):,.3g}" for side in zip(*pairs, strict=True))
    each = ", ".join(f"{r:.3g}" for r in ratios)
    return f"| {shown} | {a} | {b} | {ratio:.3g}× ({each}) | {goal} |"


if __name__ == "__main__":
    main()
