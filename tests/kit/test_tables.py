"""Data frames, ranges and table files, as plugins share them."""

from __future__ import annotations

import json
import math

import pytest

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError
from gankit.kit.tables import (
    MISSING,
    TableWriter,
    arrow_table,
    find_column,
    finite,
    json_line,
    marks,
    media_schema,
    parse_range,
    provenance_metadata,
    refuse_duplicate_columns,
)

ROWS = [{"a": i, "b": f"w{i % 3}", "c": i / 4} for i in range(30)]
ABOUT = Provenance("gankit 1", "run", "2026-01-01T00:00:00+00:00", "uri")

pa = pytest.importorskip("pyarrow")


# --- Reading ------------------------------------------------------------------------------------


def test_records_and_arrow_objects():
    table = pa.Table.from_pylist(ROWS)
    assert arrow_table(ROWS).equals(table)
    assert arrow_table(table) is table
    assert arrow_table(table.to_batches()[0]).equals(table)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frame = pytest.importorskip(library).DataFrame(ROWS)
    assert arrow_table(frame).to_pylist() == ROWS


def test_a_pandas_frame_with_duplicate_and_numeric_names_and_missing_values():
    frame = pytest.importorskip("pandas").DataFrame([[1, None]] * 3, columns=[7, 7])
    table = arrow_table(frame)
    assert table.column_names == ["7", "7"]
    assert table.column(1).null_count == 3


def test_records_may_have_different_keys():
    table = arrow_table([{"b": 1}, {"a": 2}])
    assert table.to_pylist() == [{"b": 1, "a": None}, {"b": None, "a": 2}]


def test_a_lenient_array_function():
    def as_text(cells):
        return pa.array([str(cell) for cell in cells])

    assert arrow_table([{"x": 1}, {"x": "one"}], as_text)["x"].to_pylist() == ["1", "one"]
    with pytest.raises((pa.ArrowException, TypeError)):
        arrow_table([{"x": 1}, {"x": "one"}])


@pytest.mark.parametrize("source", ["people.csv", b"x", 7, None, ["CCO"], {"a": 1}, object()])
def test_other_objects_are_no_table(source):
    assert arrow_table(source) is None


def test_duplicate_columns_are_refused():
    refuse_duplicate_columns(["a", "b"], "t.csv")
    with pytest.raises(GankitError, match="t.csv has two columns named 'b'. Rename one"):
        refuse_duplicate_columns(["b", "a", "b"], "t.csv")


def test_a_column_by_its_setting_or_by_a_usual_name():
    columns, usual = ["id", "category", "label"], ("label", "category")
    assert find_column(columns, "id", "auto", usual) == "id"
    assert find_column(columns, "auto", "auto", usual) == "label"
    assert find_column(columns, "klass", "auto", usual) is None
    assert find_column(["id"], "auto", "auto", usual) is None


def test_common_texts_for_missing_values():
    assert {"", "NA", "NaN", "null", "?"} <= set(MISSING)


# --- Ranges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("30", (30, 30)),
        (" 30 .. 40 ", (30, 40)),
        ("..40", (-math.inf, 40)),
        ("-1e3..", (-1000, math.inf)),
        ("2.5..2.5", (2.5, 2.5)),
        (7, (7, 7)),
    ],
)
def test_ranges(text, ends):
    assert parse_range("x", text) == ends


@pytest.mark.parametrize(
    "text", ["", "..", "old", "1..old", "old..1", "inf", "..inf", "nan", "1-2"]
)
def test_texts_that_are_no_range(text):
    with pytest.raises(GankitError, match=r"x=.*: neither a number nor a range. Write x=30, x=30"):
        parse_range("x", text)


def test_reversed_ends():
    with pytest.raises(GankitError, match=r"age=40..30: 40 is greater than 30"):
        parse_range("age", "40..30")


def test_ends_of_another_kind():
    months = {"Jan": 1.0, "Feb": 2.0}
    assert parse_range("m", "Jan..Feb", months.get) == (1, 2)
    with pytest.raises(GankitError, match="Feb is greater than Jan. Write m=Jan, m=Jan..Feb"):
        parse_range("m", "Feb..Jan", months.get, ("Jan", "Feb"))


def test_finite_numbers():
    assert [finite(t) for t in ("1.5", "x", "inf", "nan", "")] == [1.5, None, None, None, None]


# --- Writing ------------------------------------------------------------------------------------


def read(file):
    if file.suffix == ".parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(file)
    if file.suffix == ".feather":
        return pytest.importorskip("pyarrow.feather").read_table(file)
    return pytest.importorskip("pyarrow.csv").read_csv(file)


@pytest.mark.parametrize("format", ["csv", "parquet", "feather"])
def test_rows_are_written_in_groups(tmp_path, format):
    file = tmp_path / f"t.{format}"
    schema = pa.Table.from_pylist(ROWS).schema.with_metadata(provenance_metadata(ABOUT))
    with TableWriter(file, schema, 8) as writer:
        for i, row in enumerate(ROWS):
            writer.write(row)
            assert len(writer._rows) == (i + 1) % 8
    assert read(file).to_pylist() == ROWS
    if format != "csv":
        about = read(file).schema.metadata
        assert about[b"gankit.Software"] == b"gankit 1"
        assert about[b"gankit.DigitalSourceType"] == b"uri"


def test_a_parquet_file_has_its_groups_and_late_metadata(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    with TableWriter(tmp_path / "t.parquet", pa.schema({"a": pa.int64()}), 8) as writer:
        for row in ROWS:
            writer.write(row)
        writer.add_metadata({"classes": "x,y"})
    found = pq.ParquetFile(tmp_path / "t.parquet").metadata
    assert found.num_row_groups == 4
    assert found.metadata[b"classes"] == b"x,y"


@pytest.mark.parametrize("sizes", [[20, 4], [1] * 24, [3, 8, 13]])
def test_tables_and_rows_are_written_in_the_same_groups(tmp_path, sizes):
    pq = pytest.importorskip("pyarrow.parquet")
    rows, schema = ROWS[:24], pa.Table.from_pylist(ROWS).schema
    with TableWriter(tmp_path / "t.parquet", schema, 8) as writer:
        writer.write(ROWS[24])
        for size in sizes:
            part, rows = rows[:size], rows[size:]
            writer.write_table(pa.Table.from_pylist(part, schema))
            assert len(writer._table) < 8
    found = pq.ParquetFile(tmp_path / "t.parquet")
    assert found.read().to_pylist() == [ROWS[24], *ROWS[:24]]
    assert [found.metadata.row_group(i).num_rows for i in range(4)] == [8, 8, 8, 1]


def test_no_rows_leave_an_empty_table(tmp_path):
    with TableWriter(tmp_path / "t.csv", pa.schema({"a": pa.int64()})):
        pass
    assert (tmp_path / "t.csv").read_text() == '"a"\n'


def test_the_error_of_a_failing_stream_is_kept(tmp_path):
    def failing():
        with TableWriter(tmp_path / "t.csv", pa.schema({"a": pa.int64()})) as writer:
            writer.write({"a": "no number"})  # would fail in its turn
            raise RuntimeError("generator")

    with pytest.raises(RuntimeError, match="generator"):
        failing()


def test_marks():
    assert marks(Sample({}, 5, {})) == {"seed": 5, "generated": True}
    assert marks(Sample({}, -1, {}, real=True)) == {"seed": None, "generated": False}


def test_json_lines_keep_any_script():
    assert json_line({"a": "größe", "b": None}) == '{"a": "größe", "b": null}\n'


def test_the_schema_of_a_table_with_media():
    columns = {"image": pa.binary(), "label": pa.string(), "x": pa.float64(), "ok": pa.bool_()}
    schema = media_schema(columns, {"image": {"_type": "Image"}}, ABOUT)
    assert schema.names == list(columns)
    about = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert about == {
        "image": {"_type": "Image"},
        "label": {"dtype": "string", "_type": "Value"},
        "x": {"dtype": "float64", "_type": "Value"},
        "ok": {"dtype": "bool", "_type": "Value"},
    }
    assert schema.metadata[b"gankit.Source"] == b"generated by gankit 1, run run"
