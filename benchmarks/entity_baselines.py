"""Simple models of entities and trees, which copy training rows: what a generator has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.contract import quiet
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.evaluation.trees.parts import constants, parent_rows
from gankit_tabular.evaluation.vectors import is_number, labels, values
from gankit_tabular.modality import TabularModality
from gankit_tabular.settings import SequenceSettings, TabularSettings

Tables = Mapping[str, pa.Table]
BINS = 4
"""Intervals of a number, for the coarse state of a row."""


def settings_of(given: Mapping[str, Any]) -> TabularSettings:
    """The plugin's settings from ``sequence__entity`` and so on."""
    own = {k.removeprefix("sequence__"): v for k, v in given.items() if k.startswith("sequence__")}
    rest = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if "__" not in k}
    return TabularSettings(sequence=SequenceSettings(**own), **rest)


def trees_of(tables: Tables, given: Mapping[str, Any]) -> Trees:
    """Tables as the plugin reads them."""
    source: object = next(iter(tables.values())) if len(tables) == 1 else dict(tables)
    trees = TabularModality().read(source, settings_of(given), quiet).items
    assert isinstance(trees, Trees)
    return trees


def independent(tables: Tables, given: Mapping[str, Any], n: int, seed: int) -> Tables:
    """Rows drawn from all rows, as many as a random parent has: only counts and rows are right."""
    trees, rng = trees_of(tables, given), np.random.default_rng(seed)
    if trees.structure.is_sequence:
        (name,) = trees.structure.names
        drawn = rng.integers(len(trees), size=n)
        counts = trees.counts(name)[drawn]
        rows = rng.integers(len(trees.tables[name]), size=int(counts.sum()))
        return _sequence(trees, drawn, counts, rows, None)
    made, parents = dict[str, pa.Table](), dict[str, int]()
    for link in trees.structure.links:
        table = trees.tables[link.table].table
        if not link.parent:
            made[link.table] = table.take(pa.array(rng.integers(len(table), size=n)))
            parents[link.table] = n
            continue
        above = parent_rows(trees, link)
        each = np.bincount(above, minlength=len(trees.tables[link.parent]))
        counts = each[rng.integers(len(each), size=parents[link.parent])]
        drawn = table.take(pa.array(rng.integers(len(table), size=int(counts.sum()))))
        keys = np.repeat(np.arange(len(counts)), counts)
        made[link.table] = _put(drawn, link.foreign, keys)
        parents[link.table] = len(keys)
    for link in trees.structure.links[1:]:
        made[link.parent] = _put(
            made[link.parent], link.references, np.arange(parents[link.parent])
        )
    return made


def markov(tables: Tables, given: Mapping[str, Any], n: int, seed: int) -> Tables:
    """A random first row, then again and again the successor of a random training row with the same
    coarse state (quarters of numbers, categories), until that row is an entity's last."""
    trees, rng = trees_of(tables, given), np.random.default_rng(seed)
    (name,) = trees.structure.names
    starts = trees.starts[name]
    table = trees.tables[name].table
    keys = (trees.structure.entity, trees.structure.order)
    codes = []
    for column in table.column_names:
        if column in keys:
            continue
        if is_number(table, column):
            x = values(table, column)
            known = x[np.isfinite(x)]
            edges = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else []
            codes.append(np.where(np.isfinite(x), np.digitize(x, edges), -1))
        else:
            codes.append(np.unique(labels(table, column), return_inverse=True)[1])
    state = np.unique(np.stack(codes, 1), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(state, kind="stable")
    first = np.searchsorted(state[order], np.arange(state.max() + 2))
    last = np.zeros(len(table), bool)
    last[starts[1:] - 1] = True
    drawn = rng.integers(len(trees), size=n)
    rows, counts = list[int](), list[int]()
    longest = int(trees.counts(name).max())
    for entity in drawn.tolist():
        at, count = int(starts[entity]), 1
        rows.append(at)
        while count < longest:
            twin = int(order[rng.integers(first[state[at]], first[state[at] + 1])])
            if last[twin]:
                break
            at, count = twin + 1, count + 1
            rows.append(at)
        counts.append(count)
    index = np.array(rows)
    return _sequence(trees, drawn, np.array(counts), index, index)


def glued(tables: Tables, given: Mapping[str, Any], n: int, seed: int) -> Tables:
    """The descendants of a random row under another one: counts and children are right, and what
    they have to do with the first table is not."""
    trees, rng = trees_of(tables, given), np.random.default_rng(seed)
    links = trees.structure.links
    roots, donors = rng.integers(len(trees), size=(2, n))
    own, other = trees.__getitems__(roots), trees.__getitems__(donors)
    made = {links[0].table: own.tables[links[0].table].table}
    for link in links[1:]:
        made[link.table] = other.tables[link.table].table
    for link in links[1:]:
        above = parent_rows(other, link)
        made[link.table] = _put(made[link.table], link.foreign, above)
        parent = made[link.parent]
        made[link.parent] = _put(parent, link.references, np.arange(len(parent)))
    return made


def _sequence(
    trees: Trees, drawn: np.ndarray, counts: np.ndarray, rows: np.ndarray, steps: np.ndarray | None
) -> Tables:
    """Rows as entities with constants of one of their own, and new names.

    Args:
        drawn: the entity that has the constants.
        steps: rows whose difference of the order to the row before is used; if None, the rows'
            order is sorted.
    """
    (name,) = trees.structure.names
    table, starts = trees.tables[name].table, trees.starts[name]
    of = np.repeat(np.arange(len(drawn)), counts)
    made = table.take(pa.array(rows))
    for column in constants(trees):
        taken = table.column(column).take(pa.array(starts[:-1][drawn][of]))
        made = made.set_column(made.column_names.index(column), column, taken)
    order = trees.structure.order
    if order:
        t = table.schema.field(order).type
        integer = pa.types.is_temporal(t)
        at = table.column(order)
        x = at.cast(pa.int64() if t.bit_width == 64 else pa.int32()) if integer else at
        x = np.asarray(x.to_numpy(zero_copy_only=False), np.float64 if not integer else np.int64)
        if steps is None:
            found = x[rows][np.lexsort((x[rows], of))]
        else:
            found = np.diff(x, prepend=x[:1])[steps]
            begin = np.r_[0, np.cumsum(counts)[:-1]]
            found[begin] = x[starts[:-1][drawn]]
            total = np.cumsum(found)
            found = total - np.repeat(total[begin] - found[begin], counts)
        values = pa.array(found)
        values = values.cast(pa.int64() if t.bit_width == 64 else pa.int32()) if integer else values
        made = made.set_column(made.column_names.index(order), order, values.cast(t, safe=False))
    return {name: _put(made, trees.structure.entity, [f"E{i}" for i in of.tolist()])}


def _put(table: pa.Table, column: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array(values))
