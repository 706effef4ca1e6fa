"""Durations in texts: ``25:10:00``, ``1:05.20``, ``2 days 03:00:00``, ``PT4H30M``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from gankit_tabular.data.arrow import is_text
from gankit_tabular.formats.base import Format, distinct_texts, used_marks

SCALES = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FRACTION = r"(?:(?P<point>[.,])(?P<f>\d{1,9}))?"
WAYS = {
    "clock": re.compile(rf"(?P<sign>-?)(?P<H>\d{{1,6}}):(?P<M>[0-5]\d):(?P<S>[0-5]\d){FRACTION}"),
    "short": re.compile(r"(?P<sign>-?)(?P<H>\d{1,6}):(?P<M>[0-5]\d)"),
    "laps": re.compile(rf"(?P<sign>-?)(?P<M>\d{{1,6}}):(?P<S>[0-5]\d){FRACTION}"),
    "days": re.compile(
        rf"(?P<D>-?\d{{1,6}}) days? (?:\+?)(?P<H>[01]\d|2[0-3]):(?P<M>[0-5]\d):(?P<S>[0-5]\d)"
        rf"{FRACTION}"
    ),
    "iso": re.compile(
        rf"(?P<sign>-?)P(?=.)(?:(?P<D>\d+)D)?(?:T(?=\d)(?:(?P<H>\d+)H)?(?:(?P<M>\d+)M)?"
        rf"(?:(?P<S>\d+){FRACTION}S)?)?"
    ),
}
"""How durations are written: hours, minutes and seconds; hours and minutes; minutes and seconds
with a fraction; pandas' way; ISO 8601."""
SECONDS = {"D": 86_400, "H": 3600, "M": 60, "S": 1}


@dataclass(frozen=True)
class DurationFormat(Format):
    """How a column writes its durations."""

    kind: ClassVar[str] = "duration"
    way: str
    """One of ``WAYS``."""
    unit: str = "s"
    """s, ms, us or ns."""
    width: int = 1
    """Digits of the first part."""
    digits: int = 0
    """Of a second's fraction; -1: as many as are needed."""
    point: str = "."
    parts: str = ""
    """Of ISO 8601: the parts that are used; in lower case those that are left out where 0."""
    marks: tuple[str, ...] = ()

    @property
    def type(self) -> pa.DataType:
        return pa.duration(self.unit)

    def read(self, text: str) -> int | None:
        match = WAYS[self.way].fullmatch(text.strip())
        if match is None:
            return None
        groups = match.groupdict()
        scale = SCALES[self.unit]
        total = sum(int(groups.get(part) or 0) * n for part, n in SECONDS.items()) * scale
        total += int((groups.get("f") or "").ljust(9, "0")) * scale // 10**9
        return -total if groups.get("sign") else total

    def write(self, value: float, decimals: int = 0) -> str:
        scale = SCALES[self.unit]
        whole = int(value)
        sign = "-" if whole < 0 and self.way != "days" else ""
        seconds, rest = divmod(whole if self.way == "days" else abs(whole), scale)
        fraction = self._fraction(rest * (10**9 // scale))
        if self.way == "iso":
            return sign + self._iso(seconds, fraction)
        if self.way == "days":
            days, seconds = divmod(seconds, 86_400)
            hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
            plus = "+" if days < 0 else ""
            return f"{days} days {plus}{hours:02}:{minutes:02}:{seconds:02}{fraction}"
        if self.way == "laps":
            return f"{sign}{seconds // 60:0{self.width}}:{seconds % 60:02}{fraction}"
        start = f"{sign}{seconds // 3600:0{self.width}}:{seconds // 60 % 60:02}"
        return start if self.way == "short" else f"{start}:{seconds % 60:02}{fraction}"

    def _fraction(self, nanoseconds: int) -> str:
        digits = f"{nanoseconds:09d}"
        digits = digits.rstrip("0") if self.digits < 0 else digits[: self.digits]
        return self.point + digits if digits else ""

    def _iso(self, seconds: int, fraction: str) -> str:
        found = {}
        for part in self.parts:
            n = SECONDS[part.upper()]
            found[part], seconds = divmod(seconds, n)
        last = self.parts[-1]
        shown = {
            part.upper(): f"{n}{fraction if part in 'sS' else ''}{part.upper()}"
            for part, n in found.items()
            if part.isupper() or n or (part in "sS" and fraction)
        } or {last.upper(): f"0{last.upper()}"}
        time = "".join(text for part, text in shown.items() if part != "D")
        return f"P{shown.get('D', '')}{'T' + time if time else ''}"

    def describe(self) -> str:
        return f"as {self.write(5400 * SCALES[self.unit])}"


def duration_format(values: pa.ChunkedArray, marks: Sequence[str] = ()) -> DurationFormat | None:
    """The format of a column of durations; None if it has others, or none."""
    if not is_text(values.type):
        return None
    first = distinct_texts(values.slice(0, 50), marks)[:20]
    ways = [way for way, regex in WAYS.items() if first and all(map(regex.fullmatch, first))]
    if not ways:
        return None
    texts = distinct_texts(values, marks)
    for way in ways:
        form = _fitted(texts, way, used_marks(values, marks))
        if form is not None:
            return form
    return None


def _fitted(texts: Sequence[str], way: str, marks: tuple[str, ...]) -> DurationFormat | None:
    seen = []
    for text in texts:
        match = WAYS[way].fullmatch(text)
        if match is None:
            return None
        seen.append(match.groupdict())
    digits = {len(groups.get("f") or "") for groups in seen}
    most = max(digits)
    unit = "s" if not most else "ms" if most <= 3 else "us" if most <= 6 else "ns"
    point = next((g["point"] for g in seen if g.get("point")), ".")
    firsts = [g.get("H") or g.get("M") or "" for g in seen]
    padded = any(len(f) > 1 and f.startswith("0") for f in firsts)
    width = min(map(len, firsts)) if padded and way != "iso" else 1
    used = [{part for part in SECONDS if g.get(part)} for g in seen]
    parts = "".join(
        part if all(part in u for u in used) else part.lower()
        for part in SECONDS
        if any(part in u for u in used)
    )
    fixed = most if len(digits) == 1 else -1
    return DurationFormat(way, unit, width, fixed, point, parts, marks)
