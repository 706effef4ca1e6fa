"""Which real rows break a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError
from gankit_tabular.codec.constraints.rules import Linear, Rule, Together, Unique, nanoseconds
from gankit_tabular.data.arrow import Flags, numbers, plain, temporal_integers

ROUNDING = {"halffloat": 1e-2, "float": 1e-6}
"""Rounding error of a sum in real data, relative to its terms; 1e-9 for other types."""


def check_rows(rules: Sequence[Rule], table: pa.Table, *, complete: bool = True) -> None:
    """Checks that real rows follow the rules. A missing value breaks none.

    Args:
        table: with formatted numbers as numbers.
        complete: whether the table has all rows; a sample's row numbers mean nothing.

    Raises:
        GankitError: some rows break a rule; the message gives their number and the first one.
    """
    for rule in rules:
        if isinstance(rule, Together):
            continue
        broken = broken_rows(rule, table) if isinstance(rule, Linear) else _duplicates(rule, table)
        count = int(broken.sum())
        if count:
            first = int(broken.argmax())
            shown = ", ".join(f"{n}={table.column(n)[first].as_py()}" for n in rule.columns)
            which = f"the first is row {first + 1}" if complete else "one of them"
            of = f"{table.num_rows:,} {'rows' if complete else 'sampled rows'}"
            raise GankitError(
                f"constraint {rule.text!r}: {count:,} of {of} break it, {which} ({shown})",
                "Fix or remove these rows, or leave the constraint out",
            )


def broken_rows(rule: Linear, table: pa.Table) -> Flags:
    """Rows that break a linear rule: exactly for dates and times, up to rounding for numbers."""
    types = {name: table.schema.field(name).type for name in rule.columns}
    if any(pa.types.is_temporal(t) for t in types.values()):
        return _broken_temporal(rule, table)
    columns = {name: numbers(plain(table.column(name))) for name in rule.columns}
    terms = [sign * columns[name] for name, sign in rule.terms]
    with np.errstate(invalid="ignore"):
        total = np.sum(terms, axis=0) - rule.constant
    noise = np.zeros(len(total))
    if len(terms) + bool(rule.constant) > 2 or (rule.relation == "=" and len(terms) > 1):
        relative = max(ROUNDING.get(str(t), 1e-9) for t in types.values())
        noise = relative * np.sum(np.abs(terms), axis=0)
    with np.errstate(invalid="ignore"):
        if rule.relation == "=":
            return np.asarray(np.abs(total) > noise)
        return np.asarray(total >= noise if rule.relation == "<" else total > noise)


def _broken_temporal(rule: Linear, table: pa.Table) -> Flags:
    found = {name: temporal_integers(plain(table.column(name))) for name in rule.columns}
    unit = {name: nanoseconds(table.schema.field(name).type) for name in rule.columns}
    least = min(unit.values())
    known = np.logical_and.reduce([present for _, present in found.values()])
    total = sum(sign * (found[name][0] * (unit[name] // least)) for name, sign in rule.terms)
    limit, rest = divmod(int(rule.constant), least)
    broken = {
        "<=": total > limit,
        "<": (total > limit) if rest else (total >= limit),
        "=": (total != limit) | bool(rest),
    }[rule.relation]
    return np.asarray(broken & known)


def _duplicates(rule: Unique, table: pa.Table) -> Flags:
    """Rows with the key of an earlier row."""
    seen: set[tuple[Any, ...]] = set()
    broken = np.zeros(table.num_rows, bool)
    columns = [table.column(name).to_pylist() for name in rule.columns]
    for i, key in enumerate(zip(*columns, strict=True)):
        if any(v is None or v != v for v in key):
            continue
        broken[i] = key in seen
        seen.add(key)
    return broken
