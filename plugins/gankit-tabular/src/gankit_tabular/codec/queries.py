"""Requested values of a column: ``a|b``, ``30..40``, ``2024-01-01..``, ``HS-grad..Masters``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError, did_you_mean
from gankit.kit.tables import finite, parse_range
from gankit_tabular.codec.columns import Column
from gankit_tabular.data.arrow import Floats, parse_temporal, type_from_text
from gankit_tabular.formats.columns import load_format


@dataclass(frozen=True)
class ColumnQuery:
    """Which values of a column are requested."""

    column: Column
    text: str
    span: tuple[float, float] | None = None
    """A number within; dates and times in the unit of their type."""
    among: tuple[Any, ...] = ()
    """One of these categories."""
    missing: bool = False
    """Or a missing value."""

    def __str__(self) -> str:
        return f"{self.column.name}={self.text}"

    def matches(self, value: Any) -> bool:
        if value is None:
            return self.missing
        if self.span is not None:
            return bool(self.span[0] <= value <= self.span[1])
        return value in self.among

    def shares(self) -> Floats:
        """The share of each code's values that match."""
        column = self.column
        shares = np.zeros(column.codes)
        for i, atom in enumerate(column.atoms):
            shares[i] = self.matches(atom)
        for i, group in enumerate(column.groups, len(column.atoms) + len(column.bins)):
            matching = sum(count for value, count in group if self.matches(value))
            shares[i] = matching / sum(count for _, count in group)
        if self.span is not None:
            for i, q in zip(column.bin_codes, column.bins, strict=True):
                low, high = self.span
                at = np.interp([low, high], q, np.linspace(0, 1, len(q)), left=0, right=1)
                shares[i] = at[1] - at[0] if low < high else float(q[0] <= low <= q[-1])
            if column.bins and not shares.any():  # between two bins
                ends = [
                    min(abs(q[0] - self.span[1]), abs(q[-1] - self.span[0])) for q in column.bins
                ]
                shares[column.bin_codes[int(np.argmin(ends))]] = 1
        if column.missing and self.missing:
            shares[-1] = 1
        return shares


def exact_query(column: Column, value: Any) -> ColumnQuery:
    """The query for one value."""
    if column.kind == "number":
        return ColumnQuery(column, str(value), span=(value, value))
    return ColumnQuery(column, str(value), among=(value,))


def parse_query(column: Column, value: object) -> ColumnQuery:
    """The requested values of a column.

    Raises:
        GankitError: the text does not suit the column's kind, or there is no such value.
    """
    text = str(value).strip()
    if column.kind == "identifier":
        raise GankitError(
            f"{column.name}={text}: {column.name} is an identifier, and its values are synthesised",
            "Leave it out",
        )
    if column.kind == "number":
        if text == "missing":
            return ColumnQuery(column, text, missing=True)
        return ColumnQuery(column, text, span=_span(column, text))
    names = {_name(value): value for value in column.values}
    if column.ordered and text not in names and ".." in text:
        return ColumnQuery(column, text, among=_category_range(column, text, names))
    requested = [w.strip() if w.strip() in names else w for w in text.split("|")]
    if text in names:
        requested = [text]
    if pa.types.is_boolean(type_from_text(column.type)):
        requested = [w.lower() for w in requested]
    unknown = [w for w in requested if w not in names and w != "missing"]
    if unknown:
        raise GankitError(
            f"{column.name}={unknown[0]}: no such value",
            did_you_mean(unknown[0], list(names)),
        )
    among = tuple(names[w] for w in requested if w in names)
    missing = "missing" in requested and "missing" not in names
    return ColumnQuery(column, text, among=among, missing=missing)


def _name(atom: Any) -> str:
    return str(atom).lower() if isinstance(atom, bool) else str(atom)


def _category_range(column: Column, text: str, names: Mapping[str, Any]) -> tuple[Any, ...]:
    """The categories of a range of an ordered column."""
    first, _, last = (part.strip() for part in text.partition(".."))
    for end in (first, last):
        if end and end not in names:
            raise GankitError(
                f"{column.name}={text}: no such value: {end!r}", did_you_mean(end, list(names))
            )
    order = list(names)
    start = order.index(first) if first else 0
    stop = order.index(last) if last else len(order) - 1
    if start > stop:
        raise GankitError(
            f"{column.name}={text}: {first} comes after {last}",
            f"The order is {', '.join(order[:20])}",
        )
    return tuple(names[name] for name in order[start : stop + 1])


def _span(column: Column, text: str) -> tuple[float, float]:
    t = load_format(column.format).type if column.format else type_from_text(column.type)

    def number(end: str) -> float | None:
        try:
            float(end)
        except ValueError:
            found = parse_temporal(end, t)
            if found is None and column.format:
                return load_format(column.format).read(end)
            return None if found is None else float(found)
        return finite(end)

    is_temporal = pa.types.is_temporal(t)
    examples = ("2024-01-31", "2024-02-29") if is_temporal else ("30", "40")
    return parse_range(column.name, text, number, examples)
