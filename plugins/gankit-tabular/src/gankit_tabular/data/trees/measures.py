"""How large trees are."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.data.trees.keys import key_values


def beyond(trees: Trees, longest: int) -> int:
    """How many rows are beyond the longest tree that is learned from: of a sequence, an entity's
    later ones; of several tables, those after so many of a tree, depth first."""
    sizes = np.sum([trees.counts(name) for name in trees.structure.names], axis=0)
    return int(np.maximum(sizes - longest, 0).sum())


def children_counts(trees: Trees, table: str) -> Ints:
    """For each row of a table's parent, the number of rows that belong to it."""
    link = next(link for link in trees.structure.links if link.table == table)
    keys = key_values(trees.tables[link.parent], link.references, link.parent)
    own = key_values(trees.tables[table], link.foreign, table)
    at = pc.index_in(own, value_set=keys).to_numpy()
    return np.bincount(at, minlength=len(keys)).astype(np.int64)
