"""Files of generated rows: marked, and written as the rows come; benchmarks/stream.py measures
memory.
"""

from __future__ import annotations

import csv
import io
import json
import weakref
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gankit.contract import Provenance, Sample
from gankit_tabular.data.dialect import Dialect
from gankit_tabular.data.quoting import Quoting
from gankit_tabular.data.rows import Rows
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


# --- Rows of tables -----------------------------------------------------------------------------

TYPED = pa.schema(
    {"n": pa.int64(), "x": pa.float64(), "w": pa.string(), "b": pa.bool_(), "d": pa.date32()}
)
ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**53), 2**53),
        "x": st.none() | st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0]),
        "w": st.none() | st.text("ab ,;'\"\n\r\u00e4\u20ac", max_size=6) | st.just("NA"),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(),
    }
)
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(samples, file: Path, schema: pa.Schema) -> list[dict[str, object]] | str:
    """A file's values, or its text."""
    write_rows(samples, file, schema, ABOUT)
    if file.suffix == ".parquet":
        return pyarrow.parquet.read_table(file).to_pylist()
    if file.suffix == ".feather":
        return pyarrow.feather.read_table(file).to_pylist()
    if file.suffix == ".xlsx":
        return read_table(file)[0].to_pylist()
    return file.read_bytes().decode()


@pytest.mark.parametrize("format", FORMATS)
@FEW
@given(rows=st.lists(ROW, min_size=1, max_size=12), data=st.data())
def test_rows_of_tables_are_written_as_mappings_are(tmp_path, format, rows, data):
    in_tables = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    real = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    table = Rows(pa.Table.from_pylist(rows, TYPED))
    mixed = [table[i] if view else rows[i] for i, view in enumerate(in_tables)]
    plain, found = (
        [Sample(row, i, {}, real=r) for i, (row, r) in enumerate(zip(some, real, strict=True))]
        for some in (rows, mixed)
    )
    file = tmp_path / f"t.{format}"
    assert written(found, file, TYPED) == written(plain, file, TYPED)


def texts(row: dict[str, object], i: int) -> list[str]:
    """A row's cells as a spreadsheet writes them."""
    columns = pa.Table.from_pylist([row], TYPED).columns
    return [*(column.cast(pa.string())[0].as_py() or "" for column in columns), str(i), "true"]


@pytest.mark.parametrize("every", [False, True])
@FEW
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_csv_is_that_of_the_standard_library(tmp_path, every, rows):
    dialect = Dialect(";", Quoting(every=every, header=every), "\r\n")
    table = pa.Table.from_pylist(rows, TYPED).replace_schema_metadata(dialect.metadata())
    samples = [Sample(row, i, {}) for i, row in enumerate(Rows(table))]
    found = written(samples, tmp_path / "t.csv", table.schema)
    want = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    writer = csv.writer(want, delimiter=";", quoting=quoting, lineterminator="\r\n")
    writer.writerow([*TYPED.names, "_seed", "_synthetic"])
    writer.writerows(texts(row, i) for i, row in enumerate(rows))
    assert found == want.getvalue()


@FEW
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_json_lines_are_those_of_the_standard_library(tmp_path, rows):
    table = Rows(pa.Table.from_pylist(rows, TYPED))
    found = written([Sample(r, i, {}) for i, r in enumerate(table)], tmp_path / "t.jsonl", TYPED)
    for line, row, i in zip(found.split("\n"), rows, range(len(rows)), strict=False):
        marked = {**row, "d": row["d"] and str(row["d"]), "_seed": i, "_synthetic": True}
        assert list(json.loads(line)) == [*TYPED.names, "_seed", "_synthetic"]
        assert line == json.dumps({k: marked[k] for k in json.loads(line)}, ensure_ascii=False)


def test_real_rows_are_written_in_the_style_of_their_file(tmp_path):
    (tmp_path / "in.csv").write_text("x,w\n1.50,a\n2.25,b\n")
    real = Rows(read_table(tmp_path / "in.csv")[0])
    schema = pa.schema({"x": pa.float64(), "w": pa.string()})
    made = Rows(pa.Table.from_pylist([{"x": 1.5, "w": "c"}], schema))
    samples = [Sample(real[0], -1, {}, real=True), Sample(made[0], 3, {})]
    samples += [Sample(real[1], -1, {}, real=True), Sample({"x": 0.5, "w": "d"}, 4, {})]
    found = written(samples, tmp_path / "out.csv", schema).splitlines()
    assert found[1:] == ["1.50,a,,false", "1.5,c,3,true", "2.25,b,,false", "0.5,d,4,true"]
