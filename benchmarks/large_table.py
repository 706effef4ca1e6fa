"""A table larger than memory: 50 million rows of 20 columns, made, read and trained on.

    python benchmarks/large_table.py [--rows 50_000_000] [--format duckdb] [--keep FOLDER]

Prints, for each phase, seconds and the resident memory of this process and its workers: what is
theirs alone, and what they share with the file in the system's cache (given back when needed).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

PIECE = 500_000


def pieces(rows: int) -> Iterator[pa.Table]:
    """Columns that depend on one another: sums, thresholds, seasons, a 10,000-value shop."""
    towns = np.array([f"town {i:05d}" for i in range(10_000)])
    words = np.array(["red", "green", "blue", "black", "white"])
    for start in range(0, rows, PIECE):
        n = min(PIECE, rows - start)
        rng = np.random.default_rng([0, start])
        base = rng.normal(size=(n, 4))
        town = (rng.pareto(1.0, n) * 20).astype(int) % 10_000
        columns: dict[str, object] = {f"x{i}": base[:, i].round(4) for i in range(4)}
        for i in range(4):
            columns[f"y{i}"] = (base[:, i] * base[:, (i + 1) % 4] + rng.normal(size=n)).round(3)
        for i in range(4):
            columns[f"count{i}"] = rng.poisson(np.exp(base[:, i] / 2 + i))
        columns["town"] = towns[town]
        columns["colour"] = words[np.digitize(base[:, 0] + town % 3, [-1, 0, 1, 2])]
        columns["kind"] = np.where(base[:, 1] > 0, words[town % 5], "none")
        columns["paid"] = base.sum(1) > 0.5
        day = np.datetime64("2020-01-01", "s") + rng.integers(0, 1500 * 86_400, n)
        columns["at"] = day.astype("datetime64[s]")
        columns["until"] = day + (np.exp(base[:, 2]) * 86_400).astype(int)
        columns["price"] = np.exp(base[:, 3] + 3).round(2)
        columns["discount"] = np.where(rng.random(n) < 0.8, 0.0, rng.random(n).round(2))
        yield pa.table(columns)


def make(file: Path, rows: int) -> None:
    if file.suffix == ".duckdb":
        import duckdb

        with duckdb.connect(str(file)) as database:
            for i, piece in enumerate(pieces(rows)):
                database.register("piece", piece)
                database.sql(f"{'insert into t' if i else 'create table t as'} select * from piece")
        return
    writer = None
    for piece in pieces(rows):
        if writer is None:
            kind = pyarrow.csv.CSVWriter if file.suffix == ".csv" else pyarrow.parquet.ParquetWriter
            writer = kind(str(file), piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


class Memory(threading.Thread):
    """The most that was resident in each phase."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = (0, 0)
        self.start()

    def run(self) -> None:
        while True:
            own = shared = 0
            for process in [os.getpid(), *_children(os.getpid())]:
                try:
                    text = Path(f"/proc/{process}/status").read_text()
                except OSError:
                    continue
                fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
                own += int(fields.get("RssAnon", "0").split()[0])
                shared += int(fields.get("RssFile", "0").split()[0])
            self.most = max(self.most[0], own), max(self.most[1], shared)
            time.sleep(0.2)

    def phase(self, name: str, since: float) -> float:
        now = time.perf_counter()
        own, shared = (v / 2**20 for v in self.most)
        print(f"{name:34} {now - since:7.0f} s   own {own:5.2f} GB   mapped {shared:5.2f} GB")
        self.most = 0, 0
        return now


def _children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--format", choices=("parquet", "csv", "duckdb"), default="parquet")
    parser.add_argument("--keep", type=Path, help="folder for the table; an existing one is used")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"large-{given.rows}.{given.format}"
        memory, now = Memory(), time.perf_counter()
        if not file.exists():
            make(file, given.rows)
            now = memory.phase("making the table", now)
        print(f"{file.name}: {file.stat().st_size / 1e9:.2f} GB")

        import gankit
        from gankit_tabular.data.sources import fingerprint, read_rows

        now = memory.phase("imports", now)
        query = "select * from t" if given.format == "duckdb" else ""
        rows, _ = read_rows(str(file), query=query, memory=2**30)
        now = memory.phase(f"reading {len(rows):,} rows", now)
        fingerprint(rows)
        now = memory.phase("fingerprint of all values", now)
        del rows
        run = gankit.fit(
            "tabular",
            str(file),
            out=f"{temporary}/run",
            train__samples=given.samples,
            device="cpu",
            **({"query": query} if query else {}),
        )
        now = memory.phase(f"all of it, with {given.samples:,} samples", now)
        made = run.sample(1000)
        memory.phase(f"{len(made):,} rows drawn", now)
        print(made[0])


if __name__ == "__main__":
    main()
