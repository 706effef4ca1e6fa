"""A column's numbers as whole multiples of its step, which add up and compare exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.columns import Column, numbers, plain
from gankit_tabular.codec.constraints.linear import Flags, Ints
from gankit_tabular.codec.constraints.rules import instants, measure, nanoseconds
from gankit_tabular.codec.queries import Wish
from gankit_tabular.data.rows import type_from_text

EXACT = {"halffloat": 2**10, "float": 2**22}
"""Whole numbers that a type prints exactly, with room for sums; MOST for other types."""
MOST = 2**49
YEARS = -8_000_000_000, 8_500_000_000
"""Seconds from 1970 that instants stay within: the years 1716 to 2239."""


def value_type(column: Column) -> pa.DataType:
    """The type of a column's values; a text that holds a number counts as one."""
    return pa.float64() if column.format else type_from_text(column.type)


def is_time(column: Column) -> bool:
    return bool(pa.types.is_temporal(value_type(column)))


def step(column: Column) -> float:
    """What one on the grid is worth; of instants in nanoseconds."""
    if is_time(column):
        return float(nanoseconds(value_type(column)))
    return float(10.0**-column.decimals)


def plain_values(column: Column, values: pa.ChunkedArray) -> list[Any]:
    """Values as the codec has them: numbers as floats, instants as whole numbers in their unit,
    None for what is missing.
    """
    values = plain(values)
    if pa.types.is_temporal(values.type):
        whole, known = instants(values)
        return [v if k else None for v, k in zip(whole.tolist(), known.tolist(), strict=True)]
    if column.kind == "number":
        return [v if math.isfinite(v) else None for v in numbers(values).tolist()]
    return list(values.to_pylist())


def to_grid(column: Column, values: Sequence[Any]) -> tuple[Ints, Flags]:
    """Whole numbers, 0 for what is missing; and what is not missing."""
    present = np.array([v is not None for v in values], bool)
    if is_time(column):
        whole = [0 if v is None else int(v) for v in values]
        return np.array(whole, np.int64), present
    floats = np.array([0.0 if v is None else v for v in values], np.float64)
    return np.rint(floats * 10.0**column.decimals).astype(np.int64), present


def from_grid(column: Column, x: Ints, present: Flags) -> list[Any]:
    """Values from whole numbers; with decimals they are the floats nearest to what is printed."""
    scale = 1 if is_time(column) else 10**column.decimals
    return [
        (v if scale == 1 else v / scale) if p else None
        for v, p in zip(x.tolist(), present.tolist(), strict=True)
    ]


def data_range(column: Column) -> tuple[int, int]:
    """The least and the greatest of the data's values."""
    if not column.atoms and not column.bins:
        return 0, 0
    scale = 1 if is_time(column) else 10**column.decimals
    low, high = column.range
    return round(low * scale), round(high * scale)


def asked_range(column: Column, wish: Wish | None) -> tuple[int, int]:
    """The part of the data's range that a wish leaves; empty where the first is greater."""
    low, high = data_range(column)
    if wish is None or wish.span is None:
        return low, high
    scale = 1 if is_time(column) else 10**column.decimals
    # 0.3 * 10 is a little more than 3.
    slack = 1e-9 * max(1.0, abs(low), abs(high)) if scale > 1 else 0.0
    first, last = (end * scale for end in wish.span)
    low = max(low, math.ceil(first - min(slack, 0.25))) if math.isfinite(first) else low
    high = min(high, math.floor(last + min(slack, 0.25))) if math.isfinite(last) else high
    return low, high


def type_range(column: Column) -> tuple[int, int]:
    """What a column's type can hold, and every data value."""
    t = value_type(column)
    least, most = -MOST, MOST
    if pa.types.is_temporal(t):
        least, most = (second * 10**9 // nanoseconds(t) for second in YEARS)
        if measure(t) == "time of day":
            least, most = 0, 86_400 * 10**9 // nanoseconds(t) - 1
    elif pa.types.is_integer(t):
        info = np.iinfo(t.to_pandas_dtype())
        least, most = max(least, int(info.min)), min(most, int(info.max))
    low, high = data_range(column)
    return min(least, low), max(most, high)


def is_left(wish: Wish) -> bool:
    """Whether anything of a number's data range is what is asked."""
    low, high = asked_range(wish.column, wish)
    return low <= high
