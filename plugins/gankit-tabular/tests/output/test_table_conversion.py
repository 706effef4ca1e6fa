"""Rows as a data frame and as an array."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from gankit_tabular.output.conversion import convert

DAY = datetime.date(2024, 2, 29)
ROWS = [{"n": 1, "day": DAY, "paid": "$1,234"}, {"n": None, "day": None, "paid": None}]
SCHEMA = pa.schema([("n", pa.int64()), ("day", pa.date32()), ("paid", pa.string())])


def test_types_are_those_of_the_data():
    frame = convert(ROWS, "dataframe", SCHEMA)
    assert frame["day"].dtype.kind == "M"
    assert frame["day"][0].date() == DAY
    assert frame["paid"][0] == "$1,234"
    assert frame["n"].isna().tolist() == [False, True]


def test_arrays_are_floats_where_all_columns_are_numbers():
    numbers = convert([{"a": 1, "b": 0.5}, {"a": 2, "b": None}], "numpy", None)
    assert numbers.dtype == np.float64
    assert numbers[0].tolist() == [1.0, 0.5]
    assert np.isnan(numbers[1, 1])
    assert convert(ROWS, "numpy", SCHEMA).dtype == object
