"""Linear rules between integers, satisfied exactly row by row.

A column's values are integer multiples of its step (a cent, a day). A rule

    low ≤ Σ factor·x ≤ high

then compares integers, and also holds for the numbers as printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gankit_tabular.data.arrow import Flags, Ints

FAR = 2**62
"""Stands for no bound."""
ROUNDS = 50
"""Times that bounds are propagated from rule to rule."""
SECONDS = 5.0
"""Time limit of the search for one row."""


@dataclass(frozen=True)
class Between:
    """``low ≤ Σ factor·x ≤ high`` over the variables ``index``."""

    index: Ints
    factor: Ints
    low: int
    high: int

    def sum(self, x: Ints) -> Ints:
        return np.asarray(x[:, self.index] @ self.factor)


class LinearSystem:
    """Rules over V variables.

    Args:
        rules: all of them.
        limits: widest range of each variable, (V, 2).
    """

    def __init__(self, rules: Sequence[Between], limits: Ints) -> None:
        self.rules, self.limits = list(rules), limits

    def holds(self, x: Ints, present: Flags) -> Flags:
        """Which rows satisfy every rule, (N,); a rule with a missing value is satisfied."""
        good = np.ones(len(x), bool)
        for rule in self.rules:
            total = rule.sum(x)
            good &= ((rule.low <= total) & (total <= rule.high)) | ~present[:, rule.index].all(1)
        return good

    def narrow(self, low: Ints, high: Ints, present: Flags) -> Flags:
        """Narrows the bounds (N, V), in place, to values that a solution may have; returns which
        rows may have one.

        Exact if no two rules share two variables, and for differences; otherwise a row may turn
        out to have no solution.
        """
        for _ in range(ROUNDS):
            changed = False
            for rule in self.rules:
                at, f = rule.index, rule.factor
                lo, hi = low[:, at], high[:, at]
                active = np.asarray(present[:, at].all(1) & (lo <= hi).all(1))
                least = np.where(f > 0, f * lo, f * hi)
                most = np.where(f > 0, f * hi, f * lo)
                new_lo, new_hi = lo, hi
                if rule.high < FAR:
                    top = rule.high - (least.sum(1, keepdims=True) - least)
                    new_hi = np.where(f > 0, np.minimum(new_hi, top // f), new_hi)
                    new_lo = np.where(f < 0, np.maximum(new_lo, -(-top // f)), new_lo)
                if rule.low > -FAR:
                    bottom = rule.low - (most.sum(1, keepdims=True) - most)
                    new_lo = np.where(f > 0, np.maximum(new_lo, -(-bottom // f)), new_lo)
                    new_hi = np.where(f < 0, np.minimum(new_hi, bottom // f), new_hi)
                moved = active[:, None] & ((new_lo != lo) | (new_hi != hi))
                if moved.any():
                    changed = True
                    low[:, at] = np.where(moved, new_lo, lo)
                    high[:, at] = np.where(moved, new_hi, hi)
            if not changed:
                break
        return np.asarray(((low <= high) | ~present).all(1))

    def clip(
        self, x: Ints, low: Ints, high: Ints, present: Flags, order: Sequence[int]
    ) -> tuple[Ints, Flags]:
        """Fixes one variable after another at the nearest value that its bounds allow.

        Returns:
            The new rows, and which of them satisfy rules and bounds.
        """
        x, low, high = x.copy(), low.copy(), high.copy()
        self.narrow(low, high, present)
        for v in order:
            x[:, v] = np.where(present[:, v], np.clip(x[:, v], low[:, v], high[:, v]), x[:, v])
            low[:, v] = np.maximum(low[:, v], x[:, v])
            high[:, v] = np.minimum(high[:, v], x[:, v])
            alive = self.narrow(low, high, present)
            if not alive.any():
                break
        return x, self.holds(x, present) & ((low <= high) | ~present).all(1)

    def search(self, x: Ints, low: Ints, high: Ints, present: Flags) -> Ints | None:
        """The solution nearest to one row (V,) by integer programming; None if there is none."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        low, high = low.copy(), high.copy()
        if not self.narrow(low[None], high[None], present[None])[0]:
            return None
        n, rules = len(x), [r for r in self.rules if present[r.index].all()]
        start = np.clip(x, low, high)
        weight = np.ones(n)
        matrix = np.zeros((len(rules), n))
        for i, rule in enumerate(rules):
            matrix[i, rule.index] = rule.factor
            weight[rule.index] = np.maximum(weight[rule.index], np.abs(rule.factor))
        at = matrix @ start
        least = np.array([r.low if r.low > -FAR else -np.inf for r in rules]) - at
        most = np.array([r.high if r.high < FAR else np.inf for r in rules]) - at
        one, none = np.eye(n), np.zeros((len(rules), n))
        # Steps d and their sizes t ≥ |d|; the sum of sizes is minimised.
        found = milp(
            np.concatenate([np.zeros(n), weight / weight.max()]),
            integrality=np.concatenate([np.ones(n), np.zeros(n)]),
            bounds=Bounds(
                np.concatenate([np.where(present, low - start, 0), np.zeros(n)]),
                np.concatenate([np.where(present, high - start, 0), np.full(n, np.inf)]),
            ),
            constraints=[
                LinearConstraint(np.concatenate([matrix, none], 1), least, most),
                LinearConstraint(np.concatenate([-one, one], 1), 0, np.inf),
                LinearConstraint(np.concatenate([one, one], 1), 0, np.inf),
            ],
            options={"time_limit": SECONDS},
        )
        if found.x is None:
            return None
        near = start + np.rint(found.x[:n]).astype(np.int64)
        order = np.argsort(-weight).tolist()
        exact, good = self.clip(near[None], low[None], high[None], present[None], order)
        return exact[0] if good[0] else None

    def repair(
        self, x: Ints, low: Ints, high: Ints, strict: Flags, present: Flags, order: Sequence[int]
    ) -> tuple[Ints, Flags]:
        """Rows that satisfy every rule, each close to the given one.

        Args:
            x: values, (N, V).
            low, high: preferred bounds, (N, V): the requested range, or else the data's.
            strict: which of these bounds must hold, (N, V); the others are widened if necessary.
            present: which values are not missing, (N, V).
            order: in which variables are fixed; the first one moves least.

        Returns:
            The new rows, and which of them have a solution.
        """
        x, good = x.copy(), np.zeros(len(x), bool)
        wide_low = np.where(strict, low, self.limits[:, 0])
        wide_high = np.where(strict, high, self.limits[:, 1])

        def within(low: Ints, high: Ints) -> Flags:
            inside = ((low <= x) & (x <= high)) | ~present
            return np.asarray(inside.all(1) & self.holds(x, present))

        good |= within(low, high)
        for lo, hi in ((low, high), (wide_low, wide_high)):
            left = np.flatnonzero(~good)
            if len(left):
                new, fine = self.clip(x[left], lo[left], hi[left], present[left], order)
                x[left[fine]], good[left[fine]] = new[fine], True
            good |= within(wide_low, wide_high)
        hopeless: set[bytes] = set()
        for i in np.flatnonzero(~good).tolist():
            for lo, hi in ((low[i], high[i]), (wide_low[i], wide_high[i])):
                case = lo.tobytes() + hi.tobytes() + present[i].tobytes()
                if case in hopeless:
                    continue
                found = self.search(x[i], lo, hi, present[i])
                if found is None:
                    hopeless.add(case)
                else:
                    x[i], good[i] = found, True
                    break
        return x, good
