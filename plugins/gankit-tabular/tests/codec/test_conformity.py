"""Other tables are taken by the names of their columns, or refused."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.data.rows import Rows

N = 200
RNG = np.random.default_rng(0)


def table(**changes):
    columns = {
        "age": RNG.integers(18, 90, N),
        "income": RNG.lognormal(8, 1, N).round(2),
        "city": RNG.choice(["Oslo", "Rome", "Bonn"], N).tolist(),
        "joined": pa.array(RNG.integers(10_000, 19_000, N)).cast(pa.int32()).cast(pa.date32()),
        "member": (RNG.random(N) < 0.5).tolist(),
        "price": [f"${v:,.2f}" for v in RNG.lognormal(6, 1, N)],
    }
    return pa.table({**columns, **changes})


@pytest.fixture(scope="module")
def codec():
    return TableCodec.fit(table())


def conform(codec, other, strict=False):
    return codec.conform(Rows(other), strict)


def test_the_same_columns_are_returned_as_they_are(codec):
    rows = Rows(table())
    assert codec.conform(rows, True).items is rows
    assert codec.conform(rows, True).warnings == []


def test_columns_are_taken_by_name(codec):
    given = table()
    turned = given.select(given.column_names[::-1])
    found = conform(codec, turned, strict=True)
    assert found.items.table.equals(given)
    assert not found.warnings
    by_row = codec.conform(turned.to_pylist(), True)
    assert by_row.items.table.equals(given)


def test_numbers_of_another_type_are_cast(codec):
    given = table()
    other = given.set_column(0, "age", given["age"].cast(pa.float64()))
    other = other.set_column(1, "income", given["income"].cast(pa.int64(), safe=False))
    found = conform(codec, other, strict=True)
    assert found.items.table.schema.equals(given.schema)
    assert found.items.table["age"].equals(given["age"])


def test_what_is_rewritten_is_said(codec):
    days = table().column("joined").to_pylist()
    plain = pa.array([float(p.strip("$").replace(",", "")) for p in table()["price"].to_pylist()])
    other = table(price=plain, age=pa.array(RNG.integers(18, 90, N), pa.float64()), joined=days)
    (warning,) = conform(codec, other, strict=True).warnings
    assert "columns 'age', 'price' in another form. They are rewritten" in warning


def test_numbers_in_another_unit_are_warned_of(codec):
    other = table(age=RNG.integers(1800, 9000, N))
    (warning,) = conform(codec, other).warnings
    assert "'age' has 200 values beyond" in warning
    assert "(about 10 to 90)" in warning


def test_a_column_more(codec):
    more = table().append_column("note", pa.array(["x"] * N))
    found = conform(codec, more)
    assert found.items.table.column_names == table().column_names
    assert found.warnings == [
        "The data has column 'note' more than the training data; it is left out."
    ]
    with pytest.raises(GankitError, match=r"has column 'note' more .* Remove such columns"):
        conform(codec, more, strict=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["city"]), "no column 'city'"),
        (lambda t: t.rename_columns({"city": "citty"}), "Did you mean citty"),
        (lambda t: t.drop_columns(["age", "city"]), "no columns 'age', 'city'"),
        (
            lambda t: t.set_column(0, "age", [["7", "old", *["8"] * (N - 2)]]),
            "column 'age' has 'old' in row 2, where the training data has whole numbers",
        ),
        (
            lambda t: t.set_column(0, "age", [[7.0, 8.5, *[9.0] * (N - 2)]]),
            r"column 'age' has 8\.5 in row 2, where the training data has whole numbers",
        ),
        (
            lambda t: t.set_column(1, "income", [["1.5", *["n/a"] * (N - 1)]]),
            "column 'income' has 'n/a' in row 2, where the training data has numbers",
        ),
        (
            lambda t: t.set_column(3, "joined", [["2024-01-31", *["soon"] * (N - 1)]]),
            "column 'joined' has 'soon' in row 2, where the training data has dates",
        ),
        (
            lambda t: t.set_column(4, "member", [["yes"] * N]),
            "column 'member' has 'yes' in row 1, where the training data has true and false",
        ),
        (
            lambda t: t.set_column(5, "price", [["$1.00", *["1,00 EUR"] * (N - 1)]]),
            "column 'price' has '1,00 EUR' in row 2, which is not written like",
        ),
        (
            lambda t: t.set_column(3, "joined", [[datetime.time(1)] * N]),
            "'joined' has .* where the training data has dates",
        ),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_does_not_fit_is_named(codec, change, message, strict):
    with pytest.raises(GankitError, match=message):
        conform(codec, change(table()), strict)


def test_texts_that_would_be_written_otherwise_are_refused_in_one_data_set(codec):
    other = table(age=["007", *["18"] * (N - 1)])
    assert conform(codec, other).items.table["age"][0].as_py() == 7
    with pytest.raises(GankitError, match="'007' in row 1"):
        conform(codec, other, strict=True)


def test_unseen_values_are_counted(codec):
    city = ["Paris", "Kyiv", "Lima", "Baku", "Paris", *["Oslo"] * (N - 6), None]
    found = conform(codec, table(city=city), strict=True)
    assert found.warnings == [
        "Column 'city' has 'Paris', 'Kyiv', 'Lima' and 1 more in 5 rows, which the training data "
        "does not have.",
        "Column 'city' has 1 missing value, and none in the training data.",
    ]
