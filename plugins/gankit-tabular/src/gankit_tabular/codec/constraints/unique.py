"""Unique keys of one or several columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.combinations import Combinations, Names, Queries, matcher
from gankit_tabular.codec.constraints.grid import Values, from_grid, query_range, to_grid
from gankit_tabular.codec.constraints.key_spaces import (
    Integers,
    KeySpace,
    Listed,
    Patterns,
    Product,
    integer_space,
)
from gankit_tabular.codec.constraints.rules import Linear, Rule, Unique
from gankit_tabular.codec.queries import ColumnQuery, exact_query
from gankit_tabular.codec.templates import Identifiers
from gankit_tabular.data.arrow import is_text

MANY = 50, 0.1
"""A column of a key with more distinct values than this, in more than this share of the rows, is a
key by itself."""
REMEMBERED = 20_000
"""Keys of this many rows are kept."""


class UniqueKeys:
    """All keys of a table.

    Args:
        keys: the columns of each rule.
        spaces: possible values of the columns that are keys by themselves, by name.
        columns: of the table, by name.
        combinations: columns that go together, which may be parts of keys.

    Raises:
        GankitError: a column is in two keys.
    """

    def __init__(
        self,
        keys: Sequence[Names],
        spaces: Mapping[str, KeySpace],
        columns: Mapping[str, Column],
        combinations: Combinations,
    ) -> None:
        self.spaces, self.columns, self.combinations = dict(spaces), columns, combinations
        self.composite = [key for key in keys if not set(key) & set(spaces)]
        """Keys of which no column is a key by itself."""
        names = [name for key in self.composite for name in key]
        if twice := [name for name in names if names.count(name) > 1]:
            raise conflict(twice[0], "two keys")
        self._real: dict[Names, list[tuple[Any, ...]]] = {}
        self._products: dict[tuple[Names, Names], Product] = {}
        self._seeds: tuple[int, int] | None = None
        self._drawn: dict[str, dict[int, Any]] = {}  # the candidates for a row share its seed

    @property
    def names(self) -> list[str]:
        """All columns of keys."""
        return list(dict.fromkeys((*self.spaces, *(n for key in self.composite for n in key))))

    def reserve(self, values: Mapping[str, Sequence[Any]]) -> None:
        """Begins a data set with these real rows: their keys are excluded from now on."""
        self._drawn = {}
        for name, space in self.spaces.items():
            space.reserve(values[name])
        self._real = {k: list(zip(*(values[n] for n in k), strict=True)) for k in self.composite}
        self._products = {}
        self._seeds = None

    def check(self, queries: Queries) -> None:
        """Checks that keys match the queries.

        Raises:
            GankitError: none does.
        """
        for key in self.composite:
            self._product(key, queries)

    def check_seeds(self, seeds: Sequence[int], queries: Queries) -> None:
        """Checks that the keys of a data set differ: keys repeat after as many seeds as there are
        keys. Seeds that are further than this from all earlier ones begin another data set.

        Raises:
            GankitError: there are too few keys.
        """
        if not self.names:
            return
        rooms: list[tuple[float, str]] = [(s.room, n) for n, s in self.spaces.items()]
        rooms += [(self._product(key, queries).room, ", ".join(key)) for key in self.composite]
        room, key = min(rooms)
        first, last = min(seeds), max(seeds)
        if self._seeds and last >= self._seeds[0] - room and first <= self._seeds[1] + room:
            first, last = min(first, self._seeds[0]), max(last, self._seeds[1])
        self._seeds = first, last
        count = last - first + 1
        if count > room:
            raise GankitError(
                f"unique: {key}: {count:,} rows requested, but only {room:,} different values",
                "Generate fewer rows, or leave the constraint out",
            )

    def draw(self, values: Values, queries: Queries, seeds: Sequence[int]) -> None:
        """Sets, in place, keys of several columns."""
        for key in self.composite:
            product, parts = self._product(key, queries), self._parts(key)
            drawn = list(zip(*map(product.draw, seeds), strict=True))
            for part, column in zip(parts, drawn, strict=True):
                if self._is_grid(part):
                    steps = np.array(column, np.int64)
                    values[part[0]] = from_grid(
                        self.columns[part[0]], steps, np.ones(len(steps), bool)
                    )
                else:
                    for name, cells in zip(part, zip(*column, strict=True), strict=True):
                        values[name] = list(cells)

    def draw_single(self, values: Values, seeds: Sequence[int]) -> None:
        """Sets, in place, the columns that are keys by themselves."""
        for name, space in self.spaces.items():
            _check_room(name, space)
            drawn = self._drawn.setdefault(name, {})
            if len(drawn) > REMEMBERED:
                drawn.clear()
            for seed in seeds:
                if seed not in drawn:
                    drawn[seed] = space.draw(seed)
            values[name] = [drawn[seed] for seed in seeds]

    def queries(self, queries: Queries, seeds: Sequence[int]) -> list[dict[str, ColumnQuery]]:
        """Each row's key as queries, so that other columns can be conditioned on it."""
        values: Values = {}
        self.draw(values, queries, seeds)
        return [
            {name: exact_query(self.columns[name], column[i]) for name, column in values.items()}
            for i in range(len(seeds))
        ]

    def _parts(self, key: Names) -> list[Names]:
        """A key's columns, those of one combination together."""
        group = self.combinations.group
        return list(dict.fromkeys(tuple(n for n in key if n in group(name)) for name in key))

    def _is_grid(self, part: Names) -> bool:
        """Whether a part of a key is any number of a range, not one of the data's values."""
        column = self.columns[part[0]]
        return bool(column.bins) and not column.joint

    def _product(self, key: Names, queries: Queries) -> Product:
        """The keys that match the queries."""
        case = key, tuple(str(queries[n]) for n in key if n in queries)
        if case not in self._products:
            parts: list[KeySpace] = []
            for part in self._parts(key):
                if self._is_grid(part):
                    low, high = query_range(self.columns[part[0]], queries.get(part[0]))
                    parts.append(Integers(first=low, last=max(high, low - 1)))
                else:
                    matches = matcher([queries.get(n) for n in part])
                    cells = [c for c in self._cells(part) if None not in c and matches(c)]
                    parts.append(Listed(values=cells))
            product = Product(", ".join(key), parts=parts)
            product.reserve(self._as_drawn(key, row) for row in self._real.get(key, ()))
            shown = "".join(f" with {queries[n]}" for n in key if n in queries)
            _check_room(product.key + shown, product)
            self._products[case] = product
        return self._products[case]

    def _cells(self, part: Names) -> list[tuple[Any, ...]]:
        """Possible values of a part of a key."""
        column = self.columns[part[0]]
        return self.combinations.parts(part) if column.joint else [(v,) for v in column.values]

    def _as_drawn(self, key: Names, row: Sequence[Any]) -> tuple[Any, ...]:
        """A real key as :class:`Product` has it."""
        named, out = dict(zip(key, row, strict=True)), list[Any]()
        for part in self._parts(key):
            cells = tuple(named[n] for n in part)
            if self._is_grid(part) and cells[0] is not None:
                out.append(int(to_grid(self.columns[part[0]], cells)[0][0]))
            else:
                out.append(None if None in cells else cells)
        return tuple(out)


def single_keys(rules: Sequence[Rule], values: Mapping[str, pa.ChunkedArray]) -> list[str]:
    """The columns that are keys by themselves: one of each key, if texts or integers allow it."""
    found: list[str] = []
    for rule in rules:
        if not isinstance(rule, Unique) or set(rule.columns) & set(found):
            continue
        counts = {}
        for name in rule.columns:
            t = values[name].type
            if pa.types.is_integer(t) or is_text(t):
                distinct = int(pc.count_distinct(values[name]).as_py())
                most, share = MANY
                many = distinct > most and distinct > share * len(values[name])
                if many or len(rule.columns) == 1:
                    counts[name] = distinct
        if counts:
            found.append(max(counts, key=counts.__getitem__))
    return found


def fit_space(column: Column, values: pa.ChunkedArray, bounds: Sequence[Linear]) -> KeySpace:
    """A key's possible values: texts of the data's patterns, or integers within bounds."""
    if not pa.types.is_integer(values.type):
        if not column.identifier:
            return Patterns(column.name, patterns=list(column.patterns))
        return _texts_space(column, values)
    info = np.iinfo(values.type.to_pandas_dtype())
    space = integer_space(column.name, values.drop_null().to_pylist(), int(info.min), int(info.max))
    for rule in bounds:
        if rule.columns == (column.name,):
            most = _greatest_integer(rule)
            if rule.terms[0][1] > 0:
                space.last = min(space.last, most)
            if rule.terms[0][1] < 0:
                space.first = max(space.first, -most)
    return space


def _texts_space(column: Column, values: pa.ChunkedArray) -> KeySpace:
    """The texts of a key: new ones if there are enough of the data's patterns, else any."""
    space = Identifiers.load(column.name, column.identifier)
    own = Patterns(column.name, patterns=list(column.patterns))
    usual = all(own.number(v) is not None for v in values.drop_null().to_pylist()[:1000])
    return own if usual and own.size < 2 * len(values) else space


def space_state(space: KeySpace) -> dict[str, Any]:
    """A key's possible values as JSON."""
    if isinstance(space, Integers):
        return {"first": space.first, "last": space.last, "counts": space.counts}
    if isinstance(space, Identifiers):
        return space.state()
    assert isinstance(space, Patterns)
    return {"patterns": space.patterns}


def load_space(name: str, state: Mapping[str, Any]) -> KeySpace:
    """The values that :func:`space_state` described."""
    if "templates" in state:
        return Identifiers.load(name, dict(state))
    return Patterns(name, **state) if "patterns" in state else Integers(name, **state)


def conflict(name: str, what: str) -> GankitError:
    return GankitError(f"constraints put {name!r} in {what}", "Leave one of them out")


def _greatest_integer(rule: Linear) -> int:
    """The greatest integer that ``sign·x`` may be."""
    bound = math.floor(rule.constant)
    return bound - 1 if rule.relation == "<" and bound == rule.constant else bound


def _check_room(key: str, space: KeySpace) -> None:
    if space.room < 1:
        raise GankitError(f"unique: {key}: no unused value is left", "Leave the constraint out")
