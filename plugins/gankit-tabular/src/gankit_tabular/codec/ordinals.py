"""Categories with an order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column

Ordinals = Mapping[str, Sequence[str]]
"""The order of a column's values, least first; empty for the order in which they sort."""


def natural(text: str) -> list[tuple[bool, float, str]]:
    """A key that sorts numbers within texts by size: ``1st-4th`` before ``10th``."""
    parts = re.findall(r"\d+|\D+", text)
    return [(not p.isdecimal(), float(p) if p.isdecimal() else 0.0, p) for p in parts]


def check(ordinals: Ordinals, table: pa.Table) -> None:
    """All values of ordered columns have their place.

    Raises:
        GankitError: one has not; it names value and row.
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
            strange = pc.and_(pc.is_valid(values), pc.invert(known))
            row = pc.index(strange, True).as_py()
            if row >= 0:
                raise GankitError(
                    f"ordinals.{name} has no place for {values[row].as_py()!r}, "
                    f"which row {before + row + 1} has",
                    "Add it where it belongs",
                )
            before += len(chunk)


def put_in_order(column: Column, order: Sequence[str]) -> None:
    """Gives a category's codes an order: rank by rank, and none shared."""
    known = [*column.atoms, *(value for group in column.groups for value, _ in group)]
    named = {str(value): value for value in known}
    column.ordered, column.groups = True, []
    is_text = all(isinstance(value, str) for value in known)
    column.atoms = [named.get(v, v) for v in order if v in named or is_text] or sorted(
        known, key=lambda v: natural(str(v))
    )
