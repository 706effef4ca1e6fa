"""Whether memory stays level while rows stream to a file: peak resident memory by number of rows.

    python benchmarks/stream.py --data train.csv [--rows 1_000_000]

Trains for a moment, since what is generated does not matter here; then generates, and augments a
table of as many real rows, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}
MOST_MB = 1500


def measured(*words: object) -> tuple[float, float]:
    """Processor seconds that a command takes, and the most memory in MB that it holds."""
    command = [sys.executable, "-m", "gankit", *map(str, words)]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    assert not status, f"{command}: {status}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a table to train on")
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, big = folder / "run", folder / "big.parquet"
        measured("train", "--plugin", "tabular", "--data", args.data, "--out", run,
                 "train.samples=50_000", "train.threads=1")  # fmt: skip
        print("| what | rows | CPU s | rows/s | peak MB |\n|---|---|---|---|---|")

        def row(what: str, rows: int, *words: object) -> None:
            seconds, peak = measured(*words, "--format", "parquet")
            print(f"| {what} | {rows:,} | {seconds:.0f} | {rows / seconds:,.0f} | {peak:.0f} |")
            assert peak < MOST_MB, f"{what} held {peak:.0f} MB"

        for n in (args.rows // 100, args.rows // 10, args.rows):
            out = folder / f"made-{n}"
            row("generate", n, "generate", run, "-n", n, "--out", out)
        table = pyarrow.parquet.read_table(folder / f"made-{args.rows}" / "table.parquet")
        pyarrow.parquet.write_table(table.drop_columns(["_synthetic", "_seed"]), big)
        augment = "augment", run, "--data", big, "--out", folder / "more", "--keep-all"
        row("augment", 2 * args.rows, *augment, "-n", args.rows)


if __name__ == "__main__":
    main()
