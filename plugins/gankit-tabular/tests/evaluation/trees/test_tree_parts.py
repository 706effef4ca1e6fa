"""Trees as tables of scored columns, and whose row is whose."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_data import SHOP, patients, shop, starts

from gankit.contract import EvaluationData, Sample
from gankit.errors import GankitError
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.evaluation.trees.copies import entity_copies, row_copies
from gankit_tabular.evaluation.trees.parts import (
    Part,
    TreeColumns,
    compared,
    following,
    joined,
    parent_rows,
)
from gankit_tabular.evaluation.trees.relations import integrity, rows_each


def replaced(trees, name, column, values):
    table = trees.tables[name].table
    changed = table.set_column(table.column_names.index(column), column, pa.array(values))
    return Trees(trees.structure, trees.tables | {name: Rows(changed)}, trees.starts)


def test_a_sequence_has_entities_and_rows():
    trees = patients(40)
    entities, rows = TreeColumns(trees).parts(trees)
    assert (entities.name, rows.name) == ("patient", "visits")
    assert entities.table.column_names == ["sex", "diagnosis"]
    assert rows.table.column_names == ["day", "weight", "state", "day (difference)"]
    assert len(entities) == 40
    assert rows_each([entities, rows], 1).tolist() == trees.counts("visits").tolist()
    firsts = trees.starts["visits"][:-1]
    step = rows.table.column("day (difference)").to_pylist()
    assert all(step[i] is None for i in firsts)
    days = trees.tables["visits"].table.column("day").to_pylist()
    later = [i for i in range(len(days)) if i not in set(firsts.tolist())]
    assert [step[i] for i in later] == [(days[i] - days[i - 1]).days for i in later]


def test_a_name_that_ends_in_a_dot_is_not_followed_by_another():
    parts = [Part(n, 0, pa.table({}), np.zeros(0), np.zeros(0)) for n in ("Patient-Nr.", "a")]
    assert [part.full("sex") for part in parts] == ["Patient-Nr.sex", "a.sex"]


def test_tables_are_without_keys_and_are_joined_by_them():
    trees = shop(60)
    parts = TreeColumns(trees).parts(trees)
    assert [p.table.column_names for p in parts] == [["segment", "age"], ["channel"], ["price"]]
    together = joined(parts, 1)
    assert together.column_names == ["customers.segment", "customers.age", "orders.channel"]
    orders, customers = (trees.tables[n].table.to_pylist() for n in ("orders", "customers"))
    ages = {c["id"]: c["age"] for c in customers}
    assert together.column("customers.age").to_pylist() == [ages[o["customer_id"]] for o in orders]


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_parents_are_found_by_key_within_a_tree(numbers):
    """Keys 0 to 2 exist in every tree, 3 in none."""
    n = len(numbers)
    tables = {
        "customers": pa.table({"id": list(range(n))}),
        "orders": pa.table({"order_id": [0, 1, 2] * n, "customer_id": np.repeat(range(n), 3)}),
        "items": pa.table({"order_id": pa.array([*chain(*numbers)], pa.int64())}),
    }
    counts = {"customers": [1] * n, "orders": [3] * n, "items": [len(v) for v in numbers]}
    trees = Trees(
        SHOP, {k: Rows(t) for k, t in tables.items()}, {k: starts(c) for k, c in counts.items()}
    )
    wanted = [3 * i + k if k < 3 else -1 for i, keys in enumerate(numbers) for k in keys]
    assert parent_rows(trees, SHOP.links[2]).tolist() == wanted


def test_integrity():
    whole = shop(50)
    assert integrity(whole) == {"referential_integrity": 1, "unique_keys": 1}
    orders = whole.tables["orders"].table
    n, items = len(orders), len(whole.tables["items"].table)
    owners = orders.column("customer_id").to_pylist()
    broken = replaced(whole, "orders", "customer_id", [10**6, *owners[1:]])
    rate = integrity(broken)["referential_integrity"]
    assert rate == pytest.approx(1 - 1 / (n + items))
    twice = replaced(whole, "customers", "id", [0, 0, *range(2, 50)])
    assert integrity(twice)["unique_keys"] == pytest.approx((48 / 50 + 1) / 2)
    names = patients(30).tables["visits"].table.column("patient").to_pylist()
    same = replaced(patients(30), "visits", "patient", [names[0]] * len(names))
    assert integrity(same)["unique_keys"] == 0


def test_rows_follow_each_other_within_an_entity_only():
    trees = patients(30)
    rows = TreeColumns(trees).parts(trees)[1]
    for lag in (1, 2, 3):
        early, late = following(rows, lag)
        assert (late - early == lag).all()
        assert len(early) == int((trees.counts("visits") - lag).clip(min=0).sum())
        assert (rows.owner[early] == rows.owner[late]).all()


def test_copies_are_of_whole_entities_and_of_rows():
    trees = patients(60)
    columns = TreeColumns(trees)
    train, other = columns.parts(trees), columns.parts(patients(60, 1))
    assert entity_copies(train, train) == row_copies(train, train) == 1
    assert entity_copies(train, other) == 0
    half = columns.parts(trees[:30])
    assert entity_copies(half, train) == pytest.approx(0.5)


def test_what_generated_data_lacks_is_named():
    real, made = shop(60), shop(40, 1)
    rng = np.random.default_rng(0)

    def data(trees):
        return EvaluationData([Sample(t, 0, {}) for t in trees], real, real)

    items = made.tables["items"].table.rename_columns(["order_id", "prize"])
    lacking = Trees(made.structure, made.tables | {"items": Rows(items)}, made.starts)
    with pytest.raises(GankitError, match="rows of items have no column 'price'") as found:
        compared(data(lacking), rng, {})
    assert "prize" in found.value.hint
    with pytest.raises(GankitError, match="no table 'customers'"):
        compared(data(patients(30)), rng, {})
