"""Relations between numbers: found, learned as differences, and exact in generated rows."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Batch, CodecState
from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS, Resolution
from gankit_tabular.data.rows import Rows

N = 1500


def fit(table):
    return TableCodec.fit(table, TWO_DIGITS)


def formulas(codec):
    return {r.target: r.formula for r in codec.relations.found}


def generated(codec, n=200, where=None):
    """Rows of random digits: what holds in them holds whatever the networks have learned."""
    rng = np.random.default_rng(1)
    x = torch.zeros(n, codec.width)
    for b in codec.blocks:
        x[torch.arange(n), b.start + torch.from_numpy(rng.integers(b.codes, size=n))] = 1
    return codec.decode(Batch(x, None), range(n), where).table.to_pylist()


def round_trip(codec, table):
    rows = Rows(table)
    batch = codec.prepare(codec.encode(rows, np.random.default_rng(0)))
    return codec.decode(batch, range(len(rows))).table


def note(codec, name):
    return " ".join(next(c.notes for c in codec.columns if c.name == name))


def cents(values):
    return np.rint(100 * np.array(values)).astype(int)


@pytest.fixture(scope="module")
def bills():
    rng = np.random.default_rng(0)
    price, tax = rng.integers(100, 99_999, N), rng.integers(1, 4000, N)
    return pa.table({"price": price / 100, "tax": tax / 100, "total": (price + tax) / 100})


@pytest.fixture(scope="module")
def bills_codec(bills):
    return fit(bills)


def test_a_sum_of_amounts_is_exact_to_the_cent_in_every_row(bills_codec):
    (relation,) = bills_codec.relations.found
    assert {relation.target, *(n for n, _ in relation.terms)} == {"price", "tax", "total"}
    assert note(bills_codec, relation.target) == f"always {relation.formula}"
    rows = generated(bills_codec)
    price, tax, total = (cents([row[k] for row in rows]) for k in ("price", "tax", "total"))
    assert (price + tax == total).all()
    assert len(set(price)) > 150
    assert {row["total"] for row in rows} == {t / 100 for t in total.tolist()}  # as written


@pytest.mark.parametrize("column", ["price", "tax", "total"])
def test_a_requested_term_or_sum_keeps_it_exact(bills_codec, column):
    for row in generated(bills_codec, where={column: "20..21"}):
        assert 20 <= row[column] <= 21
        assert round(100 * row["price"]) + round(100 * row["tax"]) == round(100 * row["total"])


def test_all_of_them_requested_have_to_fit_together(bills_codec):
    (relation,) = bills_codec.relations.found
    with pytest.raises(GankitError, match=f"impossible under '{relation.target} = "):
        generated(bills_codec, where={"price": "20", "tax": "1", "total": "30"})
    rows = generated(bills_codec, where={"price": "20", "tax": "1", "total": "21"})
    assert rows[0] == {"price": 20.0, "tax": 1.0, "total": 21.0}


def test_instants_that_follow_each_other_within_hours():
    rng = np.random.default_rng(0)
    leave = rng.integers(0, 10**7, N) * 60
    flight = rng.choice([55, 70, 90, 125], N) * 60
    instants = {"departure": leave, "arrival": leave + flight}
    table = pa.table({k: pa.array(v).cast(pa.timestamp("s")) for k, v in instants.items()})
    codec = fit(table)
    (relation,) = codec.relations.found
    assert {relation.target, relation.terms[0][0]} == {"arrival", "departure"}
    minutes = {(r["arrival"] - r["departure"]).total_seconds() / 60 for r in generated(codec)}
    assert minutes <= {55, 70, 90, 125}
    assert round_trip(codec, table).column("arrival").type == pa.timestamp("s")


def test_missing_operands_leave_the_others_as_they_are():
    rng = np.random.default_rng(0)
    start = rng.integers(0, 5000, N)
    end = start + rng.integers(1, 9, N)
    table = pa.table({
        "start": pa.array(start, mask=rng.random(N) < 0.2),
        "end": pa.array(end, mask=rng.random(N) < 0.3),
    })  # fmt: skip
    codec = fit(table)
    assert set(formulas(codec)) <= {"start", "end"}
    assert len(formulas(codec)) == 1
    back = round_trip(codec, table).to_pydict()
    assert [v is None for v in back["end"]] == [v is None for v in table.column("end").to_pylist()]
    both = [(a, b) for a, b in zip(back["start"], back["end"], strict=True) if None not in (a, b)]
    assert all(1 <= b - a < 9 for a, b in both)
    some = generated(codec)
    assert any(row["start"] is None and row["end"] is not None for row in some)


def test_one_that_nearly_always_holds_is_said_and_stays_soft():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3000, (2, N))
    total = a + b
    total[[5, 50, 500]] += 7
    codec = fit(pa.table({"a": a, "b": b, "total": total}))
    (relation,) = codec.relations.found
    assert relation.constant is None
    assert note(codec, relation.target) == f"{relation.formula} in all but 3 of 1,500 rows"


def test_numbers_that_have_nothing_to_do_with_each_other():
    rng = np.random.default_rng(0)
    table = pa.table({k: rng.integers(0, 5000, N) for k in "abc"})
    assert not fit(table).relations.found


def test_one_digit_tables_have_none(bills):
    assert not TableCodec.fit(bills, Resolution()).relations.found


def test_they_are_stored_with_the_codec(bills, bills_codec):
    state = bills_codec.state()
    again = TableCodec.load(CodecState(json.loads(json.dumps(state.config)), state.tensors))
    assert again.relations == bills_codec.relations
    assert generated(again) == generated(bills_codec)


def test_the_difference_comes_after_its_terms():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5000, N)
    b = a + rng.integers(1, 9, N)
    c = b + rng.integers(1, 9, N)
    relations = fit(pa.table({"c": c, "a": a, "b": b})).relations
    after = relations.after()
    assert len(after) == 2
    hidden = {r.target: r.hidden for r in relations.found}
    for r in relations.found:
        assert set(after[r.hidden]) == {hidden.get(name, name) for name, _ in r.terms}


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.sampled_from([300, 3000]),
    spread=st.sampled_from([1, 3, 40, 1000]),
    scale=st.sampled_from([1, 10, 100]),
    gaps=st.sampled_from([0.0, 0.1]),
)
def test_encoding_and_decoding_keeps_rows_up_to_the_cell(seed, rows, spread, scale, gaps):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-500, 40_000, (2, rows))
    numbers = {"a": a, "b": b, "c": a - b + rng.integers(0, spread, rows)}
    table = pa.table({k: pa.array(v / scale, mask=rng.random(rows) < gaps)
                      for k, v in numbers.items()})  # fmt: skip
    codec = fit(table)
    back, most, off = round_trip(codec, table), 0.0, {}
    for name in table.column_names:
        before, after = (t.column(name).to_numpy() for t in (table, back))
        assert (np.isnan(before) == np.isnan(after)).all()
        off[name] = np.nanmax(np.abs(after - before))
    for column in codec.columns:
        cells = [q for q, few in zip(column.bins, column.exact, strict=True) if not few]
        width = max((np.diff(q).max() + 1 / scale for q in cells), default=0.0)
        most += 0 if column.computed else width
        if not (column.computed or column.hidden):
            assert off[column.name] <= width
    assert max(off.values()) <= most + 1e-9  # a sum is off by no more than all that it is made of
