"""Linear rules between whole numbers, made exactly true row by row.

A column is a whole multiple of its step (a cent, a day), so that a rule

    low ≤ Σ factor·x ≤ high

is about whole numbers, and what holds for them holds as printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FAR = 2**62
"""What stands for no bound."""
ROUNDS = 50
"""Times that bounds are passed on from rule to rule."""
SECONDS = 5.0
"""What the search for one row may take."""


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
        limits: least and greatest value that each variable can take at the utmost, (V, 2).
    """

    def __init__(self, rules: Sequence[Between], limits: Ints) -> None:
        self.rules, self.limits = list(rules), limits

    def holds(self, x: Ints, present: Flags) -> Flags:
        """Which rows honour every rule; one with a missing value says nothing. (N,)"""
        good = np.ones(len(x), bool)
        for rule in self.rules:
            total = rule.sum(x)
            good &= ((rule.low <= total) & (total <= rule.high)) | ~present[:, rule.index].all(1)
        return good

    def narrow(self, low: Ints, high: Ints, present: Flags) -> Flags:
        """Takes from the bounds (N, V), in place, what no solution has; which rows are left.

        Exact where no two rules share two variables, and for differences; otherwise a row that is
        left may still have no solution.
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
        """Fixes one variable after another at the value nearest to its own that is left to it.

        Returns:
            The new rows, and which of them honour rules and bounds.
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
        # Steps d and their sizes t ≥ |d|; the sum of sizes is to be small.
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
        self, x: Ints, low: Ints, high: Ints, asked: Flags, present: Flags, order: Sequence[int]
    ) -> tuple[Ints, Flags]:
        """Rows that honour every rule, each as near to what it was as is easily found.

        Args:
            x: values, (N, V).
            low, high: where values should lie, (N, V): what is asked, or else the data's range.
            asked: which of these bounds must be kept, (N, V); the others are left where they must.
            present: which values are not missing, (N, V).
            order: in which variables are fixed; the first moves least.

        Returns:
            The new rows, and which of them have a solution.
        """
        x, good = x.copy(), np.zeros(len(x), bool)
        wide_low = np.where(asked, low, self.limits[:, 0])
        wide_high = np.where(asked, high, self.limits[:, 1])

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
