"""Sums, inequalities and bounds between number columns.

A sum's total is not modelled but computed. For ``a <= b`` the slack, b - a, is modelled as a hidden
column, and b is computed from it. Values that then still break a rule (bounds, chains, requested
values) are moved on the grid of each column's decimals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.grid import (
    EXACT,
    MOST,
    Values,
    data_range,
    from_grid,
    plain_values,
    query_range,
    step,
    to_grid,
    type_range,
)
from gankit_tabular.codec.constraints.linear import FAR, Between, LinearSystem
from gankit_tabular.codec.constraints.rules import Linear, nanoseconds
from gankit_tabular.codec.queries import ColumnQuery
from gankit_tabular.codec.value_types import is_temporal, value_type
from gankit_tabular.data.arrow import Flags, Ints

Slacks = Mapping[str, tuple[Ints, Flags]]
"""Hidden columns in steps, by name; and which values are known."""


@dataclass(frozen=True)
class Compiled:
    """A linear rule over the system's variables, in the finest unit of its columns."""

    rule: Linear
    between: Between
    target: int = -1
    """The variable that is computed from the others; -1 for none."""
    slack: str = ""
    """The hidden column with the distance to the bound, ``high - Σ factor·x``."""

    def rest(self, x: Ints, slack: Ints, variables: Ints) -> Ints:
        """The sum that these variables need so that the rule holds with this slack."""
        others = ~np.isin(self.between.index, variables)
        at = self.between.index[others]
        return np.asarray(self.between.high - slack - x[:, at] @ self.between.factor[others])

    def factor(self, variable: int) -> int:
        return int(self.between.factor[self.between.index == variable][0])


class Arithmetic:
    """All linear rules of a table.

    Args:
        rules: between numbers, or dates and times.
        columns: by name. Their decimals are adapted, so that sums are exact.

    Raises:
        GankitError: rules that contradict each other, or numbers too large.
    """

    def __init__(self, rules: Sequence[Linear], columns: Mapping[str, Column]) -> None:
        self.names = list(dict.fromkeys(n for rule in rules for n in rule.columns))
        self.columns = [columns[name] for name in self.names]
        for _ in rules:  # a rule may change the decimals of another one's columns
            for rule in rules:
                fit_decimals(rule, [columns[name] for name in rule.columns])
        self.place = {name: i for i, name in enumerate(self.names)}
        compiled = [Compiled(r, _between(r, columns, self.place)) for r in rules]
        self.compiled = self._with_targets(compiled)
        limits = self._limits()
        self._check_for_contradictions(limits)
        # Computed columns may leave the data's range; the others stay within theirs.
        follows = np.isin(np.arange(len(self.names)), [c.target for c in self.derived])
        ranges = np.array([data_range(c) for c in self.columns], np.int64).reshape(-1, 2)
        limits = np.where(follows[:, None], limits, ranges)
        self.system = LinearSystem([c.between for c in self.compiled], limits)

    # --- Which columns are computed -------------------------------------------------------------

    def _with_targets(self, compiled: Sequence[Compiled]) -> list[Compiled]:
        """Chooses the column that each rule computes from its others: a sum's total, the upper end
        of an inequality; another one, or none, if that is computed already.
        """
        sources: dict[str, list[str]] = {}

        def leads_to(name: str, goal: str) -> bool:
            return name == goal or any(leads_to(s, goal) for s in sources.get(name, ()))

        def choose(c: Compiled) -> Compiled:
            signs, equal = dict(c.rule.terms), c.rule.relation == "="
            # A sum's total comes first. The ends of an inequality are the only terms of their sign,
            # and the upper end, with sign -1, comes first.
            alone = [n for n in signs if equal or [*signs.values()].count(signs[n]) == 1]
            for name in sorted(alone, key=lambda n: 0 if equal else signs[n]):
                others = [n for n in signs if n != name]
                if others and name not in sources and not any(leads_to(n, name) for n in others):
                    sources[name] = others
                    slack = "" if equal else f"~distance of {name}"
                    return replace(c, target=self.place[name], slack=slack)
            return c

        def depth(name: str) -> int:
            return 1 + max(map(depth, sources[name])) if name in sources else 0

        order = sorted(range(len(compiled)), key=lambda i: compiled[i].rule.relation != "=")
        chosen = dict(zip(order, [choose(compiled[i]) for i in order], strict=True))
        self.depth = [depth(name) for name in self.names]
        out = [chosen[i] for i in range(len(compiled))]
        self.derived = sorted((c for c in out if c.target >= 0), key=lambda c: self.depth[c.target])
        return out

    def _limits(self) -> Ints:
        """The widest range of each variable, (V, 2), from its type and the size of sums."""
        limits = np.array([type_range(c) for c in self.columns], np.int64).reshape(-1, 2)
        for c in self.compiled:
            for v, factor in zip(c.between.index.tolist(), c.between.factor.tolist(), strict=True):
                if not is_temporal(self.columns[v]):
                    reach = 2 * MOST // abs(factor)
                    limits[v] = max(limits[v][0], -reach), min(limits[v][1], reach)
        return limits

    def computed(self) -> set[str]:
        """The columns that need not be modelled, since their terms are never missing."""
        found = set()
        for c in self.derived:
            target = self.columns[c.target]
            others = [self.columns[v] for v in c.between.index if v != c.target]
            if not any(o.missing for o in others) and (c.slack or not target.missing):
                found.add(target.name)
        return found

    def slacks(self, values: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
        """The hidden columns of real rows: distances to bounds."""
        with_slack = [c for c in self.derived if c.slack]
        if not with_slack:
            return {}
        x, present = self._on_grid({c.name: plain_values(c, values[c.name]) for c in self.columns})
        made = {}
        for c in with_slack:
            slack, known = self._slack(c, x, present)
            made[c.slack] = pa.array(slack.astype(np.float64), pa.float64(), mask=~known)
        return made

    def _check_for_contradictions(self, limits: Ints) -> None:
        def possible(some: Sequence[Compiled]) -> bool:
            system = LinearSystem([c.between for c in some], limits)
            low, high = (limits[None, :, i].copy() for i in (0, 1))
            x, all_ = np.clip(np.zeros_like(low), low, high), np.ones_like(low, bool)
            return bool(system.repair(x, low, high, all_, all_, range(x.shape[1]))[1].all())

        left = list(self.compiled)
        if possible(left):
            return
        for c in self.compiled:
            fewer = [other for other in left if other is not c]
            left = left if possible(fewer) else fewer
        raise GankitError(
            "constraints contradict each other: " + ", ".join(repr(c.rule.text) for c in left),
            "Leave one of them out",
        )

    # --- Enforcing rules ------------------------------------------------------------------------

    def complete(self, values: Values) -> None:
        """Enforces rules, in place, in decoded rows with their hidden columns."""
        if self.names:
            x, present = self._on_grid(values)
            slacks = {c.slack: _slack_on_grid(values[c.slack]) for c in self.derived if c.slack}
            self._compute(x, present, slacks, set(), fresh=True)
            self._repair(x, present, {}, set())
            self._put(values, x, present)

    def enforce(self, values: Values, before: Values, queries: Mapping[str, ColumnQuery]) -> None:
        """Enforces rules, in place, in rows in which requested values were inserted.

        Args:
            before: the rows without the insertions, which follow the rules.

        Raises:
            GankitError: the requested values contradict the rules.
        """
        requested = self._variables(queries)
        if not requested:
            return
        old, had = self._on_grid(before)
        slacks = {c.slack: self._slack(c, old, had) for c in self.derived if c.slack}
        x, present = self._on_grid(values)
        fixed = self._adapt_terms(x, present, slacks, requested)
        self._compute(x, present, slacks, fixed, fresh=False)
        self._repair(x, present, queries, requested)
        self._put(values, x, present)

    def keep(self, values: Values, before: Values, given: Mapping[str, Flags]) -> None:
        """Enforces rules, in place, in rows of which some values are given and stay; rows in which
        that is impossible go on breaking them.

        Args:
            before: rows that follow the rules, in which the given values were inserted.
            given: which values, by column.
        """
        old, had = self._on_grid(before)
        slacks = {c.slack: self._slack(c, old, had) for c in self.derived if c.slack}
        x, present = self._on_grid(values)
        stays = np.stack([given[name] for name in self.names], 1)
        patterns, of = np.unique(stays, axis=0, return_inverse=True)
        for i, pattern in enumerate(patterns):
            fixed, rows = set(np.flatnonzero(pattern).tolist()), np.flatnonzero(of.ravel() == i)
            if not fixed or pattern.all():
                continue
            part, there = x[rows], present[rows]
            some = {name: (s[rows], known[rows]) for name, (s, known) in slacks.items()}
            follows = self._adapt_terms(part, there, some, fixed)
            self._compute(part, there, some, follows, fresh=False)
            ranges = np.array([data_range(c) for c in self.columns], np.int64)
            low, high = (np.broadcast_to(ends, part.shape).copy() for ends in ranges.T)
            low[:, pattern], high[:, pattern] = part[:, pattern], part[:, pattern]
            strict = np.broadcast_to(pattern, part.shape).copy()
            moved, good = self.system.repair(part, low, high, strict, there, self._order(fixed))
            x[rows] = np.where(good[:, None], moved, part)
        self._put(values, x, present)

    def _order(self, first: set[int]) -> list[int]:
        """Variables in the order in which they are moved, least the first ones."""
        return sorted(
            range(len(self.names)),
            key=lambda v: (v not in first, -step(self.columns[v]), self.depth[v]),
        )

    def check(self, queries: Mapping[str, ColumnQuery]) -> None:
        """Checks that some row satisfies both queries and rules.

        Raises:
            GankitError: none does.
        """
        requested = self._variables(queries)
        if requested:
            x = np.array([[sum(data_range(c)) // 2 for c in self.columns]], np.int64)
            present = np.ones_like(x, bool)
            for v in requested:
                present[:, v] = queries[self.names[v]].span is not None
            self._repair(x, present, queries, requested)

    def _variables(self, queries: Mapping[str, ColumnQuery]) -> set[int]:
        return {self.place[name] for name in queries if name in self.place}

    def _compute(
        self, x: Ints, present: Flags, slacks: Slacks, fixed: set[int], *, fresh: bool
    ) -> None:
        """Computes, in place, the columns that follow from others."""
        for c in self.derived:
            t, at = c.target, c.between.index
            if t in fixed:
                continue
            slack, known = slacks.get(c.slack, (np.zeros(len(x), np.int64), np.ones(len(x), bool)))
            ready = known & present[:, at[at != t]].all(1)
            if fresh and self.columns[t].computed:
                present[:, t] = ready
            value = _rounded_quotient(c.rest(x, slack, np.array([t])), c.factor(t))
            x[:, t] = np.where(ready & present[:, t], value, x[:, t])

    def _adapt_terms(
        self, x: Ints, present: Flags, slacks: Slacks, requested: set[int]
    ) -> set[int]:
        """Adapts, in place, the terms of a requested total or upper end, so that proportions and
        distances are kept; returns the variables that are then fixed.
        """
        fixed = set(requested)
        for c in reversed(self.derived):
            free = np.array([v for v in c.between.index.tolist() if v not in fixed])
            if c.target not in fixed or not len(free):
                continue
            slack, _ = slacks.get(c.slack, (np.zeros(len(x), np.int64), None))
            rest = c.rest(x, slack, free)
            complete = np.asarray(present[:, c.between.index].all(1))
            factors = np.array([c.factor(v) for v in free])
            parts = x[:, free] * factors
            total = parts.sum(1)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = rest / total
            if len(free) == 1:
                new, fine = _rounded_quotient(rest, int(factors[0]))[:, None], complete
            else:
                fine = (
                    complete
                    & np.isfinite(ratio)
                    & (ratio > 0)
                    & (parts * total[:, None] >= 0).all(1)
                )
                scaled = x[:, free] * np.where(fine, ratio, 1.0)[:, None]
                new = np.rint(np.clip(scaled, -MOST, MOST)).astype(np.int64)
            x[:, free] = np.where(fine[:, None], new, x[:, free])
            fixed |= set(free.tolist())
        return fixed

    def _repair(
        self, x: Ints, present: Flags, queries: Mapping[str, ColumnQuery], requested: set[int]
    ) -> None:
        """Moves, in place, values that break a rule: requested ones least, then coarse steps
        before fine ones, terms before what is computed from them.
        """
        shape = x.shape
        ranges = [query_range(c, queries.get(c.name)) for c in self.columns]
        low, high = (
            np.broadcast_to(np.array([r[i] for r in ranges], np.int64), shape).copy()
            for i in (0, 1)
        )
        strict = np.zeros(shape, bool)
        strict[:, list(requested)] = True
        x[:], good = self.system.repair(x, low, high, strict, present, self._order(requested))
        if not good.all():
            shown = ", ".join(str(q) for n, q in queries.items() if n in self.place)
            texts = dict.fromkeys(c.rule.text for c in self._related(queries))
            rules = ", ".join(map(repr, texts))
            raise GankitError(
                f"{shown or 'a row'}: impossible under {rules} within the data's ranges",
                "Request other values",
            )

    def _related(self, queries: Mapping[str, ColumnQuery]) -> list[Compiled]:
        """The rules of the requested columns, and those connected with them."""
        reached, found = set(queries), list[Compiled]()
        for _ in self.compiled:
            for c in self.compiled:
                if c not in found and (not queries or reached & set(c.rule.columns)):
                    found.append(c)
                    reached |= set(c.rule.columns)
        return found

    def _slack(self, c: Compiled, x: Ints, present: Flags) -> tuple[Ints, Flags]:
        """The distance of rows to a rule's bound, and where it is known."""
        known = np.asarray(present[:, c.between.index].all(1))
        return np.maximum(c.between.high - c.between.sum(x), 0), known

    def _on_grid(self, values: Mapping[str, Sequence[object]]) -> tuple[Ints, Flags]:
        pairs = [to_grid(c, values[c.name]) for c in self.columns]
        return np.stack([x for x, _ in pairs], 1), np.stack([p for _, p in pairs], 1)

    def _put(self, values: Values, x: Ints, present: Flags) -> None:
        for i, column in enumerate(self.columns):
            values[column.name] = from_grid(column, x[:, i], present[:, i])


def _slack_on_grid(values: Sequence[object]) -> tuple[Ints, Flags]:
    """A hidden column's values as integers, and which are present."""
    slack = np.array([np.nan if v is None else v for v in values], np.float64)
    return np.rint(np.nan_to_num(slack)).astype(np.int64), np.isfinite(slack)


def _rounded_quotient(a: Ints, b: int) -> Ints:
    """The quotient, rounded to the nearest integer."""
    b, a = (b, a) if b > 0 else (-b, -a)
    return np.asarray((a + b // 2) // b)


def fit_decimals(rule: Linear, columns: Sequence[Column]) -> None:
    """Limits decimals to what can be added exactly; a sum's total gets those of its terms, if its
    type and format allow it.
    """
    if any(is_temporal(c) for c in columns):
        return
    largest = max(abs(rule.constant), *(abs(end) for c in columns for end in _ends(c)))
    exact = min(EXACT.get(str(value_type(c)), MOST) for c in columns)
    if largest > exact:
        raise GankitError(
            f"constraint {rule.text!r}: {largest:g} is too large for exact arithmetic",
            "Leave the constraint out",
        )
    most = int(math.log10(exact / max(largest, 1e-3)))
    for c in columns:
        c.decimals = min(c.decimals, most)
    if rule.relation == "=" and len(columns) > 1:
        finest = max(c.decimals for c in columns)
        for c in columns[:1]:
            if not pa.types.is_integer(value_type(c)) and not c.format:
                c.decimals = max(c.decimals, finest)


def _ends(column: Column) -> tuple[float, float]:
    return column.range if column.atoms or column.bins else (0.0, 0.0)


def _between(rule: Linear, columns: Mapping[str, Column], place: Mapping[str, int]) -> Between:
    """The rule in the finest unit of its columns."""
    named = [columns[name] for name in rule.columns]
    if is_temporal(named[0]):
        units = [nanoseconds(value_type(c)) for c in named]
        scales = [unit // min(units) for unit in units]
        exact = Fraction(rule.constant) / min(units)
        ends = [abs(e) * s for c, s in zip(named, scales, strict=True) for e in data_range(c)]
        if max(ends) > FAR:
            raise GankitError(
                f"constraint {rule.text!r}: dates too far from 1970 for units this fine",
                "Leave the constraint out",
            )
    else:
        finest = max(c.decimals for c in named)
        scales = [10 ** (finest - c.decimals) for c in named]
        exact = Fraction(round(rule.constant * 10**finest, 6))
    high = math.floor(exact)
    if rule.relation == "<" and high == exact:
        high -= 1
    low = -FAR
    if rule.relation == "=":
        low = math.ceil(exact)
    factors = [sign * scale for (_, sign), scale in zip(rule.terms, scales, strict=True)]
    index = np.array([place[name] for name in rule.columns], np.int64)
    return Between(index, np.array(factors, np.int64), low, high)
