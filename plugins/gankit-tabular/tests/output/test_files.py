"""A long stream of rows is written as it comes; benchmarks/stream.py measures memory."""

from __future__ import annotations

import weakref

import pyarrow.parquet
import pytest

from gankit.contract import Provenance, Sample
from gankit_tabular.data.sources import read_table
from gankit_tabular.modality import CHUNK, TabularModality

ROWS = 5 * CHUNK + 1


@pytest.mark.parametrize("format", TabularModality.formats)
def test_a_chunk_is_held_at_a_time(tmp_path, format):
    alive, most = weakref.WeakValueDictionary(), 0

    def stream():
        nonlocal most
        for i in range(ROWS):
            sample = Sample({"x": i, "w": "ab"[i % 2]}, i, {}, real=i % 3 == 0)
            alive[i] = sample
            if i % 1000 == 0:
                most = max(most, len(alive))
            yield sample

    about = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "generated")
    TabularModality().write(stream(), tmp_path, about, format)
    assert CHUNK / 2 < most <= 2 * CHUNK
    table, _ = read_table(tmp_path / f"table.{format}")
    assert table["x"].to_pylist() == list(range(ROWS))


def test_parquet_is_written_in_groups(tmp_path):
    rows = (Sample({"x": i}, i, {}) for i in range(ROWS))
    about = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "generated")
    TabularModality().write(rows, tmp_path, about, "parquet")
    found = pyarrow.parquet.ParquetFile(tmp_path / "table.parquet").metadata
    assert found.num_row_groups == 6
    assert found.num_rows == ROWS
