"""What was inferred about each column, for a person to check.

Runs store it and reports repeat it: it has no value that few rows have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from gankit.contract import ConditionInput
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.value_types import is_temporal, value_type
from gankit_tabular.data.arrow import temporal_text
from gankit_tabular.formats.columns import load_format

SHOWN = 4
"""Categories that are listed."""


def describe_columns(columns: Sequence[Column]) -> list[dict[str, str]]:
    """For each column its name, kind, share of missing values, and range, rounded, or frequent
    categories; and notes, if there are any.
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


def inputs(columns: Sequence[Column]) -> list[ConditionInput]:
    """How each column can be requested: among its frequent categories, by numbers within its
    rounded range, or as text. Identifiers and constants cannot.
    """
    found = []
    for column in columns:
        if column.hidden or column.kind == "identifier" or column.codes < 2:
            continue
        if column.kind == "category":
            frequent = [a for code, a in enumerate(column.atoms) if not column.is_rare(code)]
            names = [*map(requested, frequent), *(["missing"] if column.missing else [])]
            found.append(ConditionInput(column.name, tuple(dict.fromkeys(names))))
        elif not column.atoms and not column.bins:
            continue
        elif is_temporal(column) or (column.format and column.format[0] != "decimal"):
            found.append(ConditionInput(column.name, example=shown_range(column)))
        else:
            low, high = _shown_ends(column)
            found.append(ConditionInput(column.name, low=low, high=high, ranges=True))
    return found


def requested(value: Any) -> str:
    """A category as ``--where`` names it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


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
        return f"{kind}, computed"
    return f"{kind}, determined by {column.derived_from}" if column.derived_from else kind


def _missing(column: Column) -> float:
    return column.frequency[-1] if column.missing and column.kind != "identifier" else 0.0


def _values(column: Column) -> str:
    if column.kind == "identifier":
        return ", ".join(f"like {p}" for p in column.patterns[:SHOWN])
    if not column.atoms and not column.bins:
        return ""
    if column.kind == "number":
        return shown_range(column)
    sign = " < " if column.ordered else ", "
    frequent = [atom for code, atom in enumerate(column.atoms) if not column.is_rare(code)]
    some = sign.join(shown_value(column, atom) for atom in frequent[:SHOWN])
    more = len(column.values) - len(frequent[:SHOWN])
    return f"{some} and {more:,} more" if some and more else some or f"{more:,} rare ones"


def shown_range(column: Column) -> str:
    """The range of a column of numbers, dates or times: exact where many rows have its ends, and
    otherwise rounded, since an end may be the value of one row.
    """
    low, high = column.range
    if _ends_are_frequent(column):
        texts = [shown_value(column, end) for end in (low, high)]
    elif is_temporal(column) and not pa.types.is_duration(value_type(column)):
        texts = _rounded_times(low, high, value_type(column))
    else:
        texts = [shown_value(column, end) for end in _rounded(low, high)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _shown_ends(column: Column) -> tuple[float, float]:
    """The least and the greatest number, rounded where it may be the value of one row."""
    return column.range if _ends_are_frequent(column) else _rounded(*column.range)


def _ends_are_frequent(column: Column) -> bool:
    ends = [column.atoms.index(end) for end in column.range if end in column.atoms]
    return len(ends) == 2 and not any(map(column.is_rare, ends))


def _rounded(low: float, high: float) -> tuple[float, float]:
    """The range in round numbers, about ten steps wide."""
    span = max(high / 10 - low / 10, abs(low) / 100, 1e-300)
    step = 10.0 ** math.floor(math.log10(span))
    step *= next(m for m in (1, 2, 5, 10) if m * step >= span * (1 - 1e-9))
    ends = math.floor(low / step) * step, math.ceil(high / step) * step
    return ends if all(map(math.isfinite, ends)) else (low, high)


def _rounded_times(low: float, high: float, t: pa.DataType) -> list[str]:
    """The years of a range; the months or days of a shorter one, the hours of times of day."""
    texts = [temporal_text(end, t) for end in (low, high)]
    if pa.types.is_time(t):
        return [f"{text[:2]} h" for text in texts]
    years, months = (len({text[:end] for text in texts}) for end in (4, 7))
    length = 4 if years > 1 else 7 if months > 1 else 10
    return [text[:length] for text in texts]


def shown_value(column: Column, value: Any) -> str:
    """A value as the column writes it."""
    if column.format:
        return load_format(column.format).write(value, column.decimals)
    if is_temporal(column):
        return temporal_text(value, value_type(column))
    if column.kind == "number":
        return f"{value:.{column.decimals}f}" if column.decimals < 15 else f"{value:.6g}"
    return str(value)
