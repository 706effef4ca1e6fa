"""Ordered categories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column

Ordinals = Mapping[str, Sequence[str]]
"""The order of a column's values, least first; empty for natural sort order."""


def natural(text: str) -> list[tuple[bool, float, str]]:
    """A key for natural sort order, numbers by size: ``1st-4th`` before ``10th``."""
    parts = re.findall(r"\d+|\D+", text)
    return [(not p.isdecimal(), float(p) if p.isdecimal() else 0.0, p) for p in parts]


def check_ordinals(ordinals: Ordinals, table: pa.Table) -> None:
    """Checks that the order of every ordered column contains all its values.

    Raises:
        GankitError: it lacks one; the message names the value and its row.
    """
    for name, order in ordinals.items():
        if len(set(order)) < len(order):
            twice = next(v for v in order if list(order).count(v) > 1)
            raise GankitError(f"ordinals.{name} has {twice!r} twice", "Name each value once")
        if not order:
            continue
        before = 0
        for chunk in table.column(name).chunks:  # one at a time, for tables larger than memory
            values = pc.cast(chunk, pa.string())
            known = pc.is_in(values, value_set=pa.array(order, pa.string()))
            unknown = pc.and_(pc.is_valid(values), pc.invert(known))
            row = pc.index(unknown, True).as_py()
            if row >= 0:
                raise GankitError(
                    f"ordinals.{name} lacks {values[row].as_py()!r}, the value in row "
                    f"{before + row + 1}",
                    "Add it at its place in the order",
                )
            before += len(chunk)


def apply_order(column: Column, order: Sequence[str]) -> None:
    """Orders a category's codes, each value with a code of its own."""
    named = {str(value): value for value in column.values}
    is_text = all(isinstance(value, str) for value in named.values())
    atoms = [named.get(v, v) for v in order if v in named or is_text]
    column.atoms = atoms or sorted(column.values, key=lambda v: natural(str(v)))
    column.ordered, column.groups, column.cells = True, [], 0
