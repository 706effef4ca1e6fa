"""Two digits: a value of its own where they are few, a cell of a bin elsewhere."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.columns import QUANTILES
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows


def fit(**columns):
    codec = TableCodec.fit(pa.table(columns), TWO_DIGITS, kinds={"name": "category"})
    return codec, {c.name: c for c in codec.columns}


def round_trip(codec, table):
    batch = codec.prepare(codec.encode(Rows(table), np.random.default_rng(0)))
    return codec.decode(batch, range(len(table))).table


def test_few_values_have_one_digit_each():
    rng = np.random.default_rng(0)
    _, columns = fit(few=rng.integers(0, TWO_DIGITS.few, 2000), more=rng.integers(0, 500, 2000))
    assert columns["few"].codes == TWO_DIGITS.few
    assert not columns["few"].cells
    assert columns["more"].cells > 1


def test_bins_of_few_values_keep_each_and_the_others_their_cell():
    rng = np.random.default_rng(0)
    n = 20_000
    fine = np.round(rng.gamma(2, 3000, n), 2)
    whole = rng.integers(0, 1500, n)
    table = pa.table({"fine": fine, "whole": whole})
    codec, columns = fit(fine=fine, whole=whole)
    assert all(columns["whole"].exact)
    assert not any(columns["fine"].exact)
    back = round_trip(codec, table)
    assert back.column("whole").to_pylist() == whole.tolist()
    off = np.abs(back.column("fine").to_numpy() - fine)
    widths = np.diff(columns["fine"].bins, axis=1)
    code = np.searchsorted([q[0] for q in columns["fine"].bins], fine, side="right") - 1
    assert (off <= widths[code].max(1) + 0.01).all()
    assert 0 < np.median(off) < np.median(widths)


def test_frequent_values_have_codes_of_their_own():
    rng = np.random.default_rng(0)
    hours = np.where(rng.random(4000) < 0.4, 0.0, np.round(rng.gamma(2, 400, 4000), 1))
    _, columns = fit(hours=hours)
    assert 0.0 in columns["hours"].atoms
    assert columns["hours"].choices[columns["hours"].atoms.index(0.0)] == 1
    assert columns["hours"].cells == max(columns["hours"].choices) >= QUANTILES - 1


def test_ten_thousand_categories_are_kept_in_groups_of_similar_frequency():
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in np.minimum(rng.zipf(1.3, 60_000), 10_000)]
    names += [f"n{i}" for i in range(10_000)]
    codec, columns = fit(name=names, other=rng.integers(0, 9, len(names)))
    column = columns["name"]
    assert len(column.values) == len(set(names)) >= 10_000
    assert len(column.atoms) == TWO_DIGITS.categories
    assert {len(g) for g in column.groups[:-1]} == {column.cells} == {TWO_DIGITS.cells}
    counts = [count for group in column.groups for _, count in group]
    assert counts == sorted(counts, reverse=True)
    assert codec.width < 600
    some = pa.table({"name": names[::50], "other": [0] * len(names[::50])})
    assert round_trip(codec, some).column("name").to_pylist() == names[::50]


def test_missing_values_come_back_and_unknown_ones_go_to_the_nearest():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 4000, 3000)
    codec, columns = fit(number=pa.array(known, mask=rng.random(3000) < 0.1),
                         name=[f"n{i}" for i in known])  # fmt: skip
    assert columns["number"].cells
    assert columns["name"].cells
    other = pa.table({"number": [None, -50, 9000, 17], "name": ["n1", "new", "n3", "n4"]})
    number = round_trip(codec, other).column("number").to_pylist()
    assert number[0] is None
    assert number[1:3] == [known.min(), known.max()]
    assert abs(number[3] - 17) < 9


def test_equal_numbers_have_equal_digits_and_larger_ones_later_digits():
    rng = np.random.default_rng(0)
    values = np.sort(np.round(rng.lognormal(8, 2, 5000), 1))
    codec, columns = fit(v=values, w=rng.integers(0, 9, 5000))
    batch = codec.encode(Rows(pa.table({"v": values, "w": [0] * 5000})), rng)
    place = {(codec.columns[b.column].name, b.digit): i for i, b in enumerate(codec.blocks)}
    first, second = (batch.x[:, place["v", k]].long().numpy() for k in (0, 1))
    low = [*columns["v"].atoms, *(q[0] for q in columns["v"].bins)]
    ranked = np.argsort(np.argsort(low))[first]
    order = ranked * columns["v"].cells + second
    assert (np.diff(order) >= 0).all()
    assert len(set(zip(values, order, strict=True))) == len(set(values))


@pytest.mark.parametrize("digit", [0, 1])
def test_shares_of_digits_add_up_to_one(digit):
    rng = np.random.default_rng(0)
    _, columns = fit(v=np.round(rng.lognormal(8, 2, 5000), 1), name=rng.zipf(1.5, 5000).astype(str))
    for column in columns.values():
        total = sum(column.frequency) if not digit else column.cell_shares().sum(1)
        np.testing.assert_allclose(total, 1)
