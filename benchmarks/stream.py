"""Whether memory stays level while rows stream to a file: peak resident memory by number of rows.

    python benchmarks/stream.py --data train.csv [--rows 1_000_000]

Trains for a moment, since what is generated does not matter here; then generates, and augments a
table of as many real rows, each in a process of its own. The last rows show what everything but the
network takes: latents, decoding and writing, with a generator that gives real rows back.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import torch

import gankit
from gankit.engine.sampling.sampler import Sampler
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.sources import read_table

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GANKIT_PLUGINS": ""}
MOST_MB = 1500
FORMATS = ("parquet", "csv", "jsonl")


def measured(*words: object) -> tuple[float, float]:
    """Processor seconds that a command takes, and the most memory in MB that it holds."""
    command = [sys.executable, "-m", "gankit", *map(str, words)]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    assert not status, f"{command}: {status}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Replay(torch.nn.Module):
    """Gives the same real rows, encoded, for every batch of latents."""

    def __init__(self, x: torch.Tensor) -> None:
        super().__init__()
        self.x = x

    def forward(self, z: torch.Tensor, c: torch.Tensor | None) -> torch.Tensor:
        return self.x.clone()


class Replayed(gankit.Run):
    """A run whose generator takes no time.

    Args:
        rows: what it gives.
    """

    def __init__(self, path: Path, rows: Rows) -> None:
        super().__init__(path)
        self.rows = rows

    def sampler(self, *given: Any) -> Sampler:
        found = super().sampler(*given)
        codec, rng = found.codec, np.random.default_rng(0)
        some = self.rows.__getitems__(rng.integers(0, len(self.rows), codec.decode_batch_size))
        found.generator, found.resampler = Replay(codec.prepare(codec.encode(some, rng)).x), None
        return found


def without_network(run: Path, data: str, out: Path, rows: int) -> float:
    """Rows a processor second of all but the network, starting not counted."""
    replayed = Replayed(run, Rows(read_table(data)[0]))
    replayed.generate(out, 10_000, overwrite=True, progress=False)
    began = time.process_time()
    replayed.generate(out, rows, overwrite=True, progress=False)
    return rows / (time.process_time() - began)


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
        torch.set_num_threads(1)
        for ending in FORMATS:
            speed = without_network(run, args.data, folder / f"path.{ending}", args.rows // 5)
            spent = f"{args.rows // 5 / speed:.1f} | {speed:,.0f} |  |"
            print(f"| all but the network, {ending} | {args.rows // 5:,} | {spent}")


if __name__ == "__main__":
    main()
