"""A sequence as a tree: an entity with what is constant, and its rows with what changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.trees.differences import Differences
from gankit_tabular.codec.trees.forest import Forest, Part
from gankit_tabular.codec.trees.frames import (
    load_schema,
    load_structure,
    schema_state,
    starts_of,
    structure_state,
)
from gankit_tabular.codec.trees.offsets import Offset, find_offsets
from gankit_tabular.codec.trees.walks import Walk, find_walks
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Structure, Trees

ENTITY, ROWS = "entity", "rows"


class Sequences:
    """Frames sequences.

    Args:
        structure: of the trees, of one table.
        schema: of the table.
        constants: columns that are the same in all rows of every entity.
        differences: of the order's values; None where rows are in the file's order.
        walks: numbers that go on from the row before.
        offsets: dates and times that go with the order.
    """

    def __init__(
        self,
        structure: Structure,
        schema: pa.Schema,
        constants: Sequence[str],
        differences: Differences | None,
        walks: Sequence[Walk] = (),
        offsets: Sequence[Offset] = (),
    ) -> None:
        self.structure, self.schema = structure, schema
        self.constants, self.differences = tuple(constants), differences
        self.walks, self.offsets = tuple(walks), tuple(offsets)
        self.parts = [Part(ENTITY, -1, structure.entity), Part(ROWS, 0, "", structure.entity)]
        self.schemas = [schema]

    @classmethod
    def fit(
        cls, trees: Trees, constants: Sequence[str], as_they_are: Collection[str] = ()
    ) -> Sequences:
        """For sequences like these.

        Args:
            as_they_are: columns that are not split into a first value and changes.
        """
        structure = trees.structure
        table = trees.tables[structure.names[0]].table
        order, differences = structure.order, None
        if order:
            values = table.column(order)
            differences = Differences.fit(order, values, table.schema.field(order))
            differences.learn_usual(values, _firsts(trees))
        kept = {structure.entity, order, *constants, *as_they_are}
        free = [n for n in table.column_names if n not in kept]
        offsets = [] if differences is None else find_offsets(trees, differences, free)
        walks = find_walks(trees, free)
        return cls(structure, table.schema, constants, differences, walks, offsets)

    @property
    def notes(self) -> dict[str, str]:
        """What a row has instead of a column's values, by column."""
        found = dict.fromkeys((walk.name for walk in self.walks), "change from the row before")
        if self.differences is not None:
            order = self.differences.name
            found[order] = "change from the row before"
            found |= {offset.name: f"difference from {order}" for offset in self.offsets}
        return found

    def forest(self, trees: Trees) -> Forest:
        """Each sequence as an entity and its rows."""
        name, entity = self.structure.names[0], self.structure.entity
        table, starts = trees.tables[name].table, trees.starts[name]
        begin = table.take(pa.array(starts[:-1]))
        order = [] if self.differences is None else [self.differences.name]
        root = begin.select([n for n in table.column_names if n in (*self.constants, *order)])
        left = [n for n in table.column_names if n not in (*self.constants, *order, entity)]
        rows = table.select(left)
        if self.differences is not None:
            found = self.differences.differ(table.column(order[0]), _firsts(trees))
            rows = rows.append_column(order[0], found)
            at = self.differences.read(table.column(order[0]))
            for offset in self.offsets:
                distances = offset.split(table.column(offset.name), at)
                rows = _replaced(rows, offset.name, distances)
        for walk in self.walks:
            first, changes = walk.split(table.column(walk.name), starts)
            root = root.append_column(walk.first, first)
            rows = _replaced(rows, walk.name, changes)
        parents = np.repeat(np.arange(len(trees)), trees.counts(name))
        keys = begin.column(entity).combine_chunks()
        return Forest(self.parts, [root, rows], [np.full(len(trees), -1), parents], [keys, None])

    def trees(self, forest: Forest) -> Trees:
        """The inverse of :meth:`forest`."""
        (root, rows), parents = forest.tables, forest.parents[1]
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        of = pa.array(parents)
        walks = {walk.name: walk for walk in self.walks}
        for name in self.schema.names:
            if name == self.structure.entity:
                key = forest.keys[0]
                assert key is not None
                columns[name] = key.take(of)
            elif self.differences is not None and name == self.differences.name:
                begin = root.column(name).combine_chunks()
                more = rows.column(name).combine_chunks()
                columns[name] = self.differences.add_up(begin, more, parents)
            elif walk := walks.get(name):
                begin = root.column(walk.first).combine_chunks()
                columns[name] = walk.join(begin, rows.column(name).combine_chunks(), parents)
            elif name in self.constants:
                columns[name] = root.column(name).take(of)
            else:
                columns[name] = rows.column(name)
        if self.differences is not None:
            at = self.differences.read(pa.chunked_array([columns[self.differences.name]]))
            for offset in self.offsets:
                distances = rows.column(offset.name).combine_chunks()
                columns[offset.name] = offset.join(distances, at)
        arrays = [columns[f.name].cast(f.type) for f in self.schema]
        table = pa.table(arrays, schema=self.schema).combine_chunks()
        name = self.structure.names[0]
        starts = starts_of(parents, len(forest.parents[0]))
        return Trees(self.structure, {name: Rows(table)}, {name: starts})

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "structure": structure_state(self.structure),
            "schema": schema_state(self.schema),
            "constants": list(self.constants),
            "differences": None if self.differences is None else self.differences.state(),
            "walks": [walk.state() for walk in self.walks],
            "offsets": [offset.state() for offset in self.offsets],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Sequences:
        """The frame that :meth:`state` described."""
        found = state["differences"]
        return cls(
            load_structure(state["structure"]),
            load_schema(state["schema"]),
            state["constants"],
            None if found is None else Differences.load(found),
            [Walk.load(walk) for walk in state["walks"]],
            [Offset.load(offset) for offset in state["offsets"]],
        )


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """A table with other values in a column."""
    return table.set_column(table.column_names.index(name), pa.field(name, values.type), values)


def _firsts(trees: Trees) -> np.ndarray:
    """Flags of the rows that begin a sequence."""
    name = trees.structure.names[0]
    starts: Ints = trees.starts[name]
    found = np.zeros(len(trees.tables[name]), bool)
    found[starts[:-1]] = True
    return found
