"""Synthetic rows of several tables: quality, privacy and processor seconds, of gankit and others.

    python benchmarks/tabular.py FOLDER --out results.jsonl [--tables adult baseball] [--seeds 3]
    python benchmarks/tabular.py FOLDER --out results.jsonl --rivals-python rivals/bin/python
    python benchmarks/tabular.py FOLDER --out results.jsonl --methods 'real rows' \\
        'tabular/default train.warm_up=1.0' 'tabular/default train.warm_up=0.8' 'CTGAN epochs=100'

FOLDER has ``NAME-train.csv`` and ``NAME-test.csv`` for each table: ``datasets.py`` writes them.
One half of the test rows, drawn by the seed, is the ceiling ("real rows"); the other half is what
scores are computed with, and as many rows are generated. Each method runs in a process of its own,
on one thread; ``table_methods.py`` lists them, and settings may follow a name. The default recipe
trains by likelihood alone; ``train.warm_up=0.8`` adds a game. A method that needs more than
``--limit`` processor seconds is stopped, and its row says so. CTGAN, TVAE and mostlyai-engine are
left out without ``--rivals-python``, the Python of an environment of their own:

    pip install mostlyai-engine==2.7.3 ctgan==0.12.1
    pip uninstall torchvision torchaudio        # where torch is a build for CPUs

Each result is a line of the JSONL file as soon as it is there. Started again, the program adds what
is missing, so that a file belongs to one version of the code. It ends with the tables in Markdown,
the goals beside them.

All rows of the training file count as training rows, also those that a method sets aside from
them, as gankit does with ``data.holdout``, except for white-box membership.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import SOURCES
from table_methods import OTHERS
from table_scores import scores
from table_summary import OURS, REAL, Record, summary

from gankit_tabular.data.sources import read_table

METHODS = (
    REAL,
    OURS,
    "tabular/one-shot",
    "sequential trees",
    "independent columns",
    "mostlyai-engine",
    "TVAE",
    "CTGAN",
)
TARGETS = {"adult": "income", **{name: source.target for name, source in SOURCES.items()}}

Parts = dict[str, pa.Table]
"""Rows to train on (``train``), to score with (``test``), and real rows besides (``ceiling``)."""


def parts(folder: Path, name: str, seed: int) -> Parts:
    train, test = (read_table(str(folder / f"{name}-{part}.csv"))[0] for part in ("train", "test"))
    test, half = test.cast(train.schema), len(test) // 2
    order = np.random.default_rng(seed).permutation(len(test))
    ceiling, rest = (test.take(pa.array(np.sort(i))) for i in (order[:half], order[half:]))
    return {"train": train, "test": rest, "ceiling": ceiling}


def is_rival(method: str) -> bool:
    return method.split()[0] in OTHERS


def python_of(method: str, args: argparse.Namespace) -> str:
    return str(args.rivals_python) if is_rival(method) else sys.executable


def generate(
    method: str, of: Parts, python: str, *, seed: int = 0, limit: int = 0, where: str = ""
) -> tuple[pa.Table | None, dict[str, Any]]:
    """As many rows as there are in the ceiling, and the measures of the process that made them.

    Returns:
        None for the rows if the method failed or was stopped: ``error`` says why.
    """
    if method == REAL:
        return of["ceiling"], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(of["train"], folder / "train.parquet")
        script = str(Path(__file__).with_name("table_methods.py"))
        alone = ["-P"] if is_rival(method) else []  # a package imports another datasets
        command = [python, *alone, script, method, name, "--rows", str(len(of["ceiling"]))]
        command += ["--seed", str(seed), "--limit", str(limit), "--where", where]
        # Keep what Python compiles: compiling torch anew doubles the time of a short process.
        kept = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=kept)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return None, {"error": f"stopped: more than {limit:,} CPU s, or out of memory"}
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["failed"])[-1]
            return None, {"error": last.removeprefix("gankit.errors.GankitError: ")}
        made = pq.read_table(folder / "made.parquet").cast(of["train"].schema, safe=False)
        return made, json.loads((folder / "measures.json").read_text())


def results(args: argparse.Namespace, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """A record for each table, seed and method without one. A method that failed on a table, or
    was stopped, is not tried with other seeds."""
    done = {(r["table"], r["seed"], r["method"]) for r in records}
    failed = {(r["table"], r["method"]): r["error"] for r in records if "error" in r}
    for table, seed in itertools.product(args.tables, range(args.seeds)):
        missing = [m for m in args.methods if (table, seed, m) not in done]
        of = parts(args.folder, table, seed) if missing else {}
        for method in missing:
            record = {"table": table, "method": method, "seed": seed}
            record |= {"rows": len(of["train"]), "columns": of["train"].num_columns}
            if (table, method) in failed:
                yield record | {"error": failed[table, method]}
                continue
            python = python_of(method, args)
            made, measures = generate(
                method, of, python, seed=seed, limit=args.limit, where=args.where
            )
            if made is None:
                failed[table, method] = measures["error"]
            else:
                target = args.target or TARGETS.get(table, "")
                measures |= scores(of["train"], of["test"], made, target, seed)
            yield record | measures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file, added to")
    parser.add_argument("--tables", nargs="+", help="all that are in the folder by default")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--target", default="", help="column to predict, of tables unknown here")
    parser.add_argument("--where", default="", help="column=value that models condition on")
    parser.add_argument("--limit", type=int, default=3_600, help="processor seconds of a method")
    parser.add_argument("--rivals-python", help="of an environment with the packages of others")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = sorted(f.name.removesuffix("-train.csv") for f in args.folder.glob("*-train.csv"))
    args.tables = args.tables or found
    if unknown := set(args.tables) - set(found):
        parser.error(f"no {', '.join(sorted(unknown))} in {args.folder}, but {', '.join(found)}")
    if not args.rivals_python and (left_out := [m for m in args.methods if is_rival(m)]):
        print(f"left out without --rivals-python: {', '.join(left_out)}", file=sys.stderr)
        args.methods = [m for m in args.methods if m not in left_out]
    records: list[Record] = []
    if args.out.exists():
        records = [json.loads(line) for line in args.out.read_text().splitlines()]
    with args.out.open("a") as file:
        for record in results(args, tuple(records)):
            file.write(json.dumps(record) + "\n")
            file.flush()
            print(record, file=sys.stderr, flush=True)
            records.append(record)
    print(summary([r for r in records if r["table"] in args.tables]))


if __name__ == "__main__":
    main()
