"""Rules between columns, as short texts say them; and which real rows break them.

age >= 0          a, b < 100        start <= end        total = price + tax - discount
together: country, city             unique: order, line
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.codec.columns import numbers, plain
from gankit_tabular.codec.queries import instant

Flags = npt.NDArray[np.bool_]
Relation = Literal["<=", "<", "="]

HOW = 'Write "a <= b", "total = price + tax", "together: a, b" or "unique: a"'
NOISE = {"halffloat": 1e-2, "float": 1e-6}
"""Rounding error of a sum in real data, relative to its terms; 1e-9 for other types."""
TIMES = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9


@dataclass(frozen=True)
class Linear:
    """``Σ sign·column  <=, < or =  constant``; an instant's constant is in nanoseconds."""

    text: str
    terms: tuple[tuple[str, int], ...]
    relation: Relation
    constant: float

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms)


@dataclass(frozen=True)
class Together:
    """Only combinations that the data has."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """No two rows agree in all of these."""

    text: str
    columns: tuple[str, ...]


Rule = Linear | Together | Unique


# --- What a column measures ---------------------------------------------------------------------


def measure(t: pa.DataType) -> str:
    """What a column's values are, so that only like is compared with like; empty for texts."""
    if pa.types.is_timestamp(t):
        return "instant" if t.tz else "instant without a time zone"
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
    return 10**6 if pa.types.is_date64(t) else TIMES[t.unit]


# --- Reading ------------------------------------------------------------------------------------


def parse(texts: Iterable[str], types: Mapping[str, pa.DataType]) -> list[Rule]:
    """The rules that texts state.

    Args:
        types: of the table's columns; a text column that holds numbers counts as float64.

    Raises:
        GankitError: it is no rule, or one about columns that there are not or that do not compare.
    """
    return [rule for text in texts for rule in _parse(text.strip(), types)]


def _parse(text: str, types: Mapping[str, pa.DataType]) -> list[Rule]:
    if match := re.fullmatch(r"(together|unique)\s*:(.*)", text, re.DOTALL):
        columns = tuple(_column(part, text, types) for part in _listed(match[2]))
        fewest = 2 if match[1] == "together" else 1
        if len(set(columns)) < max(fewest, len(columns)):
            _refuse(text, f"it names {len(set(columns))} different columns of {len(columns)}", HOW)
        return [Together(text, columns) if match[1] == "together" else Unique(text, columns)]
    signs = [m for m in re.finditer(r'"[^"]*"|(<=|>=|==|<|>|=)', text) if m[1]]
    if len(signs) != 1:
        _refuse(text, f"it has {len(signs)} of <, <=, =, >= and >, not one", HOW)
    left, right = text[: signs[0].start()].strip(), text[signs[0].end() :].strip()
    if not left or not right:
        _refuse(text, "a side is empty", HOW)
    sign = signs[0][1].replace("==", "=")
    if sign in (">", ">="):
        left, right, sign = right, left, sign.replace(">", "<")
    if sign == "=" and right in types:  # a total stands first
        left, right = right, left
    pairs = [(a, b) for a in _sides(left, types) for b in _sides(right, types)]
    return [_linear(text, a, sign, b, types) for a, b in pairs]


def _sides(side: str, types: Mapping[str, pa.DataType]) -> list[str]:
    """A list of columns is as many rules."""
    return [side] if side in types else _listed(side)


def _listed(text: str) -> list[str]:
    return [m.strip() for m in re.findall(r'(?:"[^"]*"|[^",])+', text)]


def _column(part: str, text: str, types: Mapping[str, pa.DataType]) -> str:
    name = part[1:-1] if re.fullmatch(r'"[^"]*"', part) else part
    if name not in types:
        _refuse(text, f"the table has no column {name!r}", did_you_mean(name, list(types)))
    return name


def _linear(
    text: str, left: str, relation: str, right: str, types: Mapping[str, pa.DataType]
) -> Linear:
    terms: dict[str, int] = {}
    constant: float = 0
    for factor, side, other in ((1, left, right), (-1, right, left)):
        moment = _moment(side, other, types)
        if moment is not None:
            constant -= factor * moment
            continue
        found, known = _terms(side, text, types)
        constant -= factor * known
        for name, sign in found:
            terms[name] = terms.get(name, 0) + factor * sign
    if not terms or any(abs(factor) != 1 for factor in terms.values()):
        _refuse(text, "each column must be there once", HOW)
    _check_measures(text, terms, constant, types)
    return Linear(text, tuple(terms.items()), relation, constant)  # type: ignore[arg-type]


def _moment(side: str, other: str, types: Mapping[str, pa.DataType]) -> int | None:
    """A date or time that a column is compared with, in nanoseconds."""
    t = types.get(other.strip('"'))
    if t is None or side in types or (whole := instant(t, side)) is None:
        return None
    return whole * nanoseconds(t)


def _terms(
    side: str, text: str, types: Mapping[str, pa.DataType]
) -> tuple[list[tuple[str, int]], float]:
    """The columns of a sum with their signs, and its constant. Names may hold spaces and signs."""
    if side in types:
        return [(side, 1)], 0.0
    names = sorted(types, key=len, reverse=True)
    found: list[tuple[str, int]] = []
    constant, place = 0.0, 0
    while place < len(side):
        lead = re.compile(r"\s*([+-]?)\s*").match(side, place)
        assert lead is not None
        if place and not lead[1]:
            _refuse(text, f"{side[place:].strip()!r} stands where + or - should", HOW)
        sign, place = -1 if lead[1] == "-" else 1, lead.end()
        quoted = re.compile(r'"([^"]*)"').match(side, place)
        number = re.compile(r"\d+(\.\d+)?(?=\s*([+-]|$))").match(side, place)
        name = next((n for n in names if _stands(n, side, place)), None)
        if quoted:
            found.append((_column(quoted[0], text, types), sign))
            place = quoted.end()
        elif name is not None:
            found.append((name, sign))
            place += len(name)
        elif number:
            constant += sign * float(number[0])
            place = number.end()
        else:
            _column(re.split(r"\s+[+-]\s+", side[place:])[0].strip(), text, types)
    return found, constant


def _stands(name: str, side: str, place: int) -> bool:
    after = side[place + len(name) :].lstrip()
    return side.startswith(name, place) and (not after or after[0] in "+-")


def _check_measures(
    text: str, terms: Mapping[str, int], constant: float, types: Mapping[str, pa.DataType]
) -> None:
    kinds = {name: measure(types[name]) for name in terms}
    for name, kind in kinds.items():
        if not kind:
            _refuse(text, f"{name} holds texts, not numbers", "Only numbers and instants compare")
    first, one = next(iter(kinds.items()))
    for name, kind in kinds.items():
        if kind != one and {kind, one} != {"date", "instant without a time zone"}:
            _refuse(text, f"{first} is a {one}, {name} a {kind}", "Compare like with like")
    pair = sorted(terms.values()) == [-1, 1] and not constant
    if one != "number" and len(terms) > 1 and not pair:
        _refuse(text, "dates and times compare in pairs; they do not add up", "Write a <= b")


def _refuse(text: str, why: str, hint: str) -> NoReturn:
    raise GankitError(f"constraint {text!r}: {why}", hint)


# --- Real rows ----------------------------------------------------------------------------------


def check(rules: Sequence[Rule], table: pa.Table, *, whole: bool = True) -> None:
    """Real rows honour the rules; a missing value never breaks one.

    Args:
        table: texts that hold numbers as numbers.
        whole: whether these are all rows; of a part, row numbers would say nothing.

    Raises:
        GankitError: says how many rows do not, and which is the first.
    """
    for rule in rules:
        if isinstance(rule, Together):
            continue
        broken = _broken(rule, table) if isinstance(rule, Linear) else _again(rule, table)
        count = int(broken.sum())
        if count:
            first = int(broken.argmax())
            shown = ", ".join(f"{n}={table.column(n)[first].as_py()}" for n in rule.columns)
            where = f"the first is row {first + 1}" if whole else "one of those looked at"
            of = f"{table.num_rows:,} rows" + (" looked at" if not whole else "")
            raise GankitError(
                f"constraint {rule.text!r}: {count:,} of {of} break it, {where} ({shown})",
                "Mend or remove these rows, or leave the constraint out",
            )


def _broken(rule: Linear, table: pa.Table) -> Flags:
    """Rows that break a linear rule: instants exactly, numbers but for rounding errors of sums."""
    types = {name: table.schema.field(name).type for name in rule.columns}
    if any(pa.types.is_temporal(t) for t in types.values()):
        return _broken_instants(rule, table)
    columns = {name: numbers(plain(table.column(name))) for name in rule.columns}
    terms = [sign * columns[name] for name, sign in rule.terms]
    with np.errstate(invalid="ignore"):
        total = np.sum(terms, axis=0) - rule.constant
    noise = np.zeros(len(total))
    if len(terms) + bool(rule.constant) > 2 or (rule.relation == "=" and len(terms) > 1):
        relative = max(NOISE.get(str(t), 1e-9) for t in types.values())
        noise = relative * np.sum(np.abs(terms), axis=0)
    with np.errstate(invalid="ignore"):
        if rule.relation == "=":
            return np.asarray(np.abs(total) > noise)
        return np.asarray(total >= noise if rule.relation == "<" else total > noise)


def _broken_instants(rule: Linear, table: pa.Table) -> Flags:
    whole = {name: instants(plain(table.column(name))) for name in rule.columns}
    unit = {name: nanoseconds(table.schema.field(name).type) for name in rule.columns}
    least = min(unit.values())
    known = np.logical_and.reduce([present for _, present in whole.values()])
    total = sum(sign * (whole[name][0] * (unit[name] // least)) for name, sign in rule.terms)
    limit, rest = divmod(int(rule.constant), least)
    broken = {
        "<=": total > limit,
        "<": (total > limit) if rest else (total >= limit),
        "=": (total != limit) | bool(rest),
    }[rule.relation]
    return np.asarray(broken & known)


def instants(values: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], Flags]:
    """Whole numbers in the type's own unit, 0 for what is missing; and what is not missing."""
    whole = values.cast(pa.int64() if values.type.bit_width == 64 else pa.int32())
    known = pc.is_valid(values).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(whole.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return np.asarray(filled, np.int64), np.asarray(known, bool)


def _again(rule: Unique, table: pa.Table) -> Flags:
    """Rows whose key an earlier row has."""
    seen: set[tuple[Any, ...]] = set()
    broken = np.zeros(table.num_rows, bool)
    columns = [table.column(name).to_pylist() for name in rule.columns]
    for i, key in enumerate(zip(*columns, strict=True)):
        if any(v is None or v != v for v in key):
            continue
        broken[i] = key in seen
        seen.add(key)
    return broken
