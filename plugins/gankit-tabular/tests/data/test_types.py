"""Columns have types of a closed list; all others are one line."""

from __future__ import annotations

import datetime
import sqlite3

import pyarrow as pa
import pytest

from gankit.contract import Fitting
from gankit.errors import GankitError
from gankit_tabular.data.types import check_types, is_accepted, normalised
from gankit_tabular.modality import TabularModality, TabularSettings

MODALITY = TabularModality()


def read(source, **given):
    return MODALITY.read(source, TabularSettings(**given), lambda *_: None)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1]] * 30), pa.array([{"a": 1}] * 30), pa.array([b"x"] * 30),
        pa.array([[("a", 1)]] * 30, pa.map_(pa.string(), pa.int64())),
        pa.array([b"ab"] * 30, pa.binary(2)),
        pa.array([(1, 2, 3)] * 30, pa.month_day_nano_interval()),
    ],
    ids=lambda v: str(v.type),
)  # fmt: skip
def test_other_types_are_one_line(values):
    table = pa.table({"x": values, "y": range(30)})
    with pytest.raises(GankitError, match=r"column 'x' has the type .*drop=\[\"x\"\]"):
        read(table)
    found = read(table, drop=("x",))
    assert found.items.table.column_names == ["y"]
    assert not is_accepted(values.type)


def test_queries_with_decimals_and_blobs(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "t.duckdb")) as database:
        database.sql(
            "create table t as select (i / 4)::decimal(10,2) x, '\\xAA'::blob b from range(40) r(i)"
        )
    source = str(tmp_path / "t.duckdb")
    with pytest.raises(GankitError, match=r"'b' has the type binary"):
        read(source, query="select * from t")
    found = read(source, query="select x from t")
    codec = MODALITY.fit_codec(found.items, TabularSettings(), Fitting())
    assert codec.schema.field("x").type == pa.decimal128(10, 2)


def test_columns_of_several_types_in_sqlite_are_texts(tmp_path):
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("create table t(a, b)")
        rows = [(i if i % 2 else "x", i) for i in range(30)]
        database.executemany("insert into t values(?, ?)", rows)
    found = read(str(tmp_path / "t.db"), query="select * from t order by b")
    assert set(found.items.table["a"].to_pylist()) == {"x", *(str(i) for i in range(1, 30, 2))}


def test_instants_are_learned_in_the_coarsest_unit():
    start = datetime.datetime(2020, 1, 1)
    at = [start + datetime.timedelta(seconds=7 * i) for i in range(60)]
    table = pa.table(
        {"at": pa.array(at, pa.timestamp("ns")), "id": [176 * 10**15 + i for i in range(60)]}
    )
    found = read(table)
    codec = MODALITY.fit_codec(found.items, TabularSettings(), Fitting())
    assert codec.formats["at"].type == pa.timestamp("s")
    assert codec.schema.field("at").type == pa.timestamp("ns")


def test_data_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "code": ["007", "8", "NA"] * 10,
            "class": pd.Categorical(["a", "b", None] * 10),
            "n": pd.array([1, None, 3] * 10, "Int64"),
            "never": [pd.NaT] * 30,
        }
    )
    rows = list(read(frame).items)
    assert rows[2] == {"code": "NA", "class": None, "n": 3, "never": None}
    assert rows[1]["n"] is None


def test_periods_intervals_and_mixed_columns_of_pandas_are_texts():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "month": pd.period_range("2020-01", periods=30, freq="M"),
            "range": pd.cut(pd.Series(range(30)), 3),
            "mixed": [1, "a", None] * 10,
        }
    )
    found = TabularModality().read(frame, TabularSettings(), lambda *_: None)
    assert found.items[0]["month"] == "2020-01"
    assert found.items[0]["range"].startswith("(")
    assert [row["mixed"] for row in list(found.items)[:3]] == ["1", "a", None]
    assert any("'mixed'" in w for w in found.warnings)


def test_extension_types_by_what_they_mean():
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1], pa.int8()))
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"x" * 16] * 2, pa.binary(16)))
    assert normalised(pa.table({"f": flags})).schema.field("f").type == pa.bool_()
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), ids)
    for values in (ids, coded):
        with pytest.raises(GankitError, match="'u'"):
            check_types(normalised(pa.table({"u": values})).schema)


def test_decimals_of_negative_scale_can_be_written_everywhere():
    hundreds = pa.array([100, 200]).cast(pa.decimal128(21, 0)).cast(pa.decimal128(19, -2))
    assert normalised(pa.table({"d": hundreds})).schema.field("d").type == pa.decimal128(21, 0)
