"""Rows of a table: mappings that stay in their table until a value is read."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit_tabular.data import rows as module
from gankit_tabular.data.rows import Rows, slices, table_of

SCHEMA = pa.schema({"x": pa.int32(), "w": pa.string(), "t": pa.timestamp("ns")})
VALUES = [{"x": i, "w": None if i % 3 else "ab"[i % 2], "t": None} for i in range(50)]
TABLE = pa.Table.from_pylist(VALUES, SCHEMA)


@pytest.fixture
def unread(monkeypatch):
    """Fails where a value becomes a Python object."""

    def read(self, i):
        raise AssertionError(f"row {i} is read")

    monkeypatch.setattr(Rows, "values_at", read)


def test_a_row_is_a_mapping_of_its_values():
    rows = Rows(TABLE)
    row = rows[7]
    assert row == VALUES[7] == row
    assert row != VALUES[8]
    assert row != 7
    assert dict(row) == {**row} == VALUES[7]
    assert json.dumps(dict(row)) == json.dumps(VALUES[7])
    assert repr(row) == repr(VALUES[7])
    assert (len(row), list(row), row["x"], row.get("y", 5)) == (3, SCHEMA.names, 7, 5)
    assert list(rows) == rows == VALUES == Rows(TABLE)
    assert rows != VALUES[1:]
    with pytest.raises(IndexError):
        rows[50]
    with pytest.raises(KeyError):
        row["y"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 49) | st.tuples(st.integers(0, 49), st.integers(0, 49))))
def test_rows_in_any_order_are_a_table_again(order):
    rows, twin = Rows(TABLE), Rows(TABLE.slice(0))
    some = [rows[i] if isinstance(i, int) else twin[i[0]] for i in order]
    want = [VALUES[i if isinstance(i, int) else i[0]] for i in order]
    assert table_of(some, SCHEMA).equals(pa.Table.from_pylist(want, SCHEMA))


@pytest.mark.usefixtures("unread")
def test_rows_become_a_table_without_being_read():
    rows = Rows(TABLE)
    assert table_of(list(rows)).equals(TABLE)
    assert table_of(rows[10:20], SCHEMA).equals(TABLE.slice(10, 10))
    assert table_of([*rows[10:20], rows[3]], SCHEMA)["x"].to_pylist() == [*range(10, 20), 3]


def test_slices_are_as_long_as_rows_follow_each_other():
    rows, other = Rows(TABLE), {"x": 99}
    some = [*rows[:9], other, other, rows[9], rows[10], rows[12], *Rows(TABLE)[:2]]
    parts = list(slices(some))
    assert [len(part) for part in parts] == [9, 2, 3, 2]
    assert [row for part in parts for row in part] == some
    assert [isinstance(part, Rows) for part in parts] == [True, False, True, True]
    assert list(slices([])) == []


def test_rows_of_several_tables_and_mappings():
    other = pa.table({"x": [100], "w": ["c"]})
    rows = [Rows(TABLE)[1], Rows(other)[0], {"x": 5}]
    found = table_of(rows, SCHEMA)
    assert found.schema == SCHEMA
    assert found.to_pylist() == [VALUES[1], {**other.to_pylist()[0], "t": None}, {
        "x": 5, "w": None, "t": None
    }]  # fmt: skip


def test_values_are_read_block_by_block(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 8)
    read, block = [], Rows.block
    monkeypatch.setattr(Rows, "block", lambda self, *at: read.append(at) or block(self, *at))
    rows = Rows(TABLE)
    shuffled = np.random.default_rng(0).permutation(50)
    assert [row["x"] for row in rows] == [*range(50)]
    assert len(read) == 7
    kept = list(rows)
    assert [kept[i]["x"] for i in shuffled] == shuffled.tolist()
    read.clear()
    assert [kept[i]["w"] for i in shuffled] == [VALUES[i]["w"] for i in shuffled]
    assert not read
