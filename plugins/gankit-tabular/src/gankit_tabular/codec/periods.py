"""Dates and times as people write them: a year is all of its days, a minute all of its seconds."""

from __future__ import annotations

import math
import re

import pyarrow as pa

from gankit_tabular.data.arrow import parse_temporal

DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")
DURATION = re.compile(r"(-?\d+(?:\.\d+)?)\s*([a-z]+)")
SECOND = 10**9
DAY = 86_400 * SECOND
LENGTHS = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": SECOND, "sec": SECOND, "min": 60 * SECOND,
    "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY, "day": DAY, "days": DAY, "hours": 3600 * SECOND,
    "minutes": 60 * SECOND, "seconds": SECOND, "hour": 3600 * SECOND, "minute": 60 * SECOND,
    "second": SECOND,
}  # fmt: skip
"""Of units of time, in nanoseconds."""

Period = tuple[float, float]
"""The first and the last instant, in the unit of a type."""


def parse_period(text: str, t: pa.DataType) -> Period | None:
    """What a text stands for in a column of a temporal type; None if it is no date or time.

    ``1990``, ``2020-03``, ``2020-03-31``; for instants also ``2020-03-31 10:00`` and finer; for
    times of day ``08:30``; for durations ``90 s``, ``2 h``. A date without a time zone is in the
    zone of the type.
    """
    text = text.strip()
    if pa.types.is_time(t):
        return _time_of_day(text, t)
    if pa.types.is_duration(t):
        return _duration(text, t)
    if match := DATE.fullmatch(text):
        year, month, day = (None if part is None else int(part) for part in match.groups())
        return _date(year, month, day, t)
    if pa.types.is_timestamp(t) and (match := MOMENT.fullmatch(text)):
        return _moment(match, t)
    found = parse_temporal(text, t)
    return None if found is None else (found, found)


def examples(t: pa.DataType) -> tuple[str, str]:
    """Two texts of a temporal type, for a hint."""
    if pa.types.is_time(t):
        return "08:30", "17:00"
    return ("90s", "2h") if pa.types.is_duration(t) else ("2024-01-31", "2024-02-29")


def _nanoseconds(t: pa.DataType) -> int:
    if pa.types.is_date32(t):
        return DAY
    return LENGTHS["ms" if pa.types.is_date64(t) else t.unit]


def _date(year: int | None, month: int | None, day: int | None, t: pa.DataType) -> Period | None:
    """A year, a month or a day."""
    assert year is not None
    first = parse_temporal(f"{year:04}-{month or 1:02}-{day or 1:02}", t)
    if first is None:
        return None
    if day is not None:
        if pa.types.is_date(t):
            return first, first
        noon = parse_temporal(f"{year:04}-{month:02}-{day:02} 23:59:59", t)
        return first, (first if noon is None else noon + SECOND // _nanoseconds(t) - 1)
    after = f"{year + 1:04}-01-01"
    if month is not None and month < 12:
        after = f"{year:04}-{month + 1:02}-01"
    end = parse_temporal(after, t)
    return first, math.inf if end is None else end - 1


def _moment(match: re.Match[str], t: pa.DataType) -> Period | None:
    """An instant, to the hour, minute or second, or exact."""
    day, hour, minute, second, part, zone = match.groups()
    zone = zone if zone in (None, "Z") or ":" in zone else f"{zone[:3]}:{zone[3:]}"
    whole = f"{day} {int(hour):02}:{minute or '00'}:{second or '00'}{zone or ''}"
    first = parse_temporal(whole, t)
    if first is None:
        return None
    unit = _nanoseconds(t)
    if part is not None:
        exact = first + int(part.ljust(9, "0")) / unit
        return (math.ceil(exact), math.floor(exact))
    length = SECOND if second else 60 * SECOND if minute else 3600 * SECOND
    return first, first + max(length // unit - 1, 0)


def _time_of_day(text: str, t: pa.DataType) -> Period | None:
    match = TIME.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return None
    unit = _nanoseconds(t)
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
    first = seconds * SECOND + int((match[4] or "").ljust(9, "0"))
    length = 0 if match[4] else SECOND if match[3] else 60 * SECOND
    return first // unit, first // unit + max(length // unit - 1, 0)


def _duration(text: str, t: pa.DataType) -> Period | None:
    match = DURATION.fullmatch(text)
    if match is None or match[2] not in LENGTHS:
        return None
    value = round(float(match[1]) * LENGTHS[match[2]] / _nanoseconds(t))
    return value, value
