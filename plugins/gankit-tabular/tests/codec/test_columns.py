"""Values to codes and back."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.fitting import count_codes, find_derived, fit_column
from gankit_tabular.codec.resolution import TWO_DIGITS, Resolution
from gankit_tabular.codec.values import decode_column, encode_column

HALF = 0.5


def column(values, bins=8, kind="", type=None):
    array = pa.chunked_array([pa.array(values, type)])
    return fit_column("x", array, Resolution(bins), kind), array


def round_trip(fitted, array):
    u = np.full(len(array), HALF)
    return decode_column(fitted, *encode_column(fitted, array, u), u).to_pylist()


@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=1, max_size=40))
def test_categories_survive_a_round_trip(values):
    fitted, array = column(values, kind="category")
    if any(v is not None for v in values):
        assert round_trip(fitted, array) == values


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_few_numbers_survive_exactly(values):
    fitted, array = column(values)
    assert round_trip(fitted, array) == [float(v) for v in values]


@given(
    st.lists(
        st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 2)), min_size=40, max_size=200
    )
)
def test_many_numbers_keep_range_and_decimals(values):
    fitted, array = column(values)
    again = round_trip(fitted, array)
    assert min(values) - 0.01 <= min(again)
    assert max(again) <= max(values) + 0.01
    assert all(round(v, 2) == v for v in again)


def test_a_frequent_number_is_an_atom_and_survives():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(2000) < 0.5, 0.0, rng.lognormal(5, 1, 2000).round(1))
    fitted, array = column(values.tolist())
    assert fitted.atoms == [0.0]
    assert len(fitted.bins) == 8
    again = np.array(round_trip(fitted, array))
    assert ((again == 0) == (values == 0)).all()
    assert np.abs(np.log(again[again > 0] / values[values > 0])).mean() < 0.02


def test_the_distribution_within_bins_is_preserved():
    rng = np.random.default_rng(0)
    values = rng.gamma(2, 3, 5000)
    fitted, array = column(values.tolist())
    codes, _ = encode_column(fitted, array, rng.random(5000))
    drawn = np.array(decode_column(fitted, codes, rng.random(5000), rng.random(5000)))
    assert (
        np.abs(np.quantile(drawn, [0.05, 0.5, 0.95]) - np.quantile(values, [0.05, 0.5, 0.95])).max()
        < 0.3
    )


def test_missing_values_have_a_code():
    fitted, array = column([1.5, None, float("nan"), 2.5, 1.5])
    assert round_trip(fitted, array) == [1.5, None, None, 2.5, 1.5] or fitted.missing


def test_ten_thousand_categories_need_a_hundred_codes():
    rng = np.random.default_rng(0)
    values = [f"v{int(v)}" for v in rng.zipf(1.3, 20_000).clip(max=10_000)]
    fitted, array = column(values, kind="category")
    assert fitted.codes <= 104
    again = round_trip(fitted, array)
    assert set(again) <= set(values)
    own = set(fitted.atoms)
    assert all(a == b for a, b in zip(again, values, strict=True) if b in own)


def test_identifiers_are_synthesised_with_the_same_pattern():
    values = [f"AB-{i:04d}" for i in range(500)]
    fitted, _ = column(values)
    assert fitted.kind == "identifier"
    made = decode_column(
        fitted, np.zeros(300, int), np.zeros(300), np.random.default_rng(1).random(300)
    ).to_pylist()
    assert all(re.fullmatch(r"[A-Z]{2}-\d{4}", m) for m in made)
    assert len(set(made) & set(values)) < 10
    assert values[0] not in str(fitted)


def test_derived_columns_are_found():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 6, 500)
    columns = [fit_column(n, pa.chunked_array([pa.array(v)]), Resolution()) for n, v in (
        ("a", a), ("half", a // 2), ("other", rng.integers(0, 3, 500)))]  # fmt: skip
    codes = np.stack([a, a // 2, rng.integers(0, 3, 500)], 1)
    find_derived(columns, codes)
    assert [c.derived_from for c in columns] == ["", "a", ""]
    assert columns[1].derived == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ([1, 2, 3] * 10, pa.int32()),
        ([True, False, None] * 10, pa.bool_()),
        ([datetime.date(2024, 1, d) for d in range(1, 31)], pa.date32()),
        (
            [datetime.datetime(2024, 1, d, 12, tzinfo=datetime.UTC) for d in range(1, 31)],
            pa.timestamp("us", tz="UTC"),
        ),
        ([0.25, 0.5, 1.0] * 10, pa.float32()),
    ],
)
def test_types_are_preserved(values, type):
    table = pa.table({"x": pa.array(values, type), "y": ["a", "b", "c"] * 10})
    codec = TableCodec.fit(table)
    batch = codec.prepare(codec.encode(table.to_pylist(), np.random.default_rng(0)))
    again = pa.Table.from_pylist(codec.decode(batch, range(30)), schema=table.schema)
    assert again.column("x").type == type
    assert again.column("x").to_pylist() == values


def test_a_copy_is_found_in_few_rows():
    ages = [20 + (7 * i) % 50 for i in range(200)]
    other = [age + (i == 3) for i, age in enumerate(ages)]
    columns, codes = [], []
    for name, values in {"a": ages, "b": ages, "c": other}.items():
        column = pa.chunked_array([pa.array(values)])
        columns.append(fit_column(name, column, TWO_DIGITS))
        codes.append(count_codes(columns[-1], column))
    find_derived(columns, np.stack(codes, 1))
    assert [c.derived_from for c in columns] == ["b", "", ""]
