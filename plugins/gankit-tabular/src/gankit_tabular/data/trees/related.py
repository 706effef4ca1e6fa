"""Tables that refer to each other, as trees: a row of the first one with all that belongs to it.

Row numbers in messages count a table's rows from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees
from gankit_tabular.data.trees.keys import key_values, refuse_missing
from gankit_tabular.data.trees.sorting import reordered
from gankit_tabular.data.trees.sources import Child

MANY = 0.05
"""A share of repeated keys from which on they are no accident."""


@dataclass
class Related:
    """Tables as trees, and what was found."""

    trees: Trees
    issues: list[Issue] = field(default_factory=list)
    """Rows without a parent that were dropped."""


@dataclass
class _Placed:
    """A table whose rows are in the order of trees."""

    rows: Rows
    tree: Ints
    """The tree of each row, ascending."""
    numbers: Ints
    """Where each row was in the table as it was read."""
    foreign: str = ""
    keys: dict[str, pa.Array] = field(default_factory=dict)
    """Columns with distinct values, that children refer to."""


def related(
    tables: Mapping[str, Rows], children: Sequence[Child], *, drop_orphans: bool = False
) -> Related:
    """Puts tables together, in the order of the first one's rows; siblings keep their order.

    Args:
        tables: by name, the first one first, then those of ``children`` in their order.
        drop_orphans: whether rows without a parent are left out; otherwise they are refused.

    Raises:
        GankitError: they are no trees; the message names the table, the column and a row.
    """
    first, *others = tables
    everyone = np.arange(len(tables[first]), dtype=np.int64)
    placed = {first: _Placed(tables[first], everyone, everyone)}
    links, issues = [Link(first)], list[Issue]()
    for name, child in zip(others, children, strict=True):
        rows = tables[name]
        if child.foreign not in rows.table.column_names:
            raise GankitError(
                f"{name} has no column {child.foreign!r}, which should hold its parent's key",
                did_you_mean(child.foreign, rows.table.column_names),
            )
        if not len(rows):
            raise GankitError(f"{name} has no rows", "Leave it out, or give one with rows")
        parent, key = _parent(name, child, rows, placed, tables)
        where = f"{name}: {child.foreign}"
        values = key_values(rows, child.foreign, where)
        known = placed[parent].keys[key]
        if values.type != known.type:
            raise GankitError(
                f"{where} has {_kind(values.type)}, and {parent}: {key} has {_kind(known.type)}: "
                "keys of different types never match",
                "Save both as texts or both as integers; 007 is a text",
            )
        positions = pc.index_in(values, value_set=known)
        orphans = positions.is_null().to_numpy(zero_copy_only=False)
        if orphans.any():
            told = _Orphans(name, child.foreign, parent, key, values, orphans)
            if not drop_orphans:
                raise told.error()
            issues += told.issues()
        at = positions.fill_null(-1).to_numpy().astype(np.int64)
        kept = np.flatnonzero(~orphans)
        sorting = kept[np.argsort(at[kept], kind="stable")]
        if not len(sorting):
            raise GankitError(
                f"{name}: no row has a parent in {parent}",
                f"Compare {child.foreign} of {name} with {key} of {parent}",
            )
        tree = placed[parent].tree[at[sorting]]
        placed[name] = _Placed(reordered(rows, sorting), tree, sorting, child.foreign)
        links.append(Link(name, parent, child.foreign, key))
    count = len(placed[first].rows)
    starts = {
        name: np.concatenate([[0], np.cumsum(np.bincount(p.tree, minlength=count))])
        for name, p in placed.items()
    }
    ordered = {name: p.rows for name, p in placed.items()}
    return Related(Trees(Structure(tuple(links)), ordered, starts), issues)


def _parent(
    name: str, child: Child, rows: Rows, placed: Mapping[str, _Placed], tables: Mapping[str, Rows]
) -> tuple[str, str]:
    """The parent of a table and its key, whose values are then known to be distinct.

    Raises:
        GankitError: no table before it has such a column, several do, or values repeat.
    """
    key, among = child.references or child.foreign, list(placed)
    if table := next((n for n in placed if key.startswith(f"{n}.")), ""):
        key, among = key.removeprefix(f"{table}."), [table]
    having = [n for n in among if key in placed[n].rows.table.column_names]
    if not having:
        raise _no_parent(name, child, key, among, tables)
    own = [n for n in having if placed[n].foreign != key] or having
    problems = {n: _check_key(n, key, placed[n], name, child.foreign, rows) for n in own}
    fitting = [n for n, error in problems.items() if error is None]
    if len(fitting) > 1:
        raise GankitError(
            f"{name} may belong to {' or '.join(fitting)}: each has distinct values in {key}",
            f"Name its parent: {child.foreign}={fitting[0]}.{key}",
        )
    if not fitting:
        raise next(error for error in problems.values() if error is not None)
    return fitting[0], key


def _no_parent(
    name: str, child: Child, key: str, among: Sequence[str], tables: Mapping[str, Rows]
) -> GankitError:
    """Why no table before one has its parent's key."""
    columns = {n: rows.table.column_names for n, rows in tables.items()}
    later = [*tables][[*tables].index(name) + 1 :]
    table, dot, column = key.rpartition(".")
    if dot and table == name:
        return GankitError(
            f"{name}: a table that refers to itself is not supported",
            "Leave that child out; its column is then learned like any other",
        )
    if dot and table in later:
        key, among, later = column, [table], [table]
    elif dot and not any(key in own for own in columns.values()):
        others = [n for n in tables if n != name]
        return GankitError(f"{name}: there is no table {table}", did_you_mean(table, others))
    for one in later:
        if key in columns[one]:
            what = f"{name} belongs to no table before it by {key}"
            return GankitError(what, f"{one}, given later, has {key}: give it first")
    near = did_you_mean(key, [c for n in among for c in columns[n]])
    return GankitError(
        f"{name} belongs to no table by {key}: {' or '.join(among)} has no such column",
        f"{near}{'' if near.endswith('?') else '.'} Where the parent's key has another name, give "
        f"both: {child.foreign}=NAME",
    )


def _check_key(
    name: str, key: str, table: _Placed, child: str, foreign: str, rows: Rows
) -> GankitError | None:
    """Why a column is no key of a child's parent; None if it is one, whose values are then kept."""
    if key in table.keys:
        return None
    what = f"{name}: {key}"
    try:
        values = key_values(table.rows, key, what)
        refuse_missing(values, what)
    except GankitError as error:
        return error
    coded = pc.dictionary_encode(values)
    if len(coded.dictionary) < len(values):
        codes = coded.indices.to_numpy()
        seen = np.zeros(len(coded.dictionary), np.int64) - 1
        _, first = np.unique(codes, return_index=True)
        seen[codes[first]] = first
        repeats = np.flatnonzero(seen[codes] != np.arange(len(codes)))
        row = int(repeats[np.argmin(table.numbers[repeats])])
        n = len(values) - len(coded.dictionary)
        again = "1 row repeats" if n == 1 else f"{n:,} rows repeat"
        theirs = key_values(rows, foreign, f"{child}: {foreign}")
        hint = "Remove duplicate rows, or name a column that has a value of its own in each row"
        if pc.count_distinct(theirs, mode="all").as_py() == len(theirs):
            hint = (
                f"{child} has distinct values in {foreign}: it may be the parent, and {name} its "
            )
            hint += "child. Otherwise remove duplicate rows"
        elif n > MANY * len(values):
            hint = "Both tables repeat them: tables that refer to many rows of each other are not "
            hint += "supported. Give a table between them as first one, or join them into one"
        return GankitError(
            f"{what} is no key: {again} the value of another, such as row "
            f"{int(table.numbers[row]) + 1:,} with {values[row].as_py()!r}",
            hint,
        )
    table.keys[key] = values
    return None


def _kind(t: pa.DataType) -> str:
    return "integers" if pa.types.is_integer(t) else "texts"


@dataclass(frozen=True)
class _Orphans:
    """Rows whose parent is not there."""

    table: str
    foreign: str
    parent: str
    key: str
    values: pa.Array
    flags: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def error(self) -> GankitError:
        n, row = int(self.flags.sum()), int(self.flags.argmax())
        value = self.values[row].as_py()
        rows = "1 row has" if n == 1 else f"{n:,} rows have"
        shown = "no value" if value is None else f"the value {value!r}"
        lacks = "" if value is None else f", and {self.parent} has no such {self.key}"
        return GankitError(
            f"{self.table}: {rows} no parent: row {row + 1:,} has {shown} in {self.foreign}{lacks}",
            "Correct or remove such rows, or leave them out with orphans=drop",
        )

    def issues(self) -> list[Issue]:
        reason = f"left out: {self.parent} has no row with its {self.foreign}"
        rows = np.flatnonzero(self.flags).tolist()
        return [Issue(f"{self.table}, row {row + 1}", reason) for row in rows]
