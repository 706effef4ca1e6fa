"""What was inferred about each column, for a person to check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.value_types import is_temporal, value_type
from gankit_tabular.data.arrow import temporal_text
from gankit_tabular.formats.columns import load_format

SHOWN = 4
"""Categories that are listed."""


def describe_columns(columns: Sequence[Column]) -> list[dict[str, str]]:
    """For each column its name, kind, share of missing values, and range or frequent categories;
    and notes, if there are any.
    """
    noted = any(column.notes for column in columns)
    return [
        {
            "column": column.name,
            "kind": _kind(column),
            "missing": f"{_missing(column):.1%}" if _missing(column) else "-",
            "values": _values(column),
            **({"note": "; ".join(column.notes)} if noted else {}),
        }
        for column in columns
        if not column.hidden
    ]


def _kind(column: Column) -> str:
    kind = str(column.kind)
    if column.kind == "identifier":
        return "identifier (synthesised)"
    if column.kind == "number" and is_temporal(column):
        t = value_type(column)
        kind = "timestamp" if pa.types.is_timestamp(t) else "date or time"
    if column.ordered:
        kind = "ordered category"
    if column.format and column.kind == "number" and not is_temporal(column):
        kind = "number" if column.format[0] == "decimal" else "formatted number"
    if kind == "date or time" and pa.types.is_duration(value_type(column)):
        kind = "duration"
    if column.format and (how := load_format(column.format).describe()):
        kind = f"{kind}, {how}"
    if not column.atoms and not column.bins:
        return "missing values only"
    if column.codes == 1:
        return f"{kind}, constant"
    if column.joint:
        return f"{kind}, in combinations"
    if column.computed:
        return f"{kind}, computed by constraints"
    return f"{kind}, determined by {column.derived_from}" if column.derived_from else kind


def _missing(column: Column) -> float:
    return column.frequency[-1] if column.missing and column.kind != "identifier" else 0.0


def _values(column: Column) -> str:
    if column.kind == "identifier":
        return ", ".join(f"like {p}" for p in column.patterns[:SHOWN])
    if not column.atoms and not column.bins:
        return ""
    if column.kind == "number":
        low, high = (shown_value(column, end) for end in column.range)
        return low if low == high else f"{low} to {high}"
    sign = " < " if column.ordered else ", "
    more = len(column.values) - SHOWN
    some = sign.join(shown_value(column, atom) for atom in column.atoms[:SHOWN])
    return f"{some} and {more:,} more" if more > 0 else some


def shown_value(column: Column, value: Any) -> str:
    """A value as the column writes it."""
    if column.format:
        return load_format(column.format).write(value, column.decimals)
    if is_temporal(column):
        return temporal_text(value, value_type(column))
    if column.kind == "number":
        return f"{value:.{column.decimals}f}" if column.decimals < 15 else f"{value:.6g}"
    return str(value)
