"""Dates and times in texts of one pattern: ``04/11/2018``, ``31.12.2020 10:00``, ``20160131``.

Patterns are written with strftime's letters; ``%-d`` is a day without leading zero, ``%3f`` are
three digits of a second's fraction.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import pyarrow as pa

from gankit_tabular.data.arrow import is_text, parse_temporal
from gankit_tabular.formats.base import Format, distinct_texts, used_marks

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
SHORT = tuple(name[:3] for name in MONTHS)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CENTURY = 69
"""Two-digit years from here on are in the 20th century, as in POSIX."""
YEARS = 1000, 2999
"""Four-digit years of dates in texts."""
WHOLE_YEARS = 1800, 2100
"""Years of dates that are written as integers, such as 20160131."""
FEWEST = 3
"""Distinct integers that are taken for dates."""
SOME = 200
EPOCH = datetime.datetime(1970, 1, 1)

PARTS = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{2})", "-m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{2})", "-d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{2})", "-H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{2})", "-I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{2})", "S": r"(?P<S>\d{2})", "f": r"(?P<f>\d{1,9})",
    "3f": r"(?P<f>\d{3})", "6f": r"(?P<f>\d{6})", "9f": r"(?P<f>\d{9})",
    "b": "(?P<b>" + "|".join(SHORT) + ")", "B": "(?P<B>" + "|".join(MONTHS) + ")",
    "a": "(?P<a>" + "|".join(n[:3] for n in DAYS) + ")", "A": "(?P<A>" + "|".join(DAYS) + ")",
    "q": r"(?P<q>[1-4])", "G": r"(?P<G>\d{4})", "V": r"(?P<V>\d{2})", "u": r"(?P<u>[1-7])",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)", "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
}  # fmt: skip
CODE = re.compile(r"%(-?[A-Za-z]|\d[f])")

_DATES = [
    *(sep.join(order) for order in (
        ("%Y", "%-m", "%-d"), ("%-d", "%-m", "%Y"), ("%-m", "%-d", "%Y")) for sep in "-/. "),
    *(sep.join(order) for order in (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"))
      for sep in "-/."),
    *("%-d/%-m/%y", "%-m/%-d/%y", "%-d.%-m.%y"),
    *(f"%-d{sep}%{month}{sep[-1]}%{year}" for sep in ("-", " ", ". ", "/")
      for month in "bB" for year in "Yy"),
    *("%b %-d, %Y", "%B %-d, %Y", "%b %-d %Y", "%B %-d %Y", "%Y-%b-%-d", "%d%b%Y", "%-d %b. %Y"),
    *("%a, %-d %b %Y", "%a %-d %b %Y", "%A, %-d %B %Y", "%A, %B %-d, %Y", "%a, %b %-d, %Y"),
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%Y-%b"),
    *("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    *("%G-W%V-%u", "%GW%V%u", "%G-W%V", "%GW%V", "%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y"),
]  # fmt: skip
_TIMES = [
    *("%-H:%M", "%-H:%M:%S", "%-H:%M:%S.%f", "%-H:%M:%S,%f"),
    *("%-I:%M %p", "%-I:%M:%S %p", "%-I:%M%p", "%-I:%M:%S%p"),
]
_COMPACT = ["%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%d-%H%M%S", "%Y%m%d_%H%M%S"]
_ZONED = "%Y%m%dT%H%M%S%z"


@dataclass(frozen=True)
class TimeFormat(Format):
    """How a column writes its dates, times of day, or instants."""

    kind: ClassVar[str] = "time"
    pattern: str
    unit: str = "s"
    """Of instants: s, ms, us or ns."""
    zone: str = ""
    """How the offset from UTC is written, where the pattern has one: ``Z``, ``+01:00``."""
    am: str = ""
    """How the first half of the day is written, where the pattern says which: ``AM``, ``a.m.``."""
    ambiguous: bool = False
    """Whether another order of day and month fits too."""
    marks: tuple[str, ...] = ()

    @property
    def type(self) -> pa.DataType:
        codes = _codes(self.pattern)
        has_time = bool({"H", "I"} & codes)
        if not codes & {"Y", "y", "G"}:
            return pa.time32(self.unit) if self.unit in ("s", "ms") else pa.time64(self.unit)
        if not has_time:
            return pa.date32()
        return pa.timestamp(self.unit, tz="UTC" if "z" in codes else None)

    def read(self, text: str) -> int | None:
        match = _regex(_lenient(self.pattern)).fullmatch(text.strip())
        return None if match is None else _value(match.groupdict(), self.unit, self.type)

    def parse(self, text: str) -> int | None:
        """A text in this format or in ISO 8601."""
        found = self.read(text)
        return parse_temporal(text, self.type) if found is None else found

    def write(self, value: float, decimals: int = 0) -> str:
        t = self.type
        if pa.types.is_date(t):
            at, nanoseconds = EPOCH + datetime.timedelta(days=int(value)), 0
        else:
            scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[self.unit]
            seconds, rest = divmod(int(value), scale)
            nanoseconds = rest * (10**9 // scale)
            at = EPOCH + datetime.timedelta(seconds=seconds + _offset(self.zone))

        def code(match: re.Match[str]) -> str:
            letter = match[1]
            if letter.endswith("f"):
                digits = f"{nanoseconds:09d}"
                return digits[: int(letter[0])] if len(letter) > 1 else digits.rstrip("0") or "0"
            if letter == "z":
                return self.zone
            if letter == "p":
                return self.am if at.hour < 12 else _afternoon(self.am)
            number = {"Y": at.year, "y": at.year % 100, "m": at.month, "d": at.day, "H": at.hour,
                      "I": (at.hour - 1) % 12 + 1, "M": at.minute, "S": at.second}  # fmt: skip
            if letter.removeprefix("-") in number:
                value = number[letter.removeprefix("-")]
                width = 4 if letter == "Y" else 2
                return str(value) if letter.startswith("-") else f"{value:0{width}d}"
            year, week, day = at.isocalendar()
            iso = {"q": (at.month + 2) // 3, "G": year, "V": f"{week:02d}", "u": day}
            if letter in iso:
                return str(iso[letter])
            name = {"b": SHORT[at.month - 1], "B": MONTHS[at.month - 1]}
            name |= {"a": DAYS[at.weekday()][:3], "A": DAYS[at.weekday()]}
            return name[letter]

        return CODE.sub(code, self.pattern)

    def describe(self) -> str:
        example = {"date32[day]": 18627}.get(str(self.type))
        if example is None:
            scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[self.unit]
            example = (1609408800 if pa.types.is_timestamp(self.type) else 36000) * scale
        return f"as {self.write(example)}"


def time_format(values: pa.ChunkedArray, marks: Sequence[str] = ()) -> TimeFormat | None:
    """The format of a column of dates or times; None if it has others, or none.

    Args:
        values: texts, or integers that may be dates.
        marks: texts that stand for missing values.
    """
    if pa.types.is_integer(values.type):
        return _whole(values)
    if not is_text(values.type):
        return None
    first = distinct_texts(values.slice(0, 50), marks)[:20]
    if not first or not all(any(c.isdigit() for c in t) and len(t) <= 40 for t in first):
        return None
    own = used_marks(values, marks)
    possible = [p for p in _candidates(first[0]) if all(_regex(p).fullmatch(t) for t in first)]
    if not possible:
        return None
    texts = distinct_texts(values, marks)
    fitting = [f for f in (_fitted(texts, p, own) for p in possible) if f is not None]
    if not fitting:
        return None
    # The most specific pattern: %b before %B for "May 2020" and the like does not matter.
    dated = [f for f in fitting if _order(f.pattern) != _order(fitting[0].pattern)]
    return _decided(texts, fitting[0], dated[0]) if dated else fitting[0]


def _decided(texts: Sequence[str], one: TimeFormat, two: TimeFormat) -> TimeFormat:
    """One of two formats that both fit: where one part is constant, it is the day."""
    days = [len({_regex(f.pattern).fullmatch(t)["d"] for t in texts}) for f in (one, two)]  # type: ignore[index]
    if min(days) == 1 < max(days):
        return one if days[0] == 1 else two
    first = two if "/" in one.pattern and _order(two.pattern).startswith("md") else one
    return TimeFormat(first.pattern, first.unit, first.zone, first.am, True, first.marks)


def _order(pattern: str) -> str:
    return "".join(c for c in re.sub("[^Yymd]", "", pattern).lower() if c in "ymd")


def _candidates(text: str) -> list[str]:
    """The patterns that are worth trying; there are thousands with a date and a time of day."""
    if ":" not in text:
        return [*_DATES, *_COMPACT, _ZONED]
    with_times = [
        f"{date}{between}{time}{zone}"
        for date in _DATES
        if "d" in date and _regex(date).match(text)
        for between, time in itertools.product((" ", "T", ", "), _TIMES)
        for zone in ("", "%z", " %z")
    ]
    return [*_TIMES, _ZONED, *with_times]


def _codes(pattern: str) -> set[str]:
    return {match[1].lstrip("-0123456789") for match in CODE.finditer(pattern)}


@cache
def _lenient(pattern: str) -> str:
    """The pattern for reading: other data may have one digit where all of these have two."""
    if re.search("%[a-zA-Z]%", pattern):
        return pattern
    pattern = re.sub("%\\df", "%f", pattern)
    return re.sub("%([mdHI])", r"%-\1", pattern)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    parts, end = [], 0
    for match in CODE.finditer(pattern):
        parts += [re.escape(pattern[end : match.start()]), PARTS[match[1]]]
        end = match.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]))


def _fitted(texts: Sequence[str], pattern: str, marks: tuple[str, ...] = ()) -> TimeFormat | None:
    """The format of a pattern, with the details of the texts; None if one is no such date."""
    regex, seen = _regex(pattern), []
    for text in texts:
        match = regex.fullmatch(text)
        if match is None:
            return None
        groups = match.groupdict()
        if _value(groups, "ns", pa.timestamp("ns")) is None:
            return None
        seen.append(groups)
    for letter in "mdHI":
        if f"%-{letter}" in pattern and all(len(g[letter]) == 2 for g in seen):
            pattern = pattern.replace(f"%-{letter}", f"%{letter}")
    digits = {len(g["f"]) for g in seen if g.get("f")}
    most = max(digits, default=0)
    unit = "s" if not most else "ms" if most <= 3 else "us" if most <= 6 else "ns"
    if len(digits) == 1 and most in (3, 6, 9):
        pattern = pattern.replace("%f", f"%{most}f")
    return TimeFormat(pattern, unit, _usual(seen, "z"), _morning(_usual(seen, "p")), False, marks)


def _usual(seen: Sequence[dict[str, str]], letter: str) -> str:
    found = [g[letter] for g in seen if g.get(letter)]
    return max(sorted(set(found)), key=found.count) if found else ""


def _morning(written: str) -> str:
    return written.replace("p", "a").replace("P", "A")


def _afternoon(written: str) -> str:
    return written.replace("a", "p").replace("A", "P")


def _offset(zone: str) -> int:
    """Seconds from UTC."""
    if zone in ("", "Z"):
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _value(groups: dict[str, str], unit: str, t: pa.DataType) -> int | None:
    """A date in days, or a time in the unit; None if there is no such date or time."""
    try:
        year = groups.get("Y") or groups.get("G")
        if year is not None:
            full = int(year)
            if not YEARS[0] <= full <= YEARS[1]:
                return None
        else:
            short = int(groups.get("y") or 70)
            full = short + (1900 if short >= CENTURY else 2000)
        if name := groups.get("b"):
            month = SHORT.index(name) + 1
        elif name := groups.get("B"):
            month = MONTHS.index(name) + 1
        else:
            month = int(groups.get("m") or 3 * int(groups.get("q") or 1) - 2)
        day = int(groups.get("d") or 1)
        hour = int(groups.get("H") or 0)
        if groups.get("I"):
            half = int(groups["I"])
            if not 1 <= half <= 12:
                return None
            hour = half % 12 + 12 * (groups["p"][0] in "Pp")
        minute, second = int(groups.get("M") or 0), int(groups.get("S") or 0)
        at = datetime.datetime(full, month, day, hour, minute, second)
        if groups.get("V"):
            at = datetime.datetime.fromisocalendar(
                full, int(groups["V"]), int(groups.get("u") or 1)
            )
    except ValueError:
        return None
    week = groups.get("a") or groups.get("A")
    if week and DAYS[at.weekday()][: len(week)] != week:
        return None
    since = at - EPOCH
    if pa.types.is_date(t):
        return since.days
    seconds = since.days * 86_400 + since.seconds - _offset(groups.get("z") or "")
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    fraction = int((groups.get("f") or "0").ljust(9, "0"))
    return seconds * scale + fraction * scale // 10**9


def _whole(values: pa.ChunkedArray) -> TimeFormat | None:
    """Integers such as 20160131, if all are valid dates."""
    import pyarrow.compute as pc

    ends = pc.min_max(values).as_py()
    if ends["min"] is None or not (
        WHOLE_YEARS[0] <= ends["min"] // 10_000 and ends["max"] // 10_000 <= WHOLE_YEARS[1]
    ):
        return None
    texts = distinct_texts(values.cast(pa.string()))
    return _fitted(texts, "%Y%m%d") if len(texts) >= FEWEST else None
