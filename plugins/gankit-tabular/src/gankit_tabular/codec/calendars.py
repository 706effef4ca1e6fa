"""Dates and times that keep to the calendar: days of a month, quarters, working days."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.columns import Column
from gankit_tabular.data.arrow import Floats, Ints

UNITS = ("Y", "M")
"""Calendar units, by NumPy's names, in which instants may have the same place."""
DAYS = {"D": 1, "s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}
"""A day in each unit of dates and times."""
THURSDAY = 3
"""The weekday of 1970-01-01, from Monday on."""
ENOUGH_DAYS = 70
"""Of fewer different days, a weekday may be absent by chance."""


def fit_calendar(column: Column, t: pa.DataType, distinct: Floats) -> None:
    """Sets the calendar unit whose same place all instants are at, or else the weekdays that occur.

    Args:
        distinct: whole numbers of the type.
    """
    if not (pa.types.is_timestamp(t) or pa.types.is_date(t)):
        return
    base = "D" if pa.types.is_date32(t) else "ms" if pa.types.is_date64(t) else t.unit
    instants = distinct.astype(np.int64).astype(f"datetime64[{base}]")
    for unit in UNITS:
        begin = instants.astype(f"datetime64[{unit}]")
        for edge in (begin, begin + 1):
            places = np.unique((instants - edge.astype(instants.dtype)).astype(np.int64))
            if len(places) > 1:
                continue
            column.unit, column.anchor = f"{base}:{unit}", int(places[0])
            whole = begin.astype(np.int64)
            every = int(np.gcd.reduce(np.diff(whole)))
            column.every = [every, int(whole[0]) % every] if every > 1 else []
            return
    days = np.unique(np.floor_divide(distinct.astype(np.int64), DAYS[base]))
    if len(days) >= ENOUGH_DAYS:
        found = {int(d) for d in np.unique((days + THURSDAY) % 7)}
        if 1 < len(found) < 7:
            column.weekdays = [DAYS[base], *sorted(found)]


def on_calendar(column: Column, values: Floats) -> Floats:
    """The nearest instants at the column's place of its calendar unit."""
    at = periods(column.unit, np.rint(values).astype(np.int64))
    every, phase = column.every or [1, 0]
    steps = np.floor_divide(at - phase, every)
    near = np.stack([_instants(column, phase + every * (steps + k)) for k in (-1, 0, 1, 2)])
    best = np.abs(near - values).argmin(0)
    return np.asarray(near[best, np.arange(len(values))].astype(np.float64))


def between(column: Column, first: int, last: int) -> Ints:
    """All instants of the column's calendar within a range, both ends included."""
    low, high = periods(column.unit, np.array([first, last])).tolist()
    at = np.arange(low - 1, high + 2)
    if column.every:
        at = at[at % column.every[0] == column.every[1]]
    found = _instants(column, at)
    return found[(found >= first) & (found <= last)]


def on_weekdays(column: Column, values: Floats) -> Floats:
    """The same times of the nearest weekdays that occur."""
    day, *found = column.weekdays
    known = np.isfinite(values)
    weekday = (np.floor_divide(np.where(known, values, 0), day) + THURSDAY).astype(np.int64) % 7
    order = (0, -1, 1, -2, 2, -3, 3)
    shift = np.array([next(s for s in order if (w + s) % 7 in found) for w in range(7)])
    return np.asarray(values + shift[weekday] * day)


def periods(unit: str, values: Ints | Floats) -> Ints:
    """The calendar units that instants are in, counted from 1970; ``unit`` as of a column."""
    base, own = _types(unit)
    return np.asarray(values, np.int64).astype(base).astype(own).astype(np.int64)


def instants(unit: str, anchor: int, periods: Ints | Floats) -> Ints:
    """The instants at a place of calendar units; the inverse of :func:`periods`."""
    base, own = _types(unit)
    at = np.asarray(periods, np.int64)
    begin, after = (p.astype(own).astype(base).astype(np.int64) for p in (at, at + 1))
    if anchor < 0:
        return np.asarray(after + anchor)
    return np.minimum(begin + anchor, after - 1)


def _instants(column: Column, periods: Ints) -> Ints:
    return instants(column.unit, column.anchor, periods)


def _types(unit: str) -> tuple[str, str]:
    base, _, own = unit.partition(":")
    return f"datetime64[{base}]", f"datetime64[{own}]"
