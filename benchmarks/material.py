"""Materials: the funnel of generated formulas, beside simpler models and real ones.

    python benchmarks/material.py --data ../shared/data/materials/mp_e_form.csv.gz [--samples 500k]

A tenth of the formulas, chosen by a hash of their text, is set aside before anything else; the rest
is trained on. Prints the scores of the generator after the warm-up (likelihood alone) and after the
game, with another temperature and with ``novel=true``, of the baselines, and of the formulas set
aside. CPU seconds are the process's own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["GANKIT_PLUGINS"] = ""

import gankit
from gankit.contract import quiet
from gankit_material.data.items import Material
from gankit_material.data.sources import read
from gankit_material.settings import MaterialSettings

SHOWN = (
    "validity", "alloys", "balanced", "unique", "novelty", "valid_unique_new",
    "frechet/composition", "element_overlap", "anonymous_overlap", "requested/target/r2",
)  # fmt: skip
WAYS = {
    "warm-up": {"phase": "warm-up"},
    "game": {},
    "counts .6": {"overrides": ["count_temperature=0.6"]},
    "novel": {"overrides": ["novel=true"]},
    "novel, counts .6": {"overrides": ["novel=true", "count_temperature=0.6"]},
}
"""How a run is sampled."""


def set_aside(material: Material) -> bool:
    """Whether a formula is one of the test tenth."""
    return hashlib.sha256(f"test{material.formula}".encode()).digest()[0] < 26


def write(file: Path, materials: Sequence[Material]) -> None:
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["formula", "target"])
        table.writerows([m.formula, m.values["target"]] for m in materials)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--samples", default="500k")
    parser.add_argument("--warm-up", type=float, default=0.85)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=4000)
    parser.add_argument("--run", help="one that was trained so before")
    args = parser.parse_args()
    items = read(args.data, MaterialSettings(lowest="target"), quiet).items
    parts = {
        "train": [m for m in items if not set_aside(m)],
        "test": [m for m in items if set_aside(m)],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, materials in parts.items():
            write(Path(folder) / f"{name}.csv", materials)
        test = str(Path(folder) / "test.csv")
        if args.run:
            run = gankit.load(args.run)
        else:
            begun = time.process_time()
            given = {"train__warm_up": args.warm_up, "log__preview_count": 100}
            run = gankit.fit(
                *("material", str(Path(folder) / "train.csv")),
                samples=args.samples,
                seed=args.seed,
                out=Path(folder) / "run",
                **given,
            )
            print(f"trained in {time.process_time() - begun:,.0f} CPU s")
        columns: dict[str, dict[str, float | None]] = {}
        for name, way in WAYS.items():
            found = run.evaluate(data=test, n=args.n, seed=1_000_000, **way)
            columns[name] = {s.name: s.value for s in found.scores}
        for name in found.baselines:
            columns[name] = {s.name: s.baselines.get(name) for s in found.scores}
        columns["real"] = {s.name: s.real_baseline for s in found.scores}
    print(f"| score, n = {args.n:,} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for score in SHOWN:
        row = [column.get(score) for column in columns.values()]
        print(f"| {score} | {' | '.join('' if v is None else f'{v:.3f}' for v in row)} |")


if __name__ == "__main__":
    main()
