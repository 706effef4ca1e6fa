"""Sequences as entities with rows, and back."""

from __future__ import annotations

import datetime

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from gankit_tabular.codec.trees.differences import Differences
from gankit_tabular.codec.trees.sequences import Sequences
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.constants import constant_columns
from gankit_tabular.data.trees.items import Link, Structure, Trees

DAY = datetime.date(2020, 1, 31)
MONTHS = [datetime.date(2020 + m // 12, m % 12 + 1, 1) for m in range(200)]
VALUES = {
    "integers": lambda n: n - 40,
    "decimals": lambda n: n / 100,
    "days": lambda n: DAY + datetime.timedelta(n),
    "times": lambda n: datetime.datetime(2020, 1, 1, 3, 4) + datetime.timedelta(seconds=n),
    "months": lambda n: MONTHS[n],
    "formatted days": lambda n: (DAY + datetime.timedelta(n)).strftime("%d/%m/%Y"),
    "formatted numbers": lambda n: f"${n * 1000:,}",
}
"""The n-th value of an order column, by its kind."""


def sequences(kind, lengths, steps):
    """Trees with an order of a kind, whose values follow each other by these steps."""
    order, i = [], 0
    for length in lengths:
        at = steps[i % len(steps)] % 50
        for _ in range(length):
            order.append(VALUES[kind](min(at, 199)))
            i += 1
            at += steps[i % len(steps)] % 7
    n = len(order)
    entity = np.repeat(np.arange(len(lengths)), lengths)
    table = pa.table(
        {
            "value": pa.array([None if i % 3 == 0 else float(i) for i in range(n)]),
            "when": order,
            "who": [f"P{e}" for e in entity],
            "fixed": pa.array([None if e % 2 else int(e) for e in entity], pa.int64()),
        }
    )
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    structure = Structure((Link("visits", foreign="who"),), "who", "when")
    return Trees(structure, {"visits": Rows(table)}, {"visits": starts})


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(VALUES)),
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.lists(st.integers(0, 40), min_size=1, max_size=9),
)
def test_joining_what_was_split_gives_the_same_rows(kind, lengths, steps):
    steps = [*steps, 1, 3]
    trees = sequences(kind, [*lengths, 12], steps)
    frame = Sequences.fit(trees, ("fixed",))
    loaded = Sequences.load(frame.state())
    for own in (frame, loaded):
        forest = own.forest(trees)
        assert forest.tables[0].column_names == ["when", "fixed"]
        assert set(forest.tables[1].column_names) == {"value", "when"}
        back = own.trees(forest)
        assert back.tables["visits"].table.to_pylist() == trees.tables["visits"].table.to_pylist()
        assert (back.starts["visits"] == trees.starts["visits"]).all()


def test_all_at_one_place_of_a_month_stay_there():
    trees = sequences("months", [30, 30], [1, 2, 3])
    frame = Sequences.fit(trees, ())
    forest = frame.forest(trees)
    assert set(forest.tables[1].column("when").to_pylist()) <= {1, 2, 3}  # months, not days
    rows = forest.tables[1]
    more = pa.array([5] * len(rows))
    at = rows.column_names.index("when")
    forest.tables[1] = rows.set_column(at, "when", more)
    joined = frame.trees(forest).tables["visits"].table.column("when").to_pylist()
    assert {day.day for day in joined} == {1}


@pytest.mark.parametrize("kind", ["integers", "decimals", "days", "formatted days"])
def test_rows_never_go_back(kind):
    trees = sequences(kind, [5, 5, 5, 5, 5], [1, 4])
    frame = Sequences.fit(trees, ())
    forest = frame.forest(trees)
    rows = forest.tables[1]
    at = rows.column_names.index("when")
    less = pa.array(-np.ones(len(rows)))
    forest.tables[1] = rows.set_column(at, "when", less)
    joined = frame.trees(forest).tables["visits"].table.column("when")
    assert len(set(joined.to_pylist()[:5])) == 1


@pytest.mark.parametrize(
    ("kind", "shown", "told"),
    [
        ("days", "0 to 30", "0 to 30 days"),
        ("formatted days", "14", "14 days"),
        ("times", "0 to 3000000", "0 to 3 seconds"),
        ("times", "0 to 172800000000", "0 to 2 days"),
        ("months", "0 to 12", "0 to 12 months"),
        ("integers", "0 to 30", "0 to 30"),
        ("days", "7, 14 and 3 more", "7, 14 and 3 more"),
    ],
)
def test_steps_of_dates_and_times_are_shown_with_their_unit(kind, shown, told):
    order = pa.chunked_array([[VALUES[kind](n) for n in range(5)]])
    assert Differences.fit("when", order).with_unit(shown) == told


def test_what_is_constant_within_entities():
    trees = sequences("days", [1, 3, 2], [1])
    rows, starts = trees.tables["visits"], trees.starts["visits"]
    assert constant_columns(rows, starts, ["value", "fixed"]) == ("fixed",)
    assert constant_columns(rows, np.array([0, len(rows)]), ["fixed", "value"]) == ()
