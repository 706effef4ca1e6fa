"""Requests to a table's run: rows asked for against real rows that have what was asked.

    python benchmarks/asking.py RUN REAL.csv [REAL.csv …] --where income='>50K' \\
        --where 'sex=Female income=>50K' --where age=60..70

For each request: the real rows that have it, the share of generated rows that do, the AUC by which
boosted trees tell the two apart (0.5 is ideal), and rows per processor second.
"""

from __future__ import annotations

import argparse
import os
import shlex
import time
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np
import pyarrow as pa
import torch

from gankit.runs.directory import Run
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.constraints.grid import plain_values
from gankit_tabular.data.rows import Rows, as_table
from gankit_tabular.data.sources import read_table
from gankit_tabular.evaluation.utility import two_sample_auc
from gankit_tabular.formats.columns import read_columns

MOST = 2_000
"""Rows that are compared."""


def fits(codec: TableCodec, table: pa.Table, where: dict[str, str]) -> np.ndarray:
    """Which rows have what is asked, by their written values."""
    values, found = read_columns(table, codec.formats), np.ones(len(table), bool)
    for name, query in codec.conditions.queries(where).items():
        found &= [query.matches(v) for v in plain_values(query.column, values[name])]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("real", type=Path, nargs="+")
    parser.add_argument("--where", action="append", required=True, help="conditions of a request")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sampler = Run(args.run).sampler("cpu")
    codec = sampler.codec
    assert isinstance(codec, TableCodec)
    parts = [codec.conform(Rows(read_table(path)[0]), strict=False).items for path in args.real]
    real = pa.concat_tables([part.table for part in parts])
    print("| asked for | real rows | exact | two-sample AUC | rows/s |\n|---|---|---|---|---|")
    for text in args.where:
        where = dict(word.split("=", 1) for word in shlex.split(text))
        wanted = real.filter(pa.array(fits(codec, real, where)))
        n = min(len(wanted), MOST)
        started = time.process_time()
        made = [sample.item for sample in sampler.sample(n, 10_000_000, where)]
        seconds = time.process_time() - started
        generated, rng = as_table(made, codec.schema), np.random.default_rng(0)
        some = wanted.take(pa.array(rng.permutation(len(wanted))[:n]))
        exact = float(fits(codec, generated, where).mean())
        auc = two_sample_auc(some, generated, rng)
        print(f"| {text} | {len(wanted):,} | {exact:.1%} | {auc:.3f} | {n / seconds:,.0f} |")


if __name__ == "__main__":
    main()
