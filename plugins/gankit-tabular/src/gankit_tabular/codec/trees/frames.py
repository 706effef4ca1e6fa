"""Between trees as a user has them, with keys, and the codec's forests without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.codec.trees.forest import Forest, Part
from gankit_tabular.data.arrow import Ints, type_from_text
from gankit_tabular.data.dialect import Dialect, schema_dialect
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees


class Tables:
    """Frames trees of several tables: foreign keys are read and written.

    Args:
        structure: of the trees.
        schemas: of the tables, in the structure's order.
    """

    def __init__(self, structure: Structure, schemas: Sequence[pa.Schema]) -> None:
        self.structure, self.schemas = structure, list(schemas)
        names = structure.names
        keys: dict[str, str] = {}
        for link in structure.links[1:]:
            if keys.setdefault(link.parent, link.references) != link.references:
                raise GankitError(
                    f"{link.table} refers to {link.parent}.{link.references}, and another table to "
                    f"{link.parent}.{keys[link.parent]}",
                    "Let all refer to the same column",
                )
        self.parts = [
            Part(
                link.table,
                names.index(link.parent) if link.parent else -1,
                keys.get(link.table, ""),
                link.foreign if link.parent else "",
            )
            for link in structure.links
        ]

    @classmethod
    def fit(cls, trees: Trees) -> Tables:
        """For trees like these."""
        tables = [trees.tables[name].table for name in trees.structure.names]
        return cls(trees.structure, [table.schema for table in tables])

    def forest(self, trees: Trees) -> Forest:
        tables, parents, keys = [], [], list[pa.Array | None]()
        whole = [trees.tables[part.name].table for part in self.parts]
        for part, table in zip(self.parts, whole, strict=True):
            if part.parent < 0:
                parents.append(np.full(len(table), -1))
            else:
                up = self.parts[part.parent]
                known = whole[part.parent].column(up.key).combine_chunks()
                mine = table.column(part.foreign)
                mine = mine if mine.type == known.type else mine.cast(known.type)
                found = pc.index_in(mine, value_set=known)
                parents.append(found.to_numpy(zero_copy_only=False).astype(np.int64))
            tables.append(table.drop_columns(self.left_out(part, table.column_names)))
            own = part.key and part.key != part.foreign
            keys.append(table.column(part.key).combine_chunks() if own else None)
        return Forest(self.parts, tables, parents, keys)

    @staticmethod
    def left_out(part: Part, names: Sequence[str]) -> list[str]:
        """The part's keys, which are not modelled."""
        return [name for name in dict.fromkeys((part.key, part.foreign)) if name in names and name]

    def trees(self, forest: Forest) -> Trees:
        tables: dict[str, Rows] = {}
        starts: dict[str, Ints] = {}
        whole: list[pa.Table] = []
        of = forest.trees()
        for p, (part, schema) in enumerate(zip(self.parts, self.schemas, strict=True)):
            columns: dict[str, pa.Array | pa.ChunkedArray] = {}
            if part.key and part.key != part.foreign:
                columns[part.key] = forest.keys[p]
            if part.foreign:
                up = whole[part.parent].column(self.parts[part.parent].key)
                columns[part.foreign] = up.take(pa.array(forest.parents[p]))
            columns |= {n: forest.tables[p].column(n) for n in forest.tables[p].column_names}
            arrays = [columns[f.name].cast(f.type) for f in schema]
            whole.append(pa.table(arrays, schema=schema).combine_chunks())
            tables[part.name] = Rows(whole[-1])
            starts[part.name] = starts_of(of[p], len(forest.parents[0]))
        return Trees(self.structure, tables, starts)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "structure": structure_state(self.structure),
            "schemas": [schema_state(schema) for schema in self.schemas],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Tables:
        """The frame that :meth:`state` described."""
        return cls(load_structure(state["structure"]), [load_schema(s) for s in state["schemas"]])


def starts_of(trees: Ints, n: int) -> Ints:
    """The first row of each of n trees, and the number of rows; ``trees`` ascending."""
    return np.searchsorted(trees, np.arange(n + 1)).astype(np.int64)


def structure_state(structure: Structure) -> dict[str, Any]:
    return asdict(structure)


def load_structure(state: Mapping[str, Any]) -> Structure:
    links = tuple(Link(**link) for link in state["links"])
    return Structure(links, state["entity"], state["order"])


def schema_state(schema: pa.Schema) -> dict[str, Any]:
    dialect = schema_dialect(schema.metadata)
    fields = [[field.name, str(field.type)] for field in schema]
    return {"fields": fields, "dialect": None if dialect is None else dialect.state()}


def load_schema(state: Mapping[str, Any]) -> pa.Schema:
    dialect = None if state["dialect"] is None else Dialect.load(state["dialect"])
    fields = [(name, type_from_text(text)) for name, text in state["fields"]]
    return pa.schema(fields, metadata=None if dialect is None else dialect.metadata())
