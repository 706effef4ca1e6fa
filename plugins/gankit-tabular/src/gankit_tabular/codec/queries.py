"""What a user asks of a column: ``a|b``, ``30..40``, ``2024-01-01..``, ``HS-grad..Masters``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.codec.columns import Column, Floats
from gankit_tabular.data.rows import type_from_text

UNASKABLE = "it names a row, so its values are made up"


@dataclass(frozen=True)
class Wish:
    """What a value of a column must be."""

    column: Column
    text: str
    span: tuple[float, float] | None = None
    """A number lies within; instants in the unit of their type."""
    among: tuple[Any, ...] = ()
    """A category is one of these."""
    missing: bool = False
    """It may be missing, or must be where nothing else is asked."""

    def __str__(self) -> str:
        return f"{self.column.name}={self.text}"

    def fits(self, value: Any) -> bool:
        if value is None:
            return self.missing
        if self.span is not None:
            return bool(self.span[0] <= value <= self.span[1])
        return value in self.among

    def shares(self) -> Floats:
        """Which share of the values behind each code fits."""
        column = self.column
        shares = np.zeros(column.codes)
        for i, atom in enumerate(column.atoms):
            shares[i] = self.fits(atom)
        for i, group in enumerate(column.groups, len(column.atoms) + len(column.bins)):
            fitting = sum(count for value, count in group if self.fits(value))
            shares[i] = fitting / sum(count for _, count in group)
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


def read_wish(column: Column, value: object) -> Wish:
    """What is asked of a column.

    Raises:
        GankitError: it is not asked as its kind of column is, or there is no such value.
    """
    text = str(value).strip()
    if column.kind == "identifier":
        raise GankitError(f"{column.name} cannot be asked for: {UNASKABLE}", "Leave it out")
    if column.kind == "number":
        span = _span(column, text)
        if span is None and text != "missing":
            raise GankitError(
                f"{column.name}={text}: neither a number nor a range", _example(column)
            )
        return Wish(column, text, span, missing=span is None)
    rare = (value for group in column.groups for value, _ in group)
    names = {_name(value): value for value in (*column.atoms, *rare)}
    if column.ordered and text not in names and ".." in text:
        return Wish(column, text, among=_between(column, text, names))
    wanted = [w.strip() if w.strip() in names else w for w in text.split("|")]
    if text in names:
        wanted = [text]
    if pa.types.is_boolean(type_from_text(column.type)):
        wanted = [w.lower() for w in wanted]
    unknown = [w for w in wanted if w not in names and w != "missing"]
    if unknown:
        raise GankitError(
            f"{column.name}={unknown[0]}: no such value",
            did_you_mean(unknown[0], list(names)),
        )
    among = tuple(names[w] for w in wanted if w in names)
    return Wish(column, text, among=among, missing="missing" in wanted and "missing" not in names)


def _name(atom: Any) -> str:
    return str(atom).lower() if isinstance(atom, bool) else str(atom)


def _between(column: Column, text: str, names: dict[str, Any]) -> tuple[Any, ...]:
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


def _example(column: Column) -> str:
    is_time = pa.types.is_temporal(type_from_text(column.type))
    one, two = ("2024-01-31", "2024-02-29") if is_time else ("30", "40")
    return f"Write {column.name}={one} or {column.name}={one}..{two}"


def _span(column: Column, text: str) -> tuple[float, float] | None:
    """``30``, ``30..40``, ``..40`` or ``30..`` as an interval."""
    low, dots, high = (part.strip() for part in text.partition(".."))
    ends = [number_from_text(column.type, end) for end in (low, high if dots else low)]
    if any(end is None for end, said in zip(ends, (low, high), strict=True) if said):
        return None
    span = (-np.inf if ends[0] is None else ends[0], np.inf if ends[1] is None else ends[1])
    return span if span[0] <= span[1] and (low or high) else None


def number_from_text(type: str, text: str) -> float | None:
    """A number, or an instant as ISO 8601 writes it in the unit of its type; None for neither."""
    try:
        found = float(text)
    except ValueError:
        t = type_from_text(type)
        return float(whole) if (whole := instant(t, text)) is not None else None
    return found if found == found else None


def instant(t: pa.DataType, text: str) -> int | None:
    """A date, a time or both in the unit of a type; a date without a zone in the column's own."""
    if not pa.types.is_temporal(t) or not text:
        return None
    zone = getattr(t, "tz", None)
    try:
        try:
            value = pa.scalar(text).cast(t)
        except pa.ArrowInvalid:
            if zone is None:
                return None
            value = pc.assume_timezone(pa.scalar(text).cast(pa.timestamp(t.unit)), zone)
        whole = pa.int64() if t.bit_width == 64 else pa.int32()
        return int(value.cast(t).cast(whole).as_py())
    except (pa.ArrowException, ValueError):
        return None
