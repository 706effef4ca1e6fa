"""The downstream model of entities and trees, and their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from gankit.contract import DownstreamModel
from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Tree, Trees, as_trees
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.trees.entities import Summaries
from gankit_tabular.evaluation.trees.parts import TreeColumns, constants, some_trees


class EntityBoosting(DownstreamModel[Tree]):
    """:class:`gankit_tabular.evaluation.downstream.Boosting` on summaries of whole entities: it
    predicts a constant of an entity, or a column of the first table.

    Args:
        kinds: of columns, that the user has set.
    """

    mitigations = Boosting.mitigations

    def __init__(self, kinds: Mapping[str, str] | None = None) -> None:
        self._kinds = kinds or {}
        self._columns: TreeColumns | None = None
        self._rows = Boosting(self._kinds)

    def scores(
        self, train: Sequence[Tree], test: Sequence[Tree], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        if self._columns is None:  # those of the first training set, for all that are compared
            trees = some_trees(train, np.random.default_rng(0))
            self._columns = TreeColumns(trees, self._kinds)
            self._summaries = Summaries(self._columns.parts(trees))
        both = [Rows(self._table(items)) for items in (train, test)]
        names = both[0].table.column_names
        if key not in names:
            raise GankitError(
                f"{key} is no column that one model can predict for a whole entity",
                did_you_mean(key, [n for n in names if ": " not in n]),
            )
        return self._rows.scores(both[0], both[1], key, mitigation, seed)

    def _table(self, items: Sequence[Tree]) -> pa.Table:
        assert self._columns is not None
        return self._summaries.table(self._columns.parts(as_trees(items)), len(items))


_heads: WeakKeyDictionary[Trees, Rows] = WeakKeyDictionary()


def tree_attributes(item: Tree) -> Mapping[str, object]:
    """An entity's constants, or the first table's row, by column.

    Constants are those of all entities that the item was read or generated with.
    """
    trees, name = item.trees, item.structure.names[0]
    if trees not in _heads:
        heads = trees.tables[name].__getitems__(trees.starts[name][:-1])
        if item.structure.is_sequence:
            heads = Rows(heads.table.select(constants(trees)))
        _heads[trees] = heads
    return _heads[trees][item.index]
