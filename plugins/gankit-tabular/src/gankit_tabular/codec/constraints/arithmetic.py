"""Sums, inequalities and bounds between number columns.

A sum's total is not modelled but added up; of ``a <= b`` what is left to the bound, b - a, is
modelled as a hidden column and b follows. What then still breaks a rule (bounds, chains, what a
user asks) is moved on the grid of each column's decimals.
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
    asked_range,
    data_range,
    from_grid,
    is_time,
    plain_values,
    step,
    to_grid,
    type_range,
    value_type,
)
from gankit_tabular.codec.constraints.linear import FAR, Between, Flags, Ints, LinearSystem
from gankit_tabular.codec.constraints.rules import Linear, nanoseconds
from gankit_tabular.codec.queries import Wish

Values = dict[str, list[object]]
"""Columns of a few rows: numbers, instants as whole numbers in their unit, texts, None."""


@dataclass(frozen=True)
class Compiled:
    """A linear rule over the system's variables, in the finest unit of its columns."""

    rule: Linear
    between: Between
    target: int = -1
    """The variable that follows from the others; -1 for none."""
    gap: str = ""
    """The hidden column with what is left to the bound, ``high - Σ factor·x``."""

    def rest(self, x: Ints, gap: Ints, without: Ints) -> Ints:
        """What the variables that are not in ``without`` leave to those that are."""
        others = ~np.isin(self.between.index, without)
        at = self.between.index[others]
        return np.asarray(self.between.high - gap - x[:, at] @ self.between.factor[others])

    def factor(self, variable: int) -> int:
        return int(self.between.factor[self.between.index == variable][0])


class Arithmetic:
    """All linear rules of a table.

    Args:
        rules: the rules; their columns are all numbers or instants.
        columns: by name. Decimals are adapted, so that sums come out.

    Raises:
        GankitError: rules that contradict each other, or numbers too large.
    """

    def __init__(self, rules: Sequence[Linear], columns: Mapping[str, Column]) -> None:
        self.names = list(dict.fromkeys(n for rule in rules for n in rule.columns))
        self.columns = [columns[name] for name in self.names]
        for _ in rules:  # one rule's decimals may matter to another
            for rule in rules:
                fit_decimals(rule, [columns[name] for name in rule.columns])
        self.place = {name: i for i, name in enumerate(self.names)}
        compiled = [Compiled(r, _between(r, columns, self.place)) for r in rules]
        self.compiled = self._with_targets(compiled)
        limits = self._limits()
        self._check_for_contradictions(limits)
        # What follows from others may leave the data's range; the others stay within theirs.
        follows = np.isin(np.arange(len(self.names)), [c.target for c in self.derived])
        ranges = np.array([data_range(c) for c in self.columns], np.int64).reshape(-1, 2)
        limits = np.where(follows[:, None], limits, ranges)
        self.system = LinearSystem([c.between for c in self.compiled], limits)

    # --- Which column follows from which --------------------------------------------------------

    def _with_targets(self, compiled: Sequence[Compiled]) -> list[Compiled]:
        """Chooses for each rule the column that follows from its others: a sum's total, the upper
        end of an inequality; another one, or none, where that is taken.
        """
        sources: dict[str, list[str]] = {}

        def leads_to(name: str, goal: str) -> bool:
            return name == goal or any(leads_to(s, goal) for s in sources.get(name, ()))

        def choose(c: Compiled) -> Compiled:
            signs, equal = dict(c.rule.terms), c.rule.relation == "="
            # A sum's total comes first. An inequality's ends are alone with their sign, -1 above.
            alone = [n for n in signs if equal or [*signs.values()].count(signs[n]) == 1]
            for name in sorted(alone, key=lambda n: 0 if equal else signs[n]):
                others = [n for n in signs if n != name]
                if others and name not in sources and not any(leads_to(n, name) for n in others):
                    sources[name] = others
                    gap = "" if equal else f"~distance of {name}"
                    return replace(c, target=self.place[name], gap=gap)
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
        """What each variable may be at the utmost, (V, 2): what its type holds and sums allow."""
        limits = np.array([type_range(c) for c in self.columns], np.int64).reshape(-1, 2)
        for c in self.compiled:
            for v, factor in zip(c.between.index.tolist(), c.between.factor.tolist(), strict=True):
                if not is_time(self.columns[v]):
                    reach = 2 * MOST // abs(factor)
                    limits[v] = max(limits[v][0], -reach), min(limits[v][1], reach)
        return limits

    def computed(self) -> set[str]:
        """The columns that need not be modelled: never is it unknown what they follow from."""
        found = set()
        for c in self.derived:
            target = self.columns[c.target]
            others = [self.columns[v] for v in c.between.index if v != c.target]
            if not any(o.missing for o in others) and (c.gap or not target.missing):
                found.add(target.name)
        return found

    def gaps(self, values: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
        """The hidden columns of real rows: what is left to bounds."""
        wanted = [c for c in self.derived if c.gap]
        if not wanted:
            return {}
        x, present = self._on_grid({c.name: plain_values(c, values[c.name]) for c in self.columns})
        made = {}
        for c in wanted:
            left, known = self._left(c, x, present)
            made[c.gap] = pa.array(left.astype(np.float64), pa.float64(), mask=~known)
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

    # --- Making rules true ----------------------------------------------------------------------

    def complete(self, values: Values) -> None:
        """Makes rules true, in place, of freshly decoded rows with their hidden columns."""
        if self.names:
            x, present = self._on_grid(values)
            gaps = {c.gap: _gap_on_grid(values[c.gap]) for c in self.derived if c.gap}
            self._follow(x, present, gaps, set(), fresh=True)
            self._repair(x, present, {}, set())
            self._put(values, x, present)

    def settle(self, values: Values, before: Values, wishes: Mapping[str, Wish]) -> None:
        """Makes rules true, in place, of rows in which what is asked has been put.

        Args:
            before: the rows that it was put in, which honour the rules.

        Raises:
            GankitError: no row can have what is asked.
        """
        asked = {self.place[n] for n in wishes if n in self.place}
        if not asked:
            return
        old, had = self._on_grid(before)
        gaps = {c.gap: self._left(c, old, had) for c in self.derived if c.gap}
        x, present = self._on_grid(values)
        moved = self._lead(x, present, gaps, asked)
        self._follow(x, present, gaps, moved, fresh=False)
        self._repair(x, present, wishes, asked)
        self._put(values, x, present)

    def check(self, wishes: Mapping[str, Wish]) -> None:
        """Whether rules leave anything of what is asked.

        Raises:
            GankitError: they do not.
        """
        asked = {self.place[n] for n in wishes if n in self.place}
        if asked:
            x = np.array([[sum(data_range(c)) // 2 for c in self.columns]], np.int64)
            present = np.ones_like(x, bool)
            for v in asked:
                present[:, v] = wishes[self.names[v]].span is not None
            self._repair(x, present, wishes, asked)

    def _follow(
        self,
        x: Ints,
        present: Flags,
        gaps: Mapping[str, tuple[Ints, Flags]],
        fixed: set[int],
        *,
        fresh: bool,
    ) -> None:
        """Sets, in place, what follows from other columns."""
        for c in self.derived:
            t, at = c.target, c.between.index
            if t in fixed:
                continue
            gap, known = gaps.get(c.gap, (np.zeros(len(x), np.int64), np.ones(len(x), bool)))
            ready = known & present[:, at[at != t]].all(1)
            if fresh and self.columns[t].computed:
                present[:, t] = ready
            value = _divided(c.rest(x, gap, np.array([t])), c.factor(t))
            x[:, t] = np.where(ready & present[:, t], value, x[:, t])

    def _lead(
        self,
        x: Ints,
        present: Flags,
        gaps: Mapping[str, tuple[Ints, Flags]],
        asked: set[int],
    ) -> set[int]:
        """Moves, in place, what an asked total or upper end follows from, so that proportions and
        distances stay; the variables that are settled then.
        """
        settled = set(asked)
        for c in reversed(self.derived):
            free = np.array([v for v in c.between.index.tolist() if v not in settled])
            if c.target not in settled or not len(free):
                continue
            gap, _ = gaps.get(c.gap, (np.zeros(len(x), np.int64), None))
            rest = c.rest(x, gap, free)
            all_there = np.asarray(present[:, c.between.index].all(1))
            factors = np.array([c.factor(v) for v in free])
            parts = x[:, free] * factors
            total = parts.sum(1)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = rest / total
            if len(free) == 1:
                new, fine = _divided(rest, int(factors[0]))[:, None], all_there
            else:
                fine = (
                    all_there
                    & np.isfinite(ratio)
                    & (ratio > 0)
                    & (parts * total[:, None] >= 0).all(1)
                )
                scaled = x[:, free] * np.where(fine, ratio, 1.0)[:, None]
                new = np.rint(np.clip(scaled, -MOST, MOST)).astype(np.int64)
            x[:, free] = np.where(fine[:, None], new, x[:, free])
            settled |= set(free.tolist())
        return settled

    def _repair(self, x: Ints, present: Flags, wishes: Mapping[str, Wish], first: set[int]) -> None:
        """Moves, in place, what breaks a rule: what is asked least, then coarse before fine, what
        others follow from before what follows.
        """
        shape = x.shape
        ranges = [asked_range(c, wishes.get(c.name)) for c in self.columns]
        low, high = (
            np.broadcast_to(np.array([r[i] for r in ranges], np.int64), shape).copy()
            for i in (0, 1)
        )
        asked = np.zeros(shape, bool)
        asked[:, list(first)] = True
        order = sorted(
            range(len(self.names)),
            key=lambda v: (v not in first, -step(self.columns[v]), self.depth[v]),
        )
        x[:], good = self.system.repair(x, low, high, asked, present, order)
        if not good.all():
            said = ", ".join(str(w) for n, w in wishes.items() if n in self.place)
            rules = ", ".join(repr(c.rule.text) for c in self._near(wishes))
            raise GankitError(
                f"{said or 'a row'}: impossible under {rules} within the data's ranges",
                "Ask for another",
            )

    def _near(self, wishes: Mapping[str, Wish]) -> list[Compiled]:
        """The rules about what is asked, and those that these lead to."""
        reached, found = set(wishes), list[Compiled]()
        for _ in self.compiled:
            for c in self.compiled:
                if c not in found and (not wishes or reached & set(c.rule.columns)):
                    found.append(c)
                    reached |= set(c.rule.columns)
        return found

    def _left(self, c: Compiled, x: Ints, present: Flags) -> tuple[Ints, Flags]:
        """What rows leave to a rule's bound, and where that is known."""
        known = np.asarray(present[:, c.between.index].all(1))
        return np.maximum(c.between.high - c.between.sum(x), 0), known

    def _on_grid(self, values: Mapping[str, Sequence[object]]) -> tuple[Ints, Flags]:
        pairs = [to_grid(c, values[c.name]) for c in self.columns]
        return np.stack([x for x, _ in pairs], 1), np.stack([p for _, p in pairs], 1)

    def _put(self, values: Values, x: Ints, present: Flags) -> None:
        for i, column in enumerate(self.columns):
            values[column.name] = from_grid(column, x[:, i], present[:, i])


def _gap_on_grid(values: Sequence[object]) -> tuple[Ints, Flags]:
    """A hidden column's values as whole numbers, and which there are."""
    left = np.array([np.nan if v is None else v for v in values], np.float64)
    return np.rint(np.nan_to_num(left)).astype(np.int64), np.isfinite(left)


def _divided(a: Ints, b: int) -> Ints:
    """The quotient, rounded to the nearest whole number."""
    b, a = (b, a) if b > 0 else (-b, -a)
    return np.asarray((a + b // 2) // b)


def fit_decimals(rule: Linear, columns: Sequence[Column]) -> None:
    """As many decimals as can be added up exactly; a sum's total has those of its terms, where its
    type and format allow it.
    """
    if any(is_time(c) for c in columns):
        return
    largest = max(abs(rule.constant), *(abs(end) for c in columns for end in _ends(c)))
    exact = min(EXACT.get(str(value_type(c)), MOST) for c in columns)
    if largest > exact:
        raise GankitError(
            f"constraint {rule.text!r}: {largest:g} is too large to be kept exact",
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
    if is_time(named[0]):
        units = [nanoseconds(value_type(c)) for c in named]
        scales = [unit // min(units) for unit in units]
        exact = Fraction(rule.constant) / min(units)
        ends = [abs(e) * s for c, s in zip(named, scales, strict=True) for e in data_range(c)]
        if max(ends) > FAR:
            raise GankitError(
                f"constraint {rule.text!r}: instants too far off for units this fine",
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
