"""Numbers as integer multiples of their column's step, so that they add up and compare exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.rules import nanoseconds, quantity
from gankit_tabular.codec.queries import ColumnQuery
from gankit_tabular.data.arrow import (
    Flags,
    Ints,
    numbers,
    plain,
    temporal_integers,
    type_from_text,
)
from gankit_tabular.formats.columns import load_format

Values = dict[str, list[Any]]
"""Columns of a few rows, as :func:`plain_values` gives them."""

EXACT = {"halffloat": 2**10, "float": 2**22}
"""Integers that a type prints exactly, with room for sums; MOST for other types."""
MOST = 2**49
YEARS = -8_000_000_000, 8_500_000_000
"""Dates and times lie between these seconds from 1970, in the years 1716 to 2239."""


def value_type(column: Column) -> pa.DataType:
    """The type of a column's values, as its format reads them."""
    return load_format(column.format).type if column.format else type_from_text(column.type)


def is_temporal(column: Column) -> bool:
    return bool(pa.types.is_temporal(value_type(column)))


def step(column: Column) -> float:
    """The size of a step of the grid; of dates and times in nanoseconds."""
    if is_temporal(column):
        return float(nanoseconds(value_type(column)))
    return float(10.0**-column.decimals)


def plain_values(column: Column, values: pa.ChunkedArray) -> list[Any]:
    """Values as the codec handles them: numbers as floats, dates and times as integers in their
    unit, None for missing values.
    """
    values = plain(values)
    if pa.types.is_temporal(values.type):
        integers, present = temporal_integers(values)
        return [v if p else None for v, p in zip(integers.tolist(), present.tolist(), strict=True)]
    if column.kind == "number":
        return [v if math.isfinite(v) else None for v in numbers(values).tolist()]
    return list(values.to_pylist())


def to_grid(column: Column, values: Sequence[Any]) -> tuple[Ints, Flags]:
    """Steps, 0 for missing values; and which values are present."""
    present = np.array([v is not None for v in values], bool)
    if is_temporal(column):
        integers = [0 if v is None else int(v) for v in values]
        return np.array(integers, np.int64), present
    floats = np.array([0.0 if v is None else v for v in values], np.float64)
    return np.rint(floats * 10.0**column.decimals).astype(np.int64), present


def from_grid(column: Column, x: Ints, present: Flags) -> list[Any]:
    """Values from steps; with decimals, the floats nearest to the printed numbers."""
    scale = grid_scale(column)
    return [
        (v if scale == 1 else v / scale) if p else None
        for v, p in zip(x.tolist(), present.tolist(), strict=True)
    ]


def data_range(column: Column) -> tuple[int, int]:
    """The least and the greatest value of the data, in steps."""
    if not column.atoms and not column.bins:
        return 0, 0
    scale = grid_scale(column)
    low, high = column.range
    return scaled(low, scale), scaled(high, scale)


def query_range(column: Column, query: ColumnQuery | None) -> tuple[int, int]:
    """The part of the data's range that matches a query, in steps; empty if the first end is
    greater.
    """
    low, high = data_range(column)
    if query is None or query.span is None:
        return low, high
    scale = grid_scale(column)
    # 0.3 * 10 is slightly more than 3.
    exact = max(abs(low), abs(high)) < 2**53
    slack = min(1e-9 * max(1, abs(low), abs(high)), 0.25) if scale > 1 and exact else 0.0
    first, last = (end * scale if math.isfinite(end) else end for end in query.span)
    low = max(low, math.ceil(first - slack)) if math.isfinite(first) else low
    high = min(high, math.floor(last + slack)) if math.isfinite(last) else high
    return low, high


def type_range(column: Column) -> tuple[int, int]:
    """The range of a column's type and of its data, in steps."""
    t = value_type(column)
    least, most = -MOST, MOST
    if pa.types.is_temporal(t):
        least, most = (second * 10**9 // nanoseconds(t) for second in YEARS)
        if quantity(t) == "time of day":
            least, most = 0, 86_400 * 10**9 // nanoseconds(t) - 1
    elif pa.types.is_integer(t):
        info = np.iinfo(t.to_pandas_dtype())
        least, most = max(least, int(info.min)), min(most, int(info.max))
    low, high = data_range(column)
    return min(least, low), max(most, high)


def grid_scale(column: Column) -> int:
    """Steps of the grid in a unit."""
    return 1 if is_temporal(column) else 10**column.decimals


def scaled(value: float, scale: int) -> int:
    """A number in steps."""
    try:
        return round(value * scale)
    except OverflowError:
        return round(Fraction(value) * scale)
