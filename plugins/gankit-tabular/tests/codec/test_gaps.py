"""Rows whose missing cells are filled: what was there stays, and all agrees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Gaps
from gankit.engine.sampling.sampler import Sampler
from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows
from gankit_tabular.networks.cascade import Cascade

N = 400
RULES = ["a <= b", "total = price + tax", "together: country, city", "unique: id"]


def table(n=N):
    rng = np.random.default_rng(0)
    start, country = rng.integers(0, 5000, n), rng.integers(0, 2, n)
    price, tax, a = rng.integers(1, 99, n), rng.integers(1, 9, n), rng.integers(0, 50, n)
    kind = rng.choice(["p", "q", "r"], n)
    cities = np.array([["Oslo", "Bergen"], ["Lima", "Cusco"]])
    return pa.table({
        "id": [f"C-{10_000 + 7 * i}" for i in range(n)],
        "kind": kind,
        "group": np.where(kind == "p", "one", "two"),
        "start": start,
        "end": start + rng.integers(1, 9, n),
        "when": [f"{1 + s % 28:02d}/{1 + s % 12:02d}/2024" for s in start],
        "paid": [f"${v:,.2f}" for v in rng.gamma(2, 900, n)],
        "sometimes": pa.array([None if i % 3 else i / 4 for i in range(n)]),
        "a": a, "b": a + rng.integers(0, 5, n),
        "price": price, "tax": tax, "total": price + tax,
        "country": np.array(["NO", "PE"])[country],
        "city": cities[country, rng.integers(0, 2, n)],
    })  # fmt: skip


def sampler(codec):
    torch.manual_seed(1)
    g = Cascade(codec.columns, codec.blocks, codec.condition_blocks, 8,
                codec.relations.after() or None)  # fmt: skip
    return Sampler(g, codec, g.digits, torch.device("cpu"), likelihood=g.nll,
                   part_likelihood=g.part_nll)  # fmt: skip


@pytest.fixture(scope="module")
def ruled():
    kinds = dict.fromkeys(["a", "b", "price", "tax", "total"], "number")
    codec = TableCodec.fit(table(), TWO_DIGITS, kinds, RULES)
    return sampler(codec)


@pytest.fixture(scope="module")
def free():
    return sampler(TableCodec.fit(table(), TWO_DIGITS))


def with_gaps(rows, missing):
    return pa.table({
        name: pc.if_else(pa.array(missing[:, i]), pa.scalar(None, c.type), c)
        for i, (name, c) in enumerate(zip(rows.column_names, rows.columns, strict=True))
    })  # fmt: skip


def filled(sampler, gappy, draw=0):
    codec, items = sampler.codec, Rows(gappy)
    matched = codec.match(items).items
    gaps = codec.gaps(matched)
    some = np.flatnonzero(gaps.missing.any(1))
    made, valid = sampler.imputer(4).fill(matched.__getitems__(some), some.tolist(), draw)
    marked = gaps.missing.copy()
    marked[some[~valid]] = False
    kept = made.__getitems__(np.flatnonzero(valid))
    return codec.insert(items, kept, Gaps(gaps.names, marked), range(len(gappy))).table, valid


def check(real, missing, found):
    for i, (name, column) in enumerate(zip(real.column_names, real.columns, strict=True)):
        there = pc.and_(pa.array(~missing[:, i]), column.is_valid())
        assert found.column(name).filter(there).equals(column.filter(there)), name
        assert found.column(name).type == column.type


def test_rules_hold_and_what_was_there_stays(ruled):
    real = table().slice(0, 120)
    missing = np.random.default_rng(2).random((120, real.num_columns)) < 0.3
    found, valid = filled(ruled, with_gaps(real, missing))
    assert valid.mean() > 0.9
    check(real, missing, found)
    rows = found.to_pylist()
    whole = [row for row in rows if None not in row.values() or row["sometimes"] is None]
    assert len(whole) > 90
    assert all(row["a"] <= row["b"] for row in whole)
    assert all(row["total"] == row["price"] + row["tax"] for row in whole)
    assert {(row["country"], row["city"]) for row in whole} <= {
        ("NO", "Oslo"), ("NO", "Bergen"), ("PE", "Lima"), ("PE", "Cusco")
    }  # fmt: skip
    ids = [row["id"] for row in rows if row["id"]]
    assert len(set(ids)) == len(ids)


@given(st.integers(0, 2**32), st.floats(0.05, 0.8))
@settings(max_examples=6)
def test_no_gap_is_left_and_columns_agree(free, seed, share):
    real = table().slice(0, 40)
    missing = np.random.default_rng(seed).random((40, real.num_columns)) < share
    found, valid = filled(free, with_gaps(real, missing))
    assert valid.all()
    check(real, missing, found)
    assert not any(column.null_count for column in found.columns)  # nothing is drawn as missing
    pairs = set(zip(real["kind"].to_pylist(), real["group"].to_pylist(), strict=True))
    whole = zip(found["kind"].to_pylist(), found["group"].to_pylist(), strict=True)
    assert set(whole) <= pairs  # one follows from the other
    assert all(p.startswith("$") for p in found["paid"].to_pylist())
    assert all(len(w) == 10 for w in found["when"].to_pylist())


def test_imputations_differ_where_cells_were_missing_alone(free):
    real = table().slice(0, 60)
    missing = np.zeros((60, real.num_columns), bool)
    missing[::2, real.column_names.index("start")] = True
    missing[::3, real.column_names.index("paid")] = True
    first, second = (filled(free, with_gaps(real, missing), draw)[0] for draw in (0, 1))
    assert first.equals(filled(free, with_gaps(real, missing))[0])
    for name, step in (("start", 2), ("paid", 3)):
        a, b = first[name].to_pylist(), second[name].to_pylist()
        assert sum(x != y for x, y in zip(a, b, strict=True)) > 60 // step // 2


def test_differences_are_kept_in_the_range_of_the_data(free):
    assert [r.target for r in free.codec.relations.found]
    real = table().slice(0, 80)
    for name in ("start", "end"):
        missing = np.zeros((80, real.num_columns), bool)
        missing[:, real.column_names.index(name)] = True
        found, _ = filled(free, with_gaps(real, missing))
        between = pc.subtract(found["end"], found["start"]).to_numpy()
        assert between.min() >= 1
        assert between.max() <= 8
        assert np.bincount(between, minlength=9).max() < 40  # and not piled up at its ends


def test_values_that_training_lacks_stay_and_are_said(free):
    real = table().slice(0, 30)
    odd = real.set_column(1, "kind", pa.array(["new"] * 15 + [None] * 15))
    matched = free.codec.match(Rows(odd.append_column("note", pa.array(["x"] * 30))))
    assert any("'new' in 15 rows" in w for w in matched.warnings)
    assert any("'note' is not in the training data; it is kept" in w for w in matched.warnings)
    assert not any("missing" in w for w in matched.warnings)
    found, _ = filled(free, odd.append_column("note", pa.array(["x"] * 30)))
    assert found["kind"].to_pylist()[:15] == ["new"] * 15
    assert set(found["kind"].to_pylist()[15:]) <= {"p", "q", "r"}
    assert found["note"].to_pylist() == ["x"] * 30


def test_other_types_of_the_same_values(free):
    frame = table().slice(0, 20).to_pandas()
    frame["start"] = frame["start"].astype(float).mask(frame.index % 2 == 0)
    found, _ = filled(free, pa.Table.from_pandas(frame, preserve_index=False))
    assert pa.types.is_floating(found["start"].type)
    values = found["start"].to_numpy()
    assert np.isfinite(values).all()
    assert (values == np.round(values)).all()


def test_a_column_without_any_value_is_refused():
    empty = table(60).set_column(7, "sometimes", pa.nulls(60, pa.float64()))
    codec = TableCodec.fit(empty, TWO_DIGITS)
    with pytest.raises(GankitError, match="'sometimes' cannot be filled: it has no value"):
        codec.gaps(codec.match(Rows(empty)).items)


def test_parts_of_a_key_are_refused():
    rows = table(60).select(["kind", "a", "paid"])
    codec = TableCodec.fit(rows, TWO_DIGITS, {}, ["unique: kind, a"])
    missing = np.zeros((60, 3), bool)
    missing[3, 0] = True
    with pytest.raises(GankitError, match="'kind' cannot be filled: it is part of the key"):
        codec.gaps(codec.match(Rows(with_gaps(rows, missing))).items)


def test_missing_columns_are_refused(free):
    with pytest.raises(GankitError, match="the data has no column 'end'"):
        free.codec.match(Rows(table().drop_columns("end")))
