"""Another data set of trees in the form of the training data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit.contract import Conformed
from gankit.errors import GankitError
from gankit_tabular.codec.conformity import check_values, conform_table
from gankit_tabular.codec.trees.coded_part import CodedPart
from gankit_tabular.codec.trees.frames import Tables
from gankit_tabular.codec.trees.sequences import Sequences
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.constants import changing_rows
from gankit_tabular.data.trees.items import Tree, Trees
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import load_format, read_columns


def conform_trees(
    frame: Tables | Sequences, parts: Sequence[CodedPart], trees: Trees, strict: bool
) -> Conformed[Tree]:
    """Trees with the training data's tables, columns and types.

    Raises:
        GankitError: a table or a column is missing, a value is of another kind, or a column that
            is constant within entities changes.
    """
    if isinstance(frame, Sequences):
        trees = _renamed(frame, trees)
    if trees.structure != frame.structure:
        given, wanted = ", ".join(trees.structure.names), ", ".join(frame.structure.names)
        raise GankitError(
            f"the data has {given}, and the training data {wanted}, related in another way",
            "Give the same tables, with the same keys",
        )
    tables, warnings = {}, list[str]()
    for name, schema in zip(frame.structure.names, frame.schemas, strict=True):
        formats = _formats(frame, [p for p in parts if p.part.name == name] or parts)
        table, said = conform_table(trees.tables[name].table, schema, strict, formats=formats)
        if len(frame.structure.names) > 1:
            said = [f"{name}: {text}" for text in said]
        warnings += said
        tables[name] = Rows(table, trees.tables[name].spool)
    found = Trees(trees.structure, tables, trees.starts)
    if isinstance(frame, Sequences):
        _check_constants(frame, found)
    forest = frame.forest(found)
    for part, own in zip(parts, forest.tables, strict=True):
        if part.codec is not None:
            typed = read_columns(own, part.codec.formats)
            warnings += check_values(part.codec.columns, own, typed)
    return Conformed(found, warnings)


def _formats(frame: Tables | Sequences, parts: Sequence[CodedPart]) -> dict[str, Format]:
    """How the cells of a table are written, by column."""
    found: dict[str, Format] = {}
    for part in parts:
        found |= {} if part.codec is None else part.codec.formats
    if isinstance(frame, Sequences) and frame.differences and frame.differences.format:
        found[frame.differences.name] = load_format(frame.differences.format)
    return found


def _renamed(frame: Sequences, trees: Trees) -> Trees:
    """Sequences under the name of the training data's table, whatever their file is called."""
    own, other = frame.structure, trees.structure
    if (own.entity, own.order) != (other.entity, other.order) or len(other.links) > 1:
        return trees
    (name,), (given,) = own.names, other.names
    return Trees(own, {name: trees.tables[given]}, {name: trees.starts[given]})


def _check_constants(frame: Sequences, trees: Trees) -> None:
    name = frame.structure.names[0]
    rows, starts = trees.tables[name], trees.starts[name]
    for column, changed in changing_rows(rows, starts, frame.constants).items():
        if not changed:
            continue
        row = changed[0]
        entity = int(np.searchsorted(starts, row, side="right"))
        raise GankitError(
            f"{column} changes within {frame.structure.entity}, in row "
            f"{row - starts[entity - 1] + 1:,} of the {entity:,}th; it never does in the training "
            "data",
            "Fix that row, or train again with this data",
        )
