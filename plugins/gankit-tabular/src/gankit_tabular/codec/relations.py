"""Relations between numbers: a column that another one, or the sum of two, comes close to is
learned as the difference, which has fewer values than the column itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.arithmetic import Arithmetic
from gankit_tabular.codec.constraints.grid import MOST
from gankit_tabular.codec.constraints.rules import Linear, nanoseconds
from gankit_tabular.codec.fitting import fit_column
from gankit_tabular.codec.numbers import FREE, is_single, typed_numbers
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.value_types import is_temporal, value_type
from gankit_tabular.data.arrow import Floats, Ints

GAIN, A_TERM = 1.2, 0.3
"""Nats by which the entropy has to fall, and how many more for each term."""
FIRST, SAMPLE = 1_000, 10_000
"""Rows on which relations are looked for, then compared."""
HOPE = 0.6
"""Share of the gain that shows on the first rows already."""
SINGLE, PAIRS = 64, 20
"""Columns among which differences, and sums of two, are looked for."""
NEARLY = 0.9
"""A relation that holds in so many rows, but not in all, is said."""


@dataclass(frozen=True)
class Relation:
    """``target = Σ sign · column + difference``, on a grid of 1/scale."""

    target: str
    terms: tuple[tuple[str, int], ...]
    scale: int
    middles: tuple[int, ...]
    """Stand in for missing terms, in steps of the grid."""
    low: float = 0.0
    high: float = 0.0
    """The target's range, which sums that are not exact are kept in."""
    constant: float | None = None
    """The difference, if it is the same in all rows in which no term is missing."""

    @property
    def hidden(self) -> str:
        """The name of the column of differences."""
        return f"~difference of {self.target}"

    @property
    def formula(self) -> str:
        """The sum, as a person writes it."""
        text = " ".join(f"{'+' if sign > 0 else '-'} {name}" for name, sign in self.terms)
        return text.removeprefix("+ ")

    def _sum(self, values: Mapping[str, Floats]) -> Floats:
        total = np.zeros(len(next(iter(values.values()))))
        for (name, sign), middle in zip(self.terms, self.middles, strict=True):
            steps = np.rint(values[name] * self.scale)
            total += sign * np.where(np.isfinite(steps), steps, middle)
        return total

    def difference(self, values: Mapping[str, Floats]) -> Floats:
        """Differences of rows, NaN where the target is missing."""
        steps = np.rint(values[self.target] * self.scale)
        return np.asarray((steps - self._sum(values)) / self.scale)

    def total(self, values: Mapping[str, Floats], difference: Floats) -> Floats:
        """The target's values."""
        total = self._sum(values)
        found = (total + np.rint(difference * self.scale)) / self.scale
        found = np.clip(found, self.low, self.high)
        if self.constant is None:
            return found
        known = np.isfinite(difference) & np.all([np.isfinite(values[n]) for n, _ in self.terms], 0)
        exact = (total + round(self.constant * self.scale)) / self.scale
        return np.where(known, exact, found)

    def rules(self, columns: Mapping[str, Column]) -> list[Linear]:
        """What real rows follow: the sum, or the range of differences from it."""
        columns_ = [columns[n] for n in (self.target, *(n for n, _ in self.terms))]
        if any(map(is_single, columns_)):
            return []
        unit = nanoseconds(value_type(columns_[0])) if is_temporal(columns_[0]) else 1
        signs = ((self.target, 1), *((name, -sign) for name, sign in self.terms))
        if self.constant is not None:
            text = f"{self.target} = {self.formula}"
            return [Linear(text, signs, "=", self.constant * unit)]
        low, high = columns[self.hidden].range
        terms = self.formula if len(self.terms) == 1 else f"({self.formula})"
        text = f"the range of {self.target} - {terms}"
        opposite = tuple((name, -sign) for name, sign in signs)
        return [Linear(text, signs, "<=", high * unit), Linear(text, opposite, "<=", -low * unit)]


@dataclass
class Relations:
    """The relations of a table, those of later ones' terms first."""

    found: list[Relation] = field(default_factory=list)

    def hidden(self, columns: Mapping[str, Column], values: Mapping[str, pa.ChunkedArray]
               ) -> dict[str, pa.Array]:  # fmt: skip
        """The differences of real rows, by the name of their column."""
        out = {}
        for relation in self.found:
            names = [relation.target, *(name for name, _ in relation.terms)]
            numbers = {n: typed_numbers(columns[n], values[n]) for n in names}
            difference = relation.difference(numbers)
            out[relation.hidden] = pa.array(difference, mask=~np.isfinite(difference))
        return out

    def needed(self, names: Iterable[str]) -> set[str]:
        """These columns, and those that they are computed from."""
        needed = set(names)
        for relation in reversed(self.found):
            if relation.target in needed:
                needed |= {relation.hidden, *(name for name, _ in relation.terms)}
        return needed

    def complete(self, values: dict[str, pa.Array]) -> None:
        """Adds, in place, the targets to decoded rows that have their differences."""
        for relation in self.found:
            if relation.hidden not in values:
                continue
            named = {n: _floats(values[n]) for n, _ in relation.terms}
            total = relation.total(named, _floats(values[relation.hidden]))
            values[relation.target] = pa.array(total, mask=~np.isfinite(total))

    def arithmetic(self, columns: Mapping[str, Column]) -> Arithmetic:
        """Keeps the relations in rows in which requested values are inserted."""
        return Arithmetic([rule for r in self.found for rule in r.rules(columns)], columns)

    def after(self) -> dict[str, list[str]]:
        """For each column of differences, the columns that are drawn before it."""
        of = {r.target: r.hidden for r in self.found}
        return {r.hidden: [of.get(name, name) for name, _ in r.terms] for r in self.found}

    def state(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [
            {**vars(r), "terms": [list(t) for t in r.terms], "middles": list(r.middles)}
            for r in self.found
        ]

    @classmethod
    def load(cls, state: Sequence[Mapping[str, Any]]) -> Relations:
        """The relations that :meth:`state` described."""
        return cls([
            Relation(**{**s, "terms": tuple((n, k) for n, k in s["terms"]),
                        "middles": tuple(s["middles"])})
            for s in state
        ])  # fmt: skip


def _floats(values: pa.Array) -> Floats:
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


# --- Finding them -------------------------------------------------------------------------------


def find_relations(
    columns: Sequence[Column], values: Mapping[str, pa.ChunkedArray]
) -> list[Relation]:
    """The relations among these columns of numbers.

    Columns of low entropy are drawn, those of high entropy follow from them.
    """
    found: list[Relation] = []
    families: dict[str, list[Column]] = {}
    for column in columns:
        if column.kind == "number" and column.bins and column.decimals < FREE:
            families.setdefault(column.type if is_temporal(column) else "", []).append(column)
    for family in families.values():
        if len(family) > 1:
            found += _find(family, {c.name: typed_numbers(c, values[c.name]) for c in family})
    return found


def learn_differences(
    columns: Sequence[Column],
    relations: Relations,
    values: Mapping[str, pa.ChunkedArray],
    resolution: Resolution,
) -> list[Column]:
    """Fits the hidden columns of differences, and notes each relation at its target."""
    named, hidden = {c.name: c for c in columns}, []
    differences = relations.hidden(named, values)
    for relation in relations.found:
        difference = differences[relation.hidden]
        column = fit_column(relation.hidden, pa.chunked_array([difference]), resolution, "number")
        column.hidden = True
        hidden.append(column)
        target = named[relation.target]
        target.computed = True
        target.notes.append(_note(relation, _floats(difference)))
    return hidden


def _note(relation: Relation, difference: Floats) -> str:
    known = difference[np.isfinite(difference)]
    if relation.constant is not None:
        more = f" + {relation.constant:g}" if relation.constant else ""
        every = (known == relation.constant).all() and len(known) == len(difference)
        return f"always {relation.formula}{more}" + ("" if every else " where none is missing")
    values, counts = np.unique(known, return_counts=True)
    most = int(counts.argmax())
    if values[most] == 0 and counts[most] >= NEARLY * len(known):
        others = len(known) - int(counts[most])
        return f"{relation.formula} in all but {others:,} of {len(known):,} rows"
    return f"learned as the difference from {relation.formula}"


def _find(columns: Sequence[Column], values: Mapping[str, Floats]) -> list[Relation]:
    scale = 1 if is_temporal(columns[0]) else 10 ** max(c.decimals for c in columns)
    steps = {n: np.rint(v * scale) for n, v in values.items()}
    kept = [c for c in columns if np.nanmax(np.abs(steps[c.name]), initial=0) < MOST / 4]
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(next(iter(values.values()))))[:SAMPLE]
    some = {c.name: steps[c.name][rows] for c in kept}
    kept = sorted(kept, key=lambda c: (_entropy(some[c.name]), c.name))[-SINGLE:]
    named, found = {c.name: c for c in kept}, []
    for i, column in enumerate(kept):
        terms = _best(column.name, [c.name for c in kept[:i]], some)
        if not terms:
            continue
        middles = tuple(int(np.nanmedian(steps[name])) for name, _ in terms)
        low, high = named[column.name].range
        relation = Relation(column.name, terms, scale, middles, low, high)
        difference = relation.difference(values)
        complete = np.all([np.isfinite(values[n]) for n in (column.name, *dict(terms))], 0)
        known = difference[complete]
        same = 2 * len(known) > len(complete) and (known == known[0]).all()
        found.append(replace(relation, constant=float(known[0]) if same else None))
    return found


def _best(
    target: str, names: Sequence[str], some: Mapping[str, Floats]
) -> tuple[tuple[str, int], ...]:
    """The terms after which the least is left to learn; none if too little is gained."""
    whole = {n: _entropy(some[target][:n]) for n in (FIRST, SAMPLE)}
    best: tuple[tuple[str, int], ...] = ()
    least = 0.0
    for terms in _candidates(names):
        need = GAIN + A_TERM * len(terms)
        left = some[target][:FIRST] - sum(sign * some[n][:FIRST] for n, sign in terms)
        if whole[FIRST] - _entropy(left) < HOPE * need:
            continue
        left = some[target] - sum(sign * some[n] for n, sign in terms)
        gain = whole[SAMPLE] - _entropy(left) - need
        if gain > least:
            best, least = terms, gain
    return best


def _candidates(names: Sequence[str]) -> Iterator[tuple[tuple[str, int], ...]]:
    for name in names:
        yield ((name, 1),)
        yield ((name, -1),)
    for a, b in combinations(names[-PAIRS:], 2):
        yield (a, 1), (b, 1)
        yield (a, 1), (b, -1)
        yield (b, 1), (a, -1)


def _entropy(steps: Floats | Ints) -> float:
    """Of whole numbers, in nats; missing ones are left out."""
    known = np.sort(steps[np.isfinite(steps)])
    if len(known) < 2:
        return 0.0
    ends = np.flatnonzero(np.diff(known, append=np.inf))
    counts = np.diff(ends, prepend=-1)
    share = counts / len(known)
    return float(-(share * np.log(share)).sum())
