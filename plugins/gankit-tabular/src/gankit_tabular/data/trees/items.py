"""Trees of rows: one row of a first table, with the rows of other tables that belong to it.

A sequence, an entity's rows in their order, is a tree of one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows


@dataclass(frozen=True)
class Link:
    """A table, and how its rows belong to those of its parent."""

    table: str
    """Its name, as in names of files."""
    parent: str = ""
    """The name of its parent; empty for the first table."""
    foreign: str = ""
    """Its column with the parent's key; in a sequence, the column that names the entity."""
    references: str = ""
    """The parent's column that is meant."""


@dataclass(frozen=True)
class Structure:
    """Which tables belong together, and in which order their rows are."""

    links: tuple[Link, ...]
    """The first table, then the others, each after its parent."""
    entity: str = ""
    """Of a sequence: the column that names whose row it is. Empty for several tables."""
    order: str = ""
    """Of a sequence: the column that an entity's rows are sorted by; empty for that of the file."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(link.table for link in self.links)

    @property
    def is_sequence(self) -> bool:
        return bool(self.entity)

    def children(self, table: str) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.parent == table)


class Tree(Mapping[str, pa.Table]):
    """The rows of one tree by table, keys included: siblings follow each other, in their order.

    Rows of a table are grouped by their parents, in the parents' order.
    """

    __slots__ = ("index", "trees")

    def __init__(self, trees: Trees, index: int) -> None:
        self.trees, self.index = trees, index

    @property
    def structure(self) -> Structure:
        return self.trees.structure

    def __getitem__(self, name: str) -> pa.Table:
        start, stop = self.trees.starts[name][self.index : self.index + 2]
        return self.trees.tables[name].block(int(start), int(stop - start))

    def __iter__(self) -> Iterator[str]:
        return iter(self.structure.names)

    def __len__(self) -> int:
        return len(self.structure.links)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree):
            return NotImplemented
        return self.structure == other.structure and all(self[n].equals(other[n]) for n in self)

    __hash__ = None  # type: ignore[assignment]


class Trees(Sequence[Tree]):
    """Many trees, table by table.

    Args:
        tables: the rows of all trees, by table: those of a tree follow each other.
        starts: for each table the first row of each tree, and the number of rows, (trees + 1,).
    """

    def __init__(
        self, structure: Structure, tables: Mapping[str, Rows], starts: Mapping[str, Ints]
    ) -> None:
        self.structure, self.tables, self.starts = structure, dict(tables), dict(starts)

    def __len__(self) -> int:
        return len(self.starts[self.structure.names[0]]) - 1

    @overload
    def __getitem__(self, i: int) -> Tree: ...
    @overload
    def __getitem__(self, i: slice) -> Trees: ...
    def __getitem__(self, i: int | slice) -> Tree | Trees:
        if isinstance(i, slice):
            return self.__getitems__(np.arange(*i.indices(len(self))))
        if not 0 <= i < len(self):
            raise IndexError(i)
        return Tree(self, i)

    def __getitems__(self, indices: Iterable[int]) -> Trees:
        """The trees with these indices, in memory."""
        index = np.asarray(indices, np.int64)
        tables, starts = {}, {}
        for name, rows in self.tables.items():
            first, counts = self.starts[name][index], self.counts(name)[index]
            ends = np.cumsum(counts)
            within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
            tables[name] = rows.__getitems__(np.repeat(first, counts) + within)
            starts[name] = np.concatenate([[0], ends]).astype(np.int64)
        return Trees(self.structure, tables, starts)

    def counts(self, table: str) -> Ints:
        """The rows of each tree in a table, (trees,)."""
        return np.diff(self.starts[table])


def as_trees(items: Sequence[Tree]) -> Trees:
    """Trees, from wherever they are, together: those of one data set in one step."""
    if isinstance(items, Trees):
        return items
    assert items, "no trees"
    groups: list[tuple[Trees, list[int]]] = []
    for item in items:
        if not groups or groups[-1][0] is not item.trees:
            groups.append((item.trees, []))
        groups[-1][1].append(item.index)
    parts = [trees.__getitems__(index) for trees, index in groups]
    if len(parts) == 1:
        return parts[0]
    tables, starts = {}, {}
    for name in parts[0].structure.names:
        tables[name] = Rows(pa.concat_tables(p.tables[name].table for p in parts).combine_chunks())
        counts = np.concatenate([p.counts(name) for p in parts])
        starts[name] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Trees(parts[0].structure, tables, starts)
