"""Rare categories are merged before anything is learned from them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.rare import frequent_values, merge
from gankit_tabular.data.rows import Rows
from gankit_tabular.evaluation.scored import ScoredColumns
from gankit_tabular.settings import TabularSettings

CITIES = ["Oslo"] * 30 + ["Bergen"] * 20 + ["Moss"] * 3 + ["Voss"] * 3 + [None] * 4
TABLE = pa.table(
    {
        "city": CITIES,
        "code": [7] * 40 + [8] * 18 + [911, 912],
        "size": ["S", "M"] * 29 + ["XL", "L"],
        "paid": [f"${i % 50 + 1},000" for i in range(60)],
        "x": np.arange(60) / 4,
    }
)


def fitted(table: pa.Table = TABLE, **given) -> TableCodec:
    chosen = {"rare": 5, "categories": ("code",), "ordinals": {"size": ("S", "M", "L", "XL")}}
    return TableCodec.from_rows(Rows(table), TabularSettings(**{**chosen, **given}))


def column(codec: TableCodec, name: str):
    return next(c for c in codec.columns if c.name == name)


@pytest.fixture(scope="module")
def codec():
    return fitted()


def test_texts_are_other_and_numbers_missing(codec):
    assert column(codec, "city").values == ["Oslo", "Bergen", "other"]
    assert column(codec, "code").values == [7, 8]
    assert column(codec, "code").missing
    assert column(codec, "size").values == ["S", "M", "L", "XL"]
    assert len(column(codec, "paid").values) > 40 or column(codec, "paid").bins


def test_rows_come_back_merged_and_the_state_has_no_rare_value(codec):
    loaded = TableCodec.load(codec.state())
    batch = loaded.prepare(loaded.encode(Rows(TABLE), np.random.default_rng(0)))
    rows = loaded.decode(batch, range(len(TABLE)))
    assert [row["city"] for row in rows] == [*CITIES[:50], *["other"] * 6, *[None] * 4]
    assert [row["code"] for row in rows] == [7] * 40 + [8] * 18 + [None] * 2
    stored = json.dumps(codec.state().config)
    assert "Oslo" in stored
    assert "Moss" not in stored
    assert "Voss" not in stored


def test_what_was_merged_is_described_by_numbers(codec):
    notes = {row["column"]: row["note"] for row in codec.describe()}
    assert notes["city"] == "2 rare values in 6 rows merged: other"
    assert notes["code"] == "2 rare values in 2 rows merged: missing"
    assert not notes["size"]


def test_nothing_is_merged_where_nothing_is_rare_or_nobody_asks():
    assert not column(fitted(rare=3), "city").merged
    assert column(fitted(rare=0), "city").values == ["Oslo", "Bergen", "Moss", "Voss"]
    assert column(fitted(rare=100), "city").values == ["other"]


def test_a_rare_value_cannot_be_requested(codec):
    with pytest.raises(GankitError, match="city=Moss: no such value, or one of the rare") as error:
        codec.sample_conditions({"city": "Moss"}, range(3))
    assert "city=other" in error.value.hint
    where = {"city": "other"}
    c = codec.sample_conditions(where, range(3))
    x = codec.prepare(codec.encode(Rows(TABLE.slice(0, 3)), np.random.default_rng(0)))
    x.c = c
    assert [row["city"] for row in codec.decode(x, range(3), where)] == ["other"] * 3


def test_real_rows_are_scored_as_they_were_learned(codec):
    test = TABLE.slice(40).set_column(0, "city", [["Oslo"] * 10 + ["Hamar"] * 10])
    assert not [w for w in codec.conform(Rows(test), strict=False).warnings if "city" in w]
    scored = ScoredColumns.of(TABLE, codec).table(test)
    assert scored["city"].to_pylist() == ["Oslo"] * 10 + ["other"] * 10


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh") | st.none(), max_size=60), st.integers(1, 12))
def test_no_value_stays_rare(values, fewest):
    table = pa.table({"w": pa.array(values, pa.string())})
    merged = merge(table, frequent_values(table, fewest, {}))["w"].to_pylist()
    counts = Counter(v for v in merged if v is not None)
    known = sum(v is not None for v in values)
    assert sum(counts.values()) == known
    assert all(count >= fewest for value, count in counts.items() if value != "other")
    assert all(m in (v, "other") for m, v in zip(merged, values, strict=True))
