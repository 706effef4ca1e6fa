"""Formatted numbers are reproduced exactly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.formats.numbers import NumberFormat, number_format, read_numbers


def texts(values):
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (["12.5 kg", "7 kg", "0.25 kg"], [12.5, 7, 0.25]),
        (["$1,200.00", "$3.50", "-$1,000,000.00", None], [1200, 3.5, -1e6, None]),
        (["$-5", "$1,200", "$7"], [-5, 1200, 7]),
        (["45%", "7%", "-3%"], [45, 7, -3]),
        (["1 234,5 €", "12,0 €", "1 000 000,0 €"], [1234.5, 12, 1e6]),
        (["1\u202f234 €", "12 €"], [1234, 12]),
        (["1.234,50 EUR", "7,00 EUR"], [1234.5, 7]),
        (["1.234 €", "12.500 €", "999 €"], [1234, 12500, 999]),
        (["USD 5", "USD 1,250"], [5, 1250]),
        (["1'250.5", "2.5"], [1250.5, 2.5]),
        (["1,250", "3", "17,000,250"], [1250, 3, 17000250]),
        (["3,5", "4", "-0,25"], [3.5, 4, -0.25]),
        (["21.5 °C", "-3.0 °C"], [21.5, -3]),
        (["10 m²", "12 m²"], [10, 12]),
    ],
)
def test_formats(column, numbers):
    values = texts(column)
    form = number_format(values)
    assert form is not None
    assert read_numbers(values, form).to_pylist() == numbers
    assert [None if v is None else form.write(v, 6) for v in numbers] == column


@pytest.mark.parametrize(
    "column",
    [
        ["12 kg", "30 lb"],
        ["12 kg", "heavy"],
        ["K-1001", "K-1002"],
        ["d1", "d2"],
        ["007", "123"],
        ["12.5", "13"],
        ["2024-01-05", "2024-02-06"],
        ["+49 30 1234", "+49 30 2345"],
        ["1st", "2nd"],
        ["10:30", "11:45"],
        ["1,20,000 kg", "3 kg"],
        ["192.168.0.1", "10.0.0.1"],
        ["", "5 kg"],
        [None, None],
    ],
)
def test_texts_without_a_format(column):
    assert number_format(texts(column)) is None


def test_plain_numbers_if_the_user_requests_it():
    assert number_format(texts(["12.5", "13.5"]), plain=True) is not None
    assert number_format(texts(["12.5", "x"]), plain=True) is None


@given(
    st.lists(st.integers(-(10**8), 10**8), min_size=1, max_size=20),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", ".")]),
    st.sampled_from([("$", ""), ("", " kg"), ("", "%"), ("EUR ", ""), ("", " km/h")]),
    st.integers(0, 3),
)
def test_any_format_reproduces_its_texts(wholes, separators, affixes, places):
    made = NumberFormat(*affixes, *separators, places)
    column = [made.write(v / 10**places, places) for v in wholes]
    form = number_format(texts(column))
    assert form is not None
    again = read_numbers(texts(column), form).to_pylist()
    assert [form.write(v, 6) for v in again] == column


def test_columns_of_formatted_numbers():
    rng = np.random.default_rng(0)
    price = [f"${v:,.2f}" for v in rng.lognormal(6, 1, 300)]
    price[5] = None
    table = pa.table({"price": price, "share": [f"{v}%" for v in rng.integers(0, 100, 300)]})
    codec = TableCodec.fit(table)
    assert [c.kind for c in codec.columns] == ["number", "number"]
    batch = codec.prepare(codec.encode(table.to_pylist(), rng))
    rows = codec.decode(batch, range(300))
    assert pa.Table.from_pylist(rows).schema == table.schema
    form = codec.formats["price"]
    assert all(form.read(r["price"]) is not None for r in rows if r["price"])
    assert rows[5]["price"] is None
    real, made = (read_numbers(texts(v), form).drop_null().to_numpy() for v in (
        price, [r["price"] for r in rows]))  # fmt: skip
    assert abs(np.log(np.median(made) / np.median(real))) < 0.05
    codec.sample_conditions({"price": "100..200", "share": "5"}, [0])
    enforced = codec.decode(batch, range(300), {"price": "100..200", "share": "20..30"})
    assert all(100 <= form.read(r["price"]) <= 200 for r in enforced)
    assert all(20 <= int(r["share"].rstrip("%")) <= 30 for r in enforced)
    other = TableCodec.fit(table, kinds={"share": "category"})
    assert other.columns[1].kind == "category"


@pytest.mark.parametrize(
    ("texts", "negative"),
    [
        (["(0.00)", "1.25", "(3.50)"], "(p)"),
        (["-0.0", "1.5", "-2.5"], "-p"),
        (["+0", "+7", "-11"], "+-p"),
        (["$(0.00)", "$(1.50)", "$2.00"], "p()"),
    ],
)
def test_a_zero_with_a_sign_spoils_no_format(texts, negative):
    form = number_format(pa.chunked_array([texts]), plain=True)
    assert form is not None
    assert form.negative == negative
    assert form.read(texts[0]) == 0
    assert "3" in form.write(-3, 1)


@pytest.mark.parametrize("texts", [["1.300e-09", "0.000e+00"], ["1.50E+12", "-2.25E-03"]])
def test_scientific_numbers_keep_their_form(texts):
    form = number_format(pa.chunked_array([texts]), plain=True)
    assert form is not None
    assert [form.write(form.read(text), 0) for text in texts] == texts


def test_integers_next_to_exponents_stay_integers():
    form = number_format(pa.chunked_array([["50", "58", "1e9", "7.5"]]), plain=True)
    assert form is not None
    assert [form.write(v, 15) for v in (51.0, 7.25, 1e-8, 1e9)] == [
        "51",
        "7.25",
        "1e-08",
        "1000000000",
    ]
