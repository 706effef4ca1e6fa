"""Requested values of a column: ``a|b``, ``30..40``, ``2024-01-01..``, ``HS-grad..Masters``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError, did_you_mean
from gankit.kit.tables import finite
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.periods import Period, examples, parse_period
from gankit_tabular.codec.value_types import value_type
from gankit_tabular.data.arrow import Floats
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import load_format
from gankit_tabular.formats.numbers import NumberFormat

TRUTH = {"true": True, "yes": True, "1": True, "t": True, "y": True,
         "false": False, "no": False, "0": False, "f": False, "n": False}  # fmt: skip


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

    def widened(self) -> ColumnQuery:
        """The same, but for one number among many: the numbers of its cell, which come so close
        that it can be inserted in their place.
        """
        low, high = self.span or (0.0, 1.0)
        exact = self.column.exact or [[]] * len(self.column.bins)
        for q, pairs in zip(self.column.bins, exact, strict=True):
            if q[0] < low == high < q[-1] and not pairs:
                at = int(np.searchsorted(q, low))
                return replace(self, span=(q[at - 1], q[at]))
        return self

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

    def cells(self) -> Floats:
        """The share of each pair of digits' values that match, (codes, cells)."""
        column = self.column
        match = np.zeros((column.codes, column.cells))
        shares = self.shares()
        match[: len(column.atoms), 0] = shares[: len(column.atoms)]
        for code, pairs in enumerate(column.exact, len(column.atoms)):
            if pairs:
                match[code, : len(pairs)] = [self.matches(value) for value, _ in pairs]
            elif self.span is not None:
                q = np.array(column.bins[code - len(column.atoms)])
                match[code, : len(q) - 1] = _overlap(q, *self.span)
        for code, group in enumerate(column.groups, len(column.atoms) + len(column.bins)):
            match[code, : len(group)] = [self.matches(value) for value, _ in group]
        if column.missing:
            match[-1, 0] = shares[-1]
        if not match.any():  # between two values: any cell of the nearest bin
            match[shares > 0] = 1
        return match


def _overlap(quantiles: Floats, low: float, high: float) -> Floats:
    """The part of each cell between two quantiles that lies within a range."""
    first, last = quantiles[:-1], quantiles[1:]
    width = last - first
    common = np.minimum(last, high) - np.maximum(first, low)
    part = np.divide(common, width, out=np.zeros_like(width), where=width > 0)
    point = (common >= 0) & ((width == 0) | (low == high))
    return np.asarray(np.where(point, 1.0, np.clip(part, 0, 1)))


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
    return _category_query(column, text)


def _category_query(column: Column, text: str) -> ColumnQuery:
    names = {_name(value): value for value in column.values}
    if column.ordered and text not in names and ".." in text:
        return ColumnQuery(column, text, among=_category_range(column, text, names))
    requested = [text] if text in names else _alternatives(text)
    requested = [_known(column, word, names) for word in requested]
    unknown = [w for w in requested if w not in names and w != "missing"]
    if unknown and column.merged:
        raise GankitError(
            f"{column.name}={unknown[0]}: no such value, or one of the rare ones, which are merged",
            f"Request them together: {column.name}={column.merged}",
        )
    if unknown:
        raise GankitError(
            f"{column.name}={unknown[0]}: no such value",
            did_you_mean(unknown[0], list(names)),
        )
    among = tuple(names[w] for w in requested if w in names)
    missing = "missing" in requested and "missing" not in names
    return ColumnQuery(column, text, among=among, missing=missing)


def _alternatives(text: str) -> list[str]:
    """The values between ``|``; one in double quotes may contain it."""
    return [
        word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word
        for word in (m.strip() for m in re.findall(r'(?:\s*"[^"]*"\s*(?=\||$)|[^|])+', text))
    ]


def _known(column: Column, word: str, names: Mapping[str, Any]) -> str:
    """A category as the data has it: with its blanks, and truth values in any spelling."""
    if word in names:
        return word
    if column.values and all(isinstance(v, bool) for v in column.values):
        truth = load_format(column.format).read(word) if column.format else None
        if truth is None:
            truth = TRUTH.get(word.lower())
        return word if truth is None else _name(bool(truth))
    spaced = [name for name in names if name.strip() == word]
    return spaced[0] if len(spaced) == 1 else word


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
    """The ends of ``30``, ``30..40``, ``..40`` or ``30..``, read as the column's own values.

    Raises:
        GankitError: neither a value nor a range, or a range whose ends are reversed.
    """
    t = value_type(column)
    temporal = pa.types.is_temporal(t)
    one, two = examples(t) if temporal else _examples(column)
    name = column.name
    hint = f"Write {name}={one}, {name}={one}..{two}, {name}=..{two} or {name}={one}.."
    low, dots, high = (part.strip() for part in text.partition(".."))
    ends: list[Period | None] = []
    for end in (low, high) if dots else (low,):
        read = _period(column, end, t) if temporal else _number(column, end)
        if end and read is None:
            kind = _noun(t) if temporal else "a number"
            raise GankitError(f"{name}={text}: neither {kind} nor a range", hint)
        ends.append(read)
    if ends in ([None], [None, None]):
        kind = _noun(t) if temporal else "a number"
        raise GankitError(f"{name}={text}: neither {kind} nor a range", hint)
    first, last = ends[0], ends[-1]
    least = -math.inf if first is None else first[0]
    most = math.inf if last is None else last[1]
    if first is not None and last is not None and first[0] > last[1] and dots:
        raise GankitError(f"{name}={text}: {low} is greater than {high}", hint)
    return least, most


def _noun(t: pa.DataType) -> str:
    if pa.types.is_duration(t):
        return "a duration"
    return "a time of day" if pa.types.is_time(t) else "a date"


def _period(column: Column, text: str, t: pa.DataType) -> Period | None:
    """A date or time as ISO 8601 writes it, or as the column does."""
    if not text:
        return None
    if (found := parse_period(text, t)) is not None or not column.format:
        return found
    exact = load_format(column.format).read(text)
    return None if exact is None else (exact, exact)


def _number(column: Column, text: str) -> Period | None:
    """A finite number, plain or as the column writes it, with or without its unit."""
    value = finite(text) if text else None
    if column.format and text:
        form = load_format(column.format)
        prefix, suffix = getattr(form, "prefix", ""), getattr(form, "suffix", "")
        for full in (text, prefix + text, text + suffix, prefix + text + suffix):
            found = form.read(full)
            # In the format 1.234 €, 1.234 is a thousand, and 1234.5 is no number of it.
            if (
                found is not None
                and math.isfinite(found)
                and (not isinstance(form, NumberFormat) or _is_grouped(form, full))
            ):
                value = found
                break
    return None if value is None else (value, value)


def _is_grouped(form: Format, text: str) -> bool:
    """Whether thousands are separated throughout, or not at all."""
    if not isinstance(form, NumberFormat) or not form.thousands or form.thousands not in text:
        return True
    sep, point = re.escape(form.thousands), re.escape(form.point)
    return (
        re.search(rf"(?<!\d)\d{{1,3}}({sep}\d{{3}})+({point}\d*)?(?![\d{sep}])", text) is not None
    )


def _examples(column: Column) -> tuple[str, str]:
    """Two of the column's numbers, for a hint."""
    if not column.format or not (column.atoms or column.bins):
        return "30", "40"
    form = load_format(column.format)
    low, high = (form.write(end, min(column.decimals, 6)) for end in column.range)
    return low, high
