"""Relations between numbers in rows in which requested values are inserted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit.contract import Batch
from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows, as_table

SEEDS = range(200)
DAY = 86_400


def fitted(columns):
    """The codec of a table, and its rows shuffled column by column, as a poor generator would."""
    table = pa.table(columns)
    codec = TableCodec.fit(table, TWO_DIGITS)
    rng = np.random.default_rng(1)
    x = codec.encode(Rows(table), rng).x[: len(SEEDS)]
    for i in range(x.shape[1]):
        x[:, i] = x[rng.permutation(len(x)), i]
    return codec, codec.prepare(Batch(x, x[:, :1])).x


def rows(fitted, where):
    codec, x = fitted
    made = as_table(codec.decode(Batch(x, None), SEEDS, where), codec.schema)
    return {name: np.array(made.column(name).to_pylist()) for name in made.column_names}


@pytest.fixture(scope="module")
def chain():
    rng, n = np.random.default_rng(0), 2000
    a, b, e = rng.integers(0, 1000, n), rng.integers(0, 1000, n), rng.integers(0, 250, n) * 2
    return fitted({"a": a, "b": b, "c": a + b, "d": a + b + e, "e": e})


@pytest.fixture(scope="module")
def bill():
    rng, n = np.random.default_rng(0), 2000
    price = np.round(rng.lognormal(4, 1, n), 2)
    tax = np.round(price * rng.choice([0.07, 0.19], n), 2)
    total = np.round(price + tax, 2)
    return fitted({"price": price, "tax": tax, "total": total})


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"d": "1000..1200"},
        {"c": "500"},
        {"c": "500", "d": "700"},
        {"a": "5", "d": "1200"},
        {"b": "6", "c": "100..200", "d": "300..310", "e": "180..200"},
        {"a": "1", "b": "1", "d": "300..310"},
    ],
)
def test_a_chain_of_sums_holds_whatever_is_requested(chain, where):
    found = rows(chain, where)
    assert (found["c"] == found["a"] + found["b"]).all()
    assert (found["d"] == found["c"] + found["e"]).all()
    assert all(found[name].min() >= 0 for name in "abcde")


def test_cents_add_up_and_no_part_leaves_its_range(bill):
    for where in ({"total": "53.5"}, {"total": "100", "price": "90..95", "tax": "4..12"}):
        found = rows(bill, where)
        cents = {name: np.rint(100 * values) for name, values in found.items()}
        assert (cents["total"] == cents["price"] + cents["tax"]).all()
        assert found["tax"].min() > 0


def test_values_that_do_not_add_up_are_refused_before_anything_is_drawn(bill):
    codec, _ = bill
    with pytest.raises(GankitError, match=r"tax=3: impossible under .(total|price) = t"):
        codec.sample_conditions({"total": "100", "price": "50", "tax": "3"}, [0])


def test_distances_of_dates_stay_in_the_range_of_the_data():
    rng, n = np.random.default_rng(0), 2000
    start = 1_700_000_000 + rng.integers(0, 500, n) * DAY
    end = start + rng.integers(0, 10, n) * DAY
    made = fitted({k: pa.array(v, pa.timestamp("s")) for k, v in (("start", start), ("end", end))})
    found = rows(made, {"end": "2024-06-01..2024-06-03"})
    days = (found["end"] - found["start"]).astype("timedelta64[D]").astype(int)
    assert days.min() >= 0
    assert days.max() <= 9
    with pytest.raises(GankitError, match="the range of end - start"):
        made[0].sample_conditions({"end": "2024-06-01", "start": "2024-07-01"}, [0])


def test_a_sum_holds_wherever_nothing_is_missing():
    rng, n = np.random.default_rng(0), 2000
    a, b = rng.integers(0, 1000, n), rng.integers(0, 1000, n)
    missing = np.arange(n) % 7 == 0
    made = fitted({"a": a, "b": pa.array(b, mask=missing), "c": a + b})
    (relation,) = made[0].relations.found
    note = next(c.notes for c in made[0].columns if c.name == relation.target)[0]
    assert note.endswith("where none is missing")
    found = rows(made, {})
    known = np.array([v is not None for v in found["b"]])
    assert 0 < (~known).sum() < len(known) / 2
    assert (found["c"][known] == found["a"][known] + found["b"][known].astype(int)).all()
