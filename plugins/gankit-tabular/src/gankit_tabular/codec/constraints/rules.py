"""Rules between columns, written as short texts:

age >= 0          a, b < 100        start <= end        total = price + tax - discount
together: country, city             unique: order, line
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

import pyarrow as pa

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.codec.periods import examples, parse_period

Relation = Literal["<=", "<", "="]
Types = Mapping[str, pa.DataType]
"""The types of a table's columns; a text column of formatted numbers counts as float64."""

SYNTAX = 'Write "a <= b", "total = price + tax", "together: a, b" or "unique: a"'
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9


@dataclass(frozen=True)
class Linear:
    """``Σ sign·column  <=, < or =  constant``; a date or time as constant is in nanoseconds."""

    text: str
    terms: tuple[tuple[str, int], ...]
    relation: Relation
    constant: float

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms)


@dataclass(frozen=True)
class Together:
    """Only combinations of the data."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """No two rows agree in all of these columns."""

    text: str
    columns: tuple[str, ...]


Rule = Linear | Together | Unique


# --- Quantities ---------------------------------------------------------------------------------


def quantity(t: pa.DataType) -> str:
    """What values of a type measure: a rule compares columns of one quantity. Empty for texts."""
    if pa.types.is_timestamp(t):
        return "timestamp" if t.tz else "timestamp without a time zone"
    if pa.types.is_date(t):
        return "date"
    if pa.types.is_temporal(t):
        return "duration" if pa.types.is_duration(t) else "time of day"
    numeric = pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t)
    return "number" if numeric else ""


def nanoseconds(t: pa.DataType) -> int:
    """The length of a temporal type's unit."""
    if pa.types.is_date32(t):
        return DAY
    return 10**6 if pa.types.is_date64(t) else UNITS[t.unit]


# --- Parsing ------------------------------------------------------------------------------------


def parse_rules(texts: Iterable[str], types: Types) -> list[Rule]:
    """The rules in a list of texts.

    Raises:
        GankitError: a text is not a rule, or its columns do not exist or cannot be compared.
    """
    return [rule for text in texts for rule in _parse(text.strip(), types)]


def _parse(text: str, types: Types) -> list[Rule]:
    if match := re.fullmatch(r"(together|unique)\s*:(.*)", text, re.DOTALL):
        columns = tuple(_column(part, text, types) for part in _listed(match[2]))
        if len(set(columns)) < len(columns) or not columns:
            _refuse(text, "each column must be named once", SYNTAX)
        if match[1] == "unique":
            return [Unique(text, columns)]
        if len(columns) < 2:
            _refuse(text, "'together' needs at least two columns", SYNTAX)
        return [Together(text, columns)]
    signs = [m for m in re.finditer(r'"[^"]*"|(<=|>=|==|<|>|=)', text) if m[1]]
    if len(signs) != 1:
        _refuse(text, f"it has {len(signs)} comparison signs (<, <=, =, >=, >), not one", SYNTAX)
    left, right = text[: signs[0].start()].strip(), text[signs[0].end() :].strip()
    if not left or not right:
        _refuse(text, "a side is empty", SYNTAX)
    sign = signs[0][1].replace("==", "=")
    if sign in (">", ">="):
        left, right, sign = right, left, sign.replace(">", "<")
    if sign == "=" and right in types:  # the total is the first term
        left, right = right, left
    pairs = [(a, b) for a in _sides(left, types) for b in _sides(right, types)]
    return [_linear(text, a, sign, b, types) for a, b in pairs]


def _sides(side: str, types: Types) -> list[str]:
    """A list of columns means one rule each."""
    return [side] if side in types else _listed(side)


def _listed(text: str) -> list[str]:
    return [m.strip() for m in re.findall(r'(?:"[^"]*"|[^",])+', text)]


def _column(part: str, text: str, types: Types) -> str:
    name = part[1:-1] if re.fullmatch(r'"[^"]*"', part) else part
    if name not in types:
        hint = did_you_mean(name, list(types))
        if name == part and any(map(str.isdecimal, part)) and "Did you mean" not in hint:
            hint = "Write numbers without a unit, such as 500, and dates as 2024-01-31"
        _refuse(text, f"the table has no column {name!r}", hint)
    return name


def _linear(text: str, left: str, relation: str, right: str, types: Types) -> Linear:
    terms: dict[str, int] = {}
    constant: float = 0
    plain_number = False
    for factor, side, other in ((1, left, right), (-1, right, left)):
        last = (factor > 0) == (relation == "<")  # of the days of a year that is the bound
        moment = _moment(side, other, types, text, relation, last)
        if moment is not None:
            constant -= factor * moment
            continue
        found, known = _terms(side, text, types)
        constant -= factor * known
        for name, sign in found:
            terms[name] = terms.get(name, 0) + factor * sign
        plain_number = plain_number or bool(known)
    if not terms or any(abs(factor) != 1 for factor in terms.values()):
        _refuse(text, "each column must be named once", SYNTAX)
    _check_quantities(text, terms, constant, types, plain_number)
    return Linear(text, tuple(terms.items()), relation, constant)  # type: ignore[arg-type]


def _moment(
    side: str, other: str, types: Types, text: str, relation: str, last: bool
) -> int | None:
    """A date or time that a column is compared with, in nanoseconds; of a year or month the first
    instant, or the last.
    """
    t = types.get(other.strip('"'))
    if t is None or side in types or not pa.types.is_temporal(t):
        return None
    found = parse_period(side, t)
    if found is None or not all(map(math.isfinite, found)):
        return None
    if relation == "=" and found[0] != found[1]:
        _refuse(text, f"{side} is more than one value", "Use <= and >=, or one date or time")
    return int(found[last]) * nanoseconds(t)


def _terms(side: str, text: str, types: Types) -> tuple[list[tuple[str, int]], float]:
    """A sum's columns with their signs, and its constant. Names may contain spaces and signs."""
    if side in types:
        return [(side, 1)], 0.0
    names = sorted(types, key=len, reverse=True)
    found: list[tuple[str, int]] = []
    constant, place = 0.0, 0
    while place < len(side):
        lead = re.compile(r"\s*([+-]?)\s*").match(side, place)
        assert lead is not None
        if place and not lead[1]:
            _refuse(text, f"expected + or - before {side[place:].strip()!r}", SYNTAX)
        sign, place = -1 if lead[1] == "-" else 1, lead.end()
        quoted = re.compile(r'"([^"]*)"').match(side, place)
        number = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(?=\s*([+-]|$))").match(side, place)
        name = next((n for n in names if _begins(n, side, place)), None)
        if quoted:
            found.append((_column(quoted[0], text, types), sign))
            place = quoted.end()
        elif name is not None:
            found.append((name, sign))
            place += len(name)
        elif number:
            constant += sign * float(number[0])
            if not math.isfinite(constant):
                _refuse(text, f"{number[0]} is too large", "Write a finite number")
            place = number.end()
        else:
            _column(re.split(r"\s+[+-]\s+", side[place:])[0].strip(), text, types)
    return found, constant


def _begins(name: str, side: str, place: int) -> bool:
    """Whether the text continues with this column."""
    after = side[place + len(name) :].lstrip()
    return side.startswith(name, place) and (not after or after[0] in "+-")


def _check_quantities(
    text: str, terms: Mapping[str, int], constant: float, types: Types, plain_number: bool
) -> None:
    kinds = {name: quantity(types[name]) for name in terms}
    for name, kind in kinds.items():
        if not kind:
            _refuse(text, f"{name} contains texts, not numbers", "Compare numbers or dates")
    first, one = next(iter(kinds.items()))
    for name, kind in kinds.items():
        if kind != one and {kind, one} != {"date", "timestamp without a time zone"}:
            _refuse(text, f"{first} is a {one}, {name} a {kind}", "Compare columns of one kind")
    if one != "number" and plain_number and len(terms) == 1:
        two = examples(types[first])[0]
        _refuse(text, f"{first} contains {one}s, not numbers", f"Write such a value as {two}")
    pair = sorted(terms.values()) == [-1, 1] and not constant
    if one != "number" and len(terms) > 1 and not pair:
        _refuse(text, "dates and times cannot be added, only compared in pairs", "Write a <= b")


def _refuse(text: str, reason: str, hint: str) -> NoReturn:
    raise GankitError(f"constraint {text!r}: {reason}", hint)
