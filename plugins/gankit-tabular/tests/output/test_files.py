"""Files of generated rows: marked, and written as the rows come; benchmarks/stream.py measures
memory.
"""

from __future__ import annotations

import weakref

import pyarrow as pa
import pyarrow.parquet
import pytest

from gankit.contract import Provenance, Sample
from gankit_tabular.data.sources import read_table
from gankit_tabular.output.files import FORMATS, GROUP, write_rows

ROWS = 5 * GROUP + 1
ABOUT = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "uri")
SCHEMA = pa.schema({"x": pa.int64(), "w": pa.string()})


@pytest.mark.parametrize("format", FORMATS)
def test_generated_and_real_rows_are_marked(tmp_path, format):
    rows = [{"x": 1, "w": "a"}, {"x": 2, "w": "b"}]
    samples = [Sample(rows[0], -1, {}, real=True), Sample(rows[1], 5, {})]
    file = tmp_path / f"table.{format}"
    write_rows(samples, file, SCHEMA, ABOUT)
    assert read_table(str(file))[0].to_pylist() == rows  # reading drops the marks
    if format == "parquet":
        table = pyarrow.parquet.read_table(file)
        marks = [(row["_synthetic"], row["_seed"]) for row in table.to_pylist()]
        assert marks == [(False, None), (True, 5)]
        assert table.schema.metadata[b"DigitalSourceType"] == b"uri"


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "xlsx"])  # a minute
def test_samples_are_released_as_they_are_written(tmp_path, format):
    alive, most = weakref.WeakValueDictionary(), 0

    def stream():
        nonlocal most
        for i in range(ROWS):
            sample = Sample({"x": i, "w": "ab"[i % 2]}, i, {}, real=i % 3 == 0)
            alive[i] = sample
            most = max(most, len(alive))
            yield sample

    file = tmp_path / f"table.{format}"
    write_rows(stream(), file, SCHEMA, ABOUT)
    assert 1 <= most <= 2
    assert read_table(file)[0]["x"].to_pylist() == list(range(ROWS))


def test_parquet_is_written_in_groups(tmp_path):
    samples = (Sample({"x": i, "w": None}, i, {}) for i in range(ROWS))
    write_rows(samples, tmp_path / "table.parquet", SCHEMA, ABOUT)
    found = pyarrow.parquet.ParquetFile(tmp_path / "table.parquet").metadata
    assert found.num_row_groups == 6
    assert found.num_rows == ROWS
