"""The order in which digits are drawn, and the values that later ones see."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.networks.order import drawing_order, value_table


@pytest.fixture(scope="module")
def codec():
    rng = np.random.default_rng(0)
    n = 3000
    start = rng.integers(0, 90_000, n)
    return TableCodec.fit(
        pa.table({
            "end": start + rng.integers(1, 300, n),
            "start": start,
            "flag": rng.choice(["y", "n"], n),
            "size": rng.choice(["S", "M", "L"], n),
            "count": pa.array(rng.poisson(3, n), mask=rng.random(n) < 0.1),
            "amount": np.round(rng.gamma(2, 3000, n), 2),
        }),
        TWO_DIGITS,
        ordinals={"size": ["S", "M", "L"]},
    )  # fmt: skip


def names(codec, after=None):
    order = drawing_order(codec.columns, codec.blocks, after or {})
    assert sorted(order) == list(range(len(codec.blocks)))
    return [codec.columns[codec.blocks[i].column].name for i in order]


def test_columns_of_few_codes_come_first_and_digits_together(codec):
    found = names(codec)
    assert found[:3] == ["flag", "size", "count"]
    distinct = list(dict.fromkeys(found))
    assert [name for name in distinct for _ in range(found.count(name))] == found
    codes = {c.name: sum(c.choices) if c.cells else c.codes for c in codec.columns}
    assert sorted(distinct, key=codes.__getitem__) == distinct


def test_the_first_digit_comes_before_the_second(codec):
    order = drawing_order(codec.columns, codec.blocks, {})
    for i, b in enumerate(codec.blocks):
        if b.digit:
            (first,) = (k for k, o in enumerate(codec.blocks) if o.column == b.column and k != i)
            assert order.index(i) == order.index(first) + 1


def test_differences_come_after_their_terms(codec):
    after = codec.relations.after()
    assert after
    found = names(codec, after)
    for hidden, terms in after.items():
        assert all(found.index(hidden) > found.index(term) for term in terms)
    assert names(codec).index(hidden) < names(codec).index(terms[0])  # of fewer codes


def test_what_comes_after_others_comes_after_what_these_come_after(codec):
    after = {"flag": ["size"], "size": ["amount"]}
    found = list(dict.fromkeys(names(codec, after)))
    assert found[:4] == ["amount", "size", "flag", "count"]


def test_values_are_standardised_and_ranks_uniform(codec):
    for column in codec.columns:
        if not column.modelled or not (column.kind == "number" or column.ordered):
            continue
        table = value_table(column).double().numpy().reshape(column.codes, -1, 2)
        mass = np.array(column.frequency)[:, None] * column.cell_shares()
        mass = mass[: column.codes - column.missing]
        known = table[: column.codes - column.missing]
        mean = [(known[..., k] * mass).sum() / mass.sum() for k in (0, 1)]
        std = [math.sqrt((known[..., k] ** 2 * mass).sum() / mass.sum()) for k in (0, 1)]
        assert mean == pytest.approx([0, 0], abs=0.05)
        assert std[0] == pytest.approx(1, abs=0.1)  # few codes have fewer ranks
        assert std[1] == pytest.approx(1, abs=0.1)  # values are clipped
        if column.missing:
            assert not table[-1].any()


def test_ranks_grow_with_values(codec):
    column = next(c for c in codec.columns if c.name == "amount")
    table = value_table(column).numpy()
    rank, value = table[np.argsort(table[:, 0], kind="stable")].T
    assert (np.diff(value) >= -1e-6).all()
    assert abs(rank).max() <= math.sqrt(3) + 1e-6


def test_ordered_categories_have_ranks_and_others_none(codec):
    named = {c.name: value_table(c) for c in codec.columns if c.modelled}
    assert named["size"][:, 1].tolist() == sorted(named["size"][:, 1].tolist())
    assert len(set(named["size"][:, 1].tolist())) == 3
    assert not named["flag"].any()
