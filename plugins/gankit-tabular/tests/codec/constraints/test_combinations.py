"""Columns that go together: only combinations of the data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit.errors import GankitError


@pytest.fixture(scope="module")
def places():
    rng, n = np.random.default_rng(1), 600
    city = rng.zipf(1.5, n).clip(max=150)
    return pa.table(
        {
            "country": [f"c{v % 7}" for v in city],
            "city": [f"t{v}" for v in city],
            "zone": [None if v % 9 == 0 else int(v % 3) for v in city],
            "age": rng.integers(18, 90, n),
        }
    )


@pytest.mark.parametrize(
    "where",
    [{}, {"country": "c1"}, {"city": "t1|t8"}, {"country": "c1|c2", "zone": "1"},
     {"country": "c2", "age": "30..40"}, {"zone": "missing"}],
)  # fmt: skip
def test_only_combinations_of_the_data(where, places, fitted, generated):
    known = {(r["country"], r["city"], r["zone"]) for r in places.to_pylist()}
    codec = fitted(places, "together: country, city", "together: city, zone")
    for rows in generated(codec, where, seeds=range(300)):
        assert {(r["country"], r["city"], r["zone"]) for r in rows} <= known
    for name, query in codec.conditions.queries(where).items():
        assert all(query.matches(row[name]) for row in rows)
    if not where:
        assert len({r["city"] for r in rows}) > 40


def test_an_unknown_combination(places, fitted):
    codec = fitted(places, "together: country, city")
    with pytest.raises(GankitError, match="country=c1, city=t2: the data has no such combination"):
        codec.sample_conditions({"country": "c1", "city": "t2"}, [0])
