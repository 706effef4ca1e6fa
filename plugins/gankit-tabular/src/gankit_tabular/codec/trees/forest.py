"""Many trees as the codec has them: tables without keys, and which row is whose parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Ints


@dataclass(frozen=True)
class Part:
    """One of the tables that a tree's rows are in."""

    name: str
    parent: int = -1
    """The index of its parent's; -1 for that of the roots."""
    key: str = ""
    """Its column that children refer to, or that names the entity; empty for none."""
    foreign: str = ""
    """Its column with the parent's key."""


@dataclass
class Forest:
    """The rows of many trees by part. A tree's root has the tree's number."""

    parts: Sequence[Part]
    tables: list[pa.Table]
    """The modelled columns of each part."""
    parents: list[Ints]
    """For each row the number of its parent in the parent's table; of roots -1."""
    keys: list[pa.Array | None] = field(default_factory=list)
    """Of each row, where a part has keys."""

    def trees(self) -> list[Ints]:
        """For each part the tree of each row."""
        found: list[Ints] = []
        for part, parents in zip(self.parts, self.parents, strict=True):
            mine = np.arange(len(parents)) if part.parent < 0 else found[part.parent][parents]
            found.append(mine)
        return found

    def places(self) -> list[Ints]:
        """For each part the place of each row in its tree, depth first: a row, then for each table
        of its children these with all that follows from them.
        """
        sizes = [np.ones(len(parents), np.int64) for parents in self.parents]
        for p in reversed(range(1, len(self.parts))):
            of = self.parts[p].parent
            sizes[of] += _sums(self.parents[p], sizes[p], len(sizes[of]))
        places = [np.zeros(len(sizes[0]), np.int64)]
        free = [np.ones(len(size), np.int64) for size in sizes]
        """Of each row, the steps from it to the next child's."""
        for p in range(1, len(self.parts)):
            of, parents = self.parts[p].parent, self.parents[p]
            order = np.argsort(parents, kind="stable")
            before = np.cumsum(sizes[p][order]) - sizes[p][order]
            first = np.searchsorted(parents[order], parents[order])
            mine = np.empty(len(parents), np.int64)
            mine[order] = before - (before[first] if len(first) else 0)
            places.append(places[of][parents] + free[of][parents] + mine)
            free[of] += _sums(parents, sizes[p], len(sizes[of]))
        return places

    def follows(self) -> list[list[int]]:
        """How often a row of each part, or the end, comes next to a row of each part, depth first,
        (parts, parts + 1).
        """
        end = len(self.parts)
        tree, place = np.concatenate(self.trees()), np.concatenate(self.places())
        part = np.repeat(np.arange(end), [len(parents) for parents in self.parents])
        order = np.lexsort((place, tree))
        tree, part = tree[order], part[order]
        last = np.append(tree[1:] != tree[:-1], True)
        after = np.where(last, end, np.append(part[1:], end))
        counts = np.zeros((end, end + 1), np.int64)
        np.add.at(counts, (part, after), 1)
        found: list[list[int]] = counts.tolist()
        return found


def _sums(parents: Ints, sizes: Ints, n: int) -> Ints:
    return np.bincount(parents, weights=sizes, minlength=n).astype(np.int64)
