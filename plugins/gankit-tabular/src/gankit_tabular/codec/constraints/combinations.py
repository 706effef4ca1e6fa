"""Columns that go together: generated rows have only combinations of the data.

The columns of a group become one hidden categorical column, of the combinations as JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.errors import GankitError
from gankit.seeds import uniform
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.grid import Values, plain_values
from gankit_tabular.codec.queries import ColumnQuery
from gankit_tabular.data.arrow import Flags, Floats

Names = tuple[str, ...]
Queries = Mapping[str, ColumnQuery]
"""Requested values by column."""


class Combinations:
    """All groups of columns that go together.

    Args:
        groups: names of columns; groups that share a column are merged.
        columns: of the table, by name.
        hidden: the fitted hidden columns, by name; none before they are fitted.
    """

    def __init__(
        self,
        groups: Sequence[Names],
        columns: Mapping[str, Column],
        hidden: Mapping[str, Column],
    ) -> None:
        self.groups, self.columns = _merged(groups), columns
        self._rows = {
            group: _combinations(hidden[name])
            for group in self.groups
            if (name := hidden_name(group)) in hidden
        }

    def group(self, name: str) -> Names:
        """The group of a column; the column alone if it is in none."""
        return next((group for group in self.groups if name in group), (name,))

    def hidden(self, values: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
        """The hidden columns of real rows, by name."""
        made = {}
        for group in self.groups:
            lists = [plain_values(self.columns[name], values[name]) for name in group]
            rows = [json.dumps(row) for row in zip(*lists, strict=True)]
            made[hidden_name(group)] = pa.array(rows, pa.string())
        return made

    def split(self, values: Values) -> None:
        """Adds, in place, the columns of decoded hidden columns."""
        for group in self.groups:
            rows = [json.loads(str(text)) for text in values[hidden_name(group)]]
            for name, column in zip(group, zip(*rows, strict=True), strict=True):
                values[name] = list(column)

    def parts(self, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """The different combinations of some columns of one group."""
        group = self.group(names[0])
        at = [group.index(name) for name in names]
        return list(dict.fromkeys(tuple(row[i] for i in at) for row, _ in self._rows[group]))

    def shares(self, hidden: Column, queries: Queries) -> Floats:
        """The share of matching rows for each code of a hidden column."""
        group = next(g for g in self.groups if hidden_name(g) == hidden.name)
        matches = matcher([queries.get(name) for name in group])
        single = [float(matches(json.loads(text))) for text in hidden.atoms]
        grouped = [
            sum(n for text, n in rare if matches(json.loads(text))) / sum(n for _, n in rare)
            for rare in hidden.groups
        ]
        return np.array([*single, *grouped])

    def possible(self, hidden: Column, known: Mapping[str, Any]) -> Flags:
        """The codes of a hidden column of which some combination has these cells, (codes,)."""
        group = next(g for g in self.groups if hidden_name(g) == hidden.name)

        def agrees(text: str) -> bool:
            row = dict(zip(group, json.loads(text), strict=True))
            return all(row[name] == value for name, value in known.items())

        found = [*map(agrees, hidden.atoms)]
        found += [any(agrees(text) for text, _ in rare) for rare in hidden.groups]
        return np.array(found + [False] * hidden.missing)

    def enforce(
        self, values: Values, queries: Queries, seeds: Sequence[int], fixed: Collection[str]
    ) -> None:
        """Replaces, in place, combinations that do not match or are not in the data by others,
        drawn by frequency.

        Args:
            fixed: columns that keep their values.

        Raises:
            GankitError: no combination matches.
        """
        for group in self.groups:
            self._enforce(group, values, queries, seeds, fixed)

    def _enforce(
        self,
        group: Names,
        values: Values,
        queries: Queries,
        seeds: Sequence[int],
        fixed: Collection[str],
    ) -> None:
        rows, weights = zip(*self._rows[group], strict=True)
        known = {json.dumps(row) for row in rows}
        matches = matcher([queries.get(name) for name in group])
        kept = [i for i, name in enumerate(group) if name in fixed]
        # A stream for each group, above those of the codec.
        u = uniform(seeds, 2**30 + (zlib.crc32(hidden_name(group).encode()) >> 2))
        choices: dict[str, tuple[list[int], Floats]] = {}
        for k in range(len(seeds)):
            row = [values[name][k] for name in group]
            if matches(row) and json.dumps(row) in known:
                continue
            case = json.dumps([row[i] for i in kept])
            if case not in choices:
                found = [
                    i
                    for i, other in enumerate(rows)
                    if matches(other) and all(other[j] == row[j] for j in kept)
                ]
                choices[case] = found, np.cumsum([float(weights[i]) for i in found])
            found, sums = choices[case]
            if not found:
                shown = ", ".join(str(queries[name]) for name in group if name in queries)
                raise GankitError(
                    f"{shown}: no row of the data has this combination", "Request other values"
                )
            drawn = rows[found[int(np.searchsorted(sums, u[k] * sums[-1], side="right"))]]
            for name, value in zip(group, drawn, strict=True):
                values[name][k] = value


def hidden_name(group: Names) -> str:
    """The name of a group's hidden column."""
    return "~" + " and ".join(group)


def matcher(queries: Sequence[ColumnQuery | None]) -> Callable[[Sequence[Any]], bool]:
    """A test of cells, one for each query."""

    def matches(cells: Sequence[Any]) -> bool:
        return all(q is None or q.matches(v) for q, v in zip(queries, cells, strict=True))

    return matches


def _combinations(hidden: Column) -> list[tuple[list[Any], float]]:
    """A hidden column's combinations with their frequencies; a group's is divided by counts."""
    single = list(zip(hidden.atoms, hidden.frequency, strict=False))
    shares = hidden.frequency[len(hidden.atoms) :]
    grouped = [
        (text, share * count / sum(n for _, n in rare))
        for rare, share in zip(hidden.groups, shares, strict=False)
        for text, count in rare
    ]
    return [(json.loads(text), max(share, 1e-12)) for text, share in (*single, *grouped)]


def _merged(groups: Sequence[Names]) -> list[Names]:
    merged: list[Names] = []
    for group in groups:
        touched = [m for m in merged if set(m) & set(group)]
        names = dict.fromkeys(n for m in (*touched, group) for n in m)
        merged = [*(m for m in merged if m not in touched), tuple(names)]
    return merged
