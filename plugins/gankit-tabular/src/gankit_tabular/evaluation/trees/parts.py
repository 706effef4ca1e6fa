"""Trees of rows as they are scored: typed columns by table, and to which row each row belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import EvaluationData
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.data.trees.constants import constant_columns
from gankit_tabular.data.trees.items import Link, Structure, Tree, Trees, as_trees
from gankit_tabular.evaluation.scored import ScoredColumns
from gankit_tabular.evaluation.vectors import is_number, values

MOST_TREES, MOST_ROWS = 4_000, 40_000
"""Trees of each kind, and about how many of their rows, that scores are computed from."""


@dataclass(frozen=True)
class Part:
    """The rows of a table.

    Of a sequence there are two: the entities with their constants, and their rows.
    """

    name: str
    parent: int
    """The parent's place among the parts; -1 for the first."""
    table: pa.Table
    """Scored columns."""
    owner: Ints
    """The tree of each row."""
    above: Ints
    """The parent's row of each row; -1 for one whose parent does not exist, and in the first."""

    def __len__(self) -> int:
        return len(self.owner)

    def full(self, column: str) -> str:
        """A column's name after the table's, which may end in a dot itself."""
        return f"{self.name.removesuffix('.')}.{column}"


@dataclass(frozen=True)
class Compared:
    """Trees that are compared, table by table."""

    columns: TreeColumns
    train: Sequence[Part]
    heldout: Sequence[Part]
    generated: Sequence[Part]


class TreeColumns:
    """Which columns of which tables are compared.

    Keys are left out. Of a sequence, columns that are the same in all rows of every entity belong
    to the entity; the order is there as it is and as the difference to the row before.

    Args:
        train: the training trees, or some.
        kinds: of columns, that the user has set.
    """

    def __init__(self, train: Trees, kinds: Mapping[str, str] | None = None) -> None:
        self.structure = train.structure
        self.step = f"{self.structure.order} (difference)" if self.structure.order else ""
        own = constants(train) if self.structure.is_sequence else ()
        self.names, self.parents = list[str](), list[int]()
        self._tables, self._columns = list[str](), list[ScoredColumns]()
        self._kept: list[tuple[str, ...]] = []
        self.last = train.tables[self.structure.names[0]].table.column_names
        """Columns of the first table, or of a sequence, the last of which is the target."""
        for link in self.structure.links:
            table = train.tables[link.table].table
            keys = self._keys(link)
            rest = tuple(n for n in table.column_names if n not in {*keys, *own})
            if self.structure.is_sequence:
                self._add(self.structure.entity, -1, link, table, own, kinds)
            self._add(link.table, self._parent(link), link, table, rest, kinds)

    def _parent(self, link: Link) -> int:
        if self.structure.is_sequence:
            return 0
        return self.names.index(link.parent) if link.parent else -1

    def _keys(self, link: Link) -> set[str]:
        if self.structure.is_sequence:
            return {self.structure.entity}
        children = self.structure.children(link.table)
        return {link.foreign} | {child.references for child in children}

    def _add(
        self,
        name: str,
        parent: int,
        link: Link,
        table: pa.Table,
        kept: tuple[str, ...],
        kinds: Mapping[str, str] | None,
    ) -> None:
        self.names.append(name)
        self.parents.append(parent)
        self._tables.append(link.table)
        self._kept.append(kept)
        self._columns.append(ScoredColumns.of(table.select(kept), None, kinds))

    def parts(self, trees: Trees) -> list[Part]:
        """The tables of trees.

        Raises:
            GankitError: they lack a table or a column.
        """
        found = list[Part]()
        firsts = {n: trees.starts[n][:-1][trees.counts(n) > 0] for n in trees.structure.names}
        for i, name in enumerate(self.names):
            rows = trees.tables[self._tables[i]].table
            self._check(rows, i)
            of = np.repeat(np.arange(len(trees)), trees.counts(self._tables[i]))
            if self.structure.is_sequence and i == 0:
                start = firsts[self._tables[0]]
                typed = self._typed(i, rows.take(pa.array(start)), len(start))
                found.append(Part(name, -1, typed, of[start], np.full(len(start), -1)))
                continue
            typed = self._typed(i, rows, len(of))
            if self.structure.is_sequence:
                above = np.unique(of, return_inverse=True)[1]
                if self.step and self.structure.order in typed.column_names:
                    at = values(typed, self.structure.order)
                    if at.dtype.kind == "f":
                        step = pa.array(_differences(at, of), from_pandas=True)
                        typed = typed.append_column(self.step, step)
            else:
                above = parent_rows(trees, self.structure.links[i])
            found.append(Part(name, self.parents[i], typed, of, above))
        return found

    def _typed(self, i: int, rows: pa.Table, n: int) -> pa.Table:
        columns = self._columns[i]
        if not columns.names:  # Arrow has no rows without columns
            return pa.table({"": pa.nulls(n)}).select([])
        return columns.table(rows)

    def _check(self, rows: pa.Table, i: int) -> None:
        lacking = [n for n in self._kept[i] if n not in rows.column_names]
        if lacking:
            raise GankitError(
                f"the generated rows of {self._tables[i]} have no column {lacking[0]!r}, which the "
                "real data has",
                did_you_mean(lacking[0], [n for n in rows.column_names if n not in self._kept[i]]),
            )


def constants(trees: Trees) -> tuple[str, ...]:
    """The columns of a sequence that are the same in all rows of every entity, but for the one that
    names it and the order."""
    structure = trees.structure
    (name,) = structure.names
    rows = trees.tables[name]
    keys = (structure.entity, structure.order)
    names = [n for n in rows.table.column_names if n not in keys]
    return constant_columns(rows, trees.starts[name], names)


def codes_of(values: pa.ChunkedArray) -> Ints:
    """A number for each different value; -1 for missing ones."""
    coded = pc.dictionary_encode(values.combine_chunks())
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False), np.int64)


def parent_rows(trees: Trees, link: Link) -> Ints:
    """The parent's row of each row of a table, by its key and within its tree; -1 for none."""
    child = trees.tables[link.table].table
    of = np.repeat(np.arange(len(trees)), trees.counts(link.table))
    if not link.parent:
        return np.full(len(of), -1)
    parent = trees.tables[link.parent].table
    parents_of = np.repeat(np.arange(len(trees)), trees.counts(link.parent))
    known, wanted = parent.column(link.references), child.column(link.foreign)
    if known.type != wanted.type:
        known, wanted = known.cast(pa.string()), wanted.cast(pa.string())
    distinct = pc.unique(known.combine_chunks())
    size = len(distinct) + 1
    places = [pc.fill_null(pc.index_in(k.combine_chunks(), value_set=distinct), size - 1)
              for k in (known, wanted)]  # fmt: skip
    have, want = (np.asarray(p.to_numpy(zero_copy_only=False), np.int64) for p in places)
    have, lost = have + parents_of * size, want == size - 1
    want = want + of * size
    order = np.argsort(have, kind="stable")
    at = np.searchsorted(have[order], want).clip(0, max(len(have) - 1, 0))
    if not len(have):
        return np.full(len(of), -1)
    row = order[at]
    return np.where((have[row] == want) & ~lost, row, -1)


def _differences(at: Floats, of: Ints) -> Floats:
    """To the row before; NaN for the first of an entity."""
    found = np.diff(at, prepend=np.nan)
    found[np.flatnonzero(np.diff(of, prepend=-1))] = np.nan
    return found


def some_trees(items: Sequence[Tree], rng: np.random.Generator) -> Trees:
    """At most ``MOST_TREES`` random ones, fewer where they have many rows, in their order."""
    n = min(len(items), MOST_TREES)
    chosen = np.sort(rng.choice(len(items), n, replace=False))
    trees = as_trees(take(items, chosen))
    rows = max(len(t) for t in trees.tables.values())
    if rows > MOST_ROWS:
        fewer = max(n * MOST_ROWS // rows, min(n, 20))
        trees = trees.__getitems__(np.sort(rng.choice(n, fewer, replace=False)))
    return trees


def compared(
    data: EvaluationData[Tree], rng: np.random.Generator, kinds: Mapping[str, str]
) -> Compared:
    """Some trees of each kind, as they are scored: as many held-out as generated ones, since the
    fewer they are, the less similar is the distribution of their values.

    Raises:
        GankitError: the generated ones lack a table or a column.
    """
    train, heldout = (some_trees(items, rng) for items in (data.train, data.heldout))
    made = generated_trees(data, train.structure, rng)
    n = min(len(heldout), len(made))
    heldout, made = (
        t.__getitems__(np.sort(rng.choice(len(t), n, replace=False))) for t in (heldout, made)
    )
    columns = TreeColumns(train, kinds)
    return Compared(columns, *(columns.parts(trees) for trees in (train, heldout, made)))


def generated_trees(
    data: EvaluationData[Tree], structure: Structure, rng: np.random.Generator
) -> Trees:
    """Some generated trees.

    Raises:
        GankitError: they lack a table.
    """
    made = some_trees([sample.item for sample in data.generated], rng)
    for name in structure.names:
        if name not in made.tables:
            raise GankitError(
                f"the generated data has no table {name!r}", did_you_mean(name, list(made.tables))
            )
    return made


def number_columns(part: Part) -> list[str]:
    """The columns that are numbers, dates or times."""
    return [name for name in part.table.column_names if is_number(part.table, name)]


def following(part: Part, lag: int = 1) -> tuple[Ints, Ints]:
    """Rows, and those of the same parent that come ``lag`` rows later."""
    n = len(part)
    early = np.arange(max(n - lag, 0))
    late = early + lag
    same = (part.above[early] == part.above[late]) & (part.above[early] >= 0)
    return early[same], late[same]


def joined(parts: Sequence[Part], i: int) -> pa.Table:
    """A table with its parent's columns, each named by table and column; without rows whose parent
    does not exist."""
    part, parent = parts[i], parts[parts[i].parent]
    rows = np.flatnonzero(part.above >= 0)
    columns = dict[str, pa.ChunkedArray]()
    for one, index in ((parent, part.above[rows]), (part, rows)):
        taken = one.table.take(pa.array(index))
        columns |= {one.full(n): taken.column(n) for n in one.table.column_names}
    return pa.table(columns)
