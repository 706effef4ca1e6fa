"""Dates and times within identifiers, such as ``ORD-20240131-0815``: new ones are valid too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

FEWEST = 20
"""Fewer texts may look like dates by chance."""
YEARS = range(1900, 2101)
WHOLE = (
    "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d", "%y%m%d", "%d%m%Y", "%m%d%Y", "%d%m%y", "%H%M%S",
    "%Y%m", "%m%Y", "%y%m",
)  # fmt: skip
"""Formats of whole runs of digits; the first that fits all texts counts."""
FIRST = ("%Y%m%d%H%M%S", "%Y%m%d", "%y%m%d", "%Y%m", "%y%m")
"""Formats that further digits may follow."""
APART = (
    ("%Y", "%m", "%d"), ("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%H", "%M", "%S"),
    ("%y", "%m", "%d"), ("%Y", "%m"), ("%m", "%Y"),
)  # fmt: skip
"""Formats of several runs, with the same separator between them."""
SEPARATORS = "-./_:"
EPOCH = datetime(1, 1, 1)
EXAMPLE = datetime(2001, 1, 1)


def date_text(format: str, place: int) -> str:
    """The text of a number that :func:`date_of` gave."""
    if "%d" not in format and "%m" in format:
        return datetime(place // 12, place % 12 + 1, 1).strftime(format)
    return (EPOCH + timedelta(**{_unit(format): place})).strftime(format)


def date_of(format: str, text: str) -> int | None:
    """Days, seconds, minutes or months, by what the format has; None if it is no such date.

    ``text`` has leading zeros, as written.
    """
    try:
        found = datetime.strptime(text, format)
    except ValueError:
        return None
    if "%Y" in format and found.year not in YEARS:
        return None
    if "%d" not in format and "%m" in format:
        place = found.year * 12 + found.month - 1
    else:
        if "%d" not in format:
            found = found.replace(year=1)
        place = (found - EPOCH) // timedelta(**{_unit(format): 1})
    return place if date_text(format, place) == text else None


def leading_date(column: Sequence[str], counted: bool) -> tuple[int, int, list[object]] | None:
    """Where a date lies within runs of digits of one width: its start, its end and its field; None
    if there is none.

    Args:
        counted: whether the runs count up, so that they may look like dates by chance.
    """
    width = len(column[0])
    for format in WHOLE:
        if not (counted and width < 8) and (found := _field(format, column)):
            return 0, width, found
    for format in FIRST:
        length = len(EXAMPLE.strftime(format))
        short = length < width and not counted
        if short and (found := _field(format, [c[:length] for c in column])):
            return 0, length, found
    for start in range(1, width - 7):
        if found := _field("%Y%m%d", [c[start : start + 8] for c in column]):
            return start, start + 8, found
    return None


def dates_in(columns: Sequence[Sequence[str]]) -> dict[int, tuple[int, list[object]]]:
    """Dates in several runs: from the first run's index to the number of runs and the field.

    Args:
        columns: the runs of all texts, by position.
    """
    found: dict[int, tuple[int, list[object]]] = {}
    i = 0
    while i < len(columns):
        for parts in APART:
            n = 2 * len(parts) - 1
            part = columns[i : i + n]
            separators = {text for column in part[1::2] for text in column}
            digits = all(c.isdecimal() for column in part[::2] for c in column[:1])
            if len(part) < n or not digits or len(separators) != 1:
                continue
            separator = separators.pop()
            if separator not in SEPARATORS:
                continue
            field = _field(separator.join(parts), [*map("".join, zip(*part, strict=True))])
            if field:
                found[i] = n, field
                i += n - 1
                break
        i += 1
    return found


def _field(format: str, texts: Sequence[str]) -> list[object] | None:
    """The field of texts that are all dates in a format; None if one is not, or if they are few."""
    distinct = set(texts)
    months = "%d" not in format and "%m" in format
    if len(texts) < FEWEST or (months and len(distinct) <= 12 and "%Y" not in format):
        return None
    places = []
    for text in distinct:
        place = date_of(format, text)
        if place is None:
            return None
        places.append(place)
    return ["date", format, min(places), max(places)]


def _unit(format: str) -> str:
    return "seconds" if "%S" in format else "minutes" if "%M" in format else "days"
