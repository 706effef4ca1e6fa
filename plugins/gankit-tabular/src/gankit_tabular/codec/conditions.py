"""Conditions: rows of c for requested values, and decoded rows that match them exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.errors import GankitError, did_you_mean
from gankit.seeds import uniform
from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.calendars import between
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.combinations import Queries
from gankit_tabular.codec.constraints.constraints import Constraints
from gankit_tabular.codec.constraints.grid import Values, grid_scale, query_range, scaled
from gankit_tabular.codec.descriptions import shown_range
from gankit_tabular.codec.numbers import snap
from gankit_tabular.codec.queries import ColumnQuery, parse_query
from gankit_tabular.data.arrow import Floats, Ints

CODE, REPLACED_CODE, REPLACED_VALUE = 1000, 2000, 3000
"""Streams of random numbers, one for each block or column from here on."""


class Conditions:
    """What rows can be conditioned on.

    Args:
        columns: of the table, and hidden ones.
        constraints: between the columns.
        blocks: of all columns in ``c``.
    """

    def __init__(
        self, columns: Sequence[Column], constraints: Constraints, blocks: Sequence[Block]
    ) -> None:
        self.columns, self.constraints = columns, constraints
        self.named = {column.name: column for column in columns}
        self.blocks = {columns[b.column].name: b for b in blocks if not b.digit}
        self.second = {columns[b.column].name: b for b in blocks if b.digit}
        self.width = sum(b.codes for b in blocks)

    def queries(self, where: Mapping[str, object]) -> dict[str, ColumnQuery]:
        """The requested values, parsed.

        Raises:
            GankitError: there is no such column or value.
        """
        known = [c.name for c in self.columns if not c.hidden]
        queries = {}
        for name, value in where.items():
            if name not in known:
                raise GankitError(f"the table has no column {name!r}", did_you_mean(name, known))
            query = queries[name] = parse_query(self.named[name], value)
            low, high = query_range(query.column, query) if query.span else (0, 0)
            if low > high:
                raise _outside(query)
        return queries

    # --- Before generating ----------------------------------------------------------------------

    def sample(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        """Rows of ``c``, one a seed: a code of each requested column, drawn by its frequency.

        Raises:
            GankitError: no row can have the requested values.
        """
        queries = self.queries(where)
        self.constraints.check(queries)
        c = torch.zeros(len(seeds), self.width)
        if not self.constraints.keys.composite:
            self._draw_codes(c, queries, np.arange(len(seeds)), seeds)
            return c
        rows: dict[tuple[str, ...], list[int]] = {}
        keys = self.constraints.keys.queries(queries, seeds)
        for i, key in enumerate(keys):
            rows.setdefault(tuple(map(str, key.values())), []).append(i)
        for alike in rows.values():
            self._draw_codes(c, queries | keys[alike[0]], np.array(alike), seeds)
        return c

    def _draw_codes(self, c: Tensor, queries: Queries, rows: Ints, seeds: Sequence[int]) -> None:
        """Sets a code of each requested column, in place, in these rows of ``c``."""
        shares: dict[str, Floats] = {}
        for query in queries.values():
            column = query.column
            if column.joint:
                share = self.constraints.combinations.shares(self.named[column.joint], queries)
            else:
                share = query.shares()
            if column.derived_from:
                share = share[np.array(column.derived)]
            shares[column.base] = shares.get(column.base, np.ones(1)) * share
        for base, share in shares.items():
            weights = share * np.array(self.named[base].frequency)
            if not weights.sum():
                raise _no_value(
                    ", ".join(str(q) for q in queries.values() if q.column.base == base)
                )
            if base in self.blocks:
                start = self.blocks[base].start
                u = uniform([seeds[i] for i in rows], CODE + start)
                code = np.searchsorted(np.cumsum(weights), u * weights.sum(), side="right")
                code = np.minimum(code, len(weights) - 1)
                c[torch.from_numpy(rows), start + torch.from_numpy(code)] = 1

    # --- After decoding -------------------------------------------------------------------------

    def enforce(self, before: Values, queries: Queries, seeds: Sequence[int]) -> Values:
        """Decoded rows with all requested values: where a value does not match, another one is
        drawn from the data's.

        Raises:
            GankitError: no row can have the requested values.
        """
        values = dict(before)
        for name, query in queries.items():
            if not query.column.joint:
                values[name] = self._replaced(query, values[name], seeds)
        self.constraints.enforce(values, before, queries, seeds)
        return values

    def _replaced(self, query: ColumnQuery, values: list[Any], seeds: Sequence[int]) -> list[Any]:
        wrong = [i for i, v in enumerate(values) if not query.matches(v)]
        if not wrong:
            return values
        column, out = query.column, list(values)
        weights = query.shares() * np.array(column.frequency)
        sums, index = np.cumsum(weights), self.columns.index(column)
        some = [seeds[i] for i in wrong]
        u, v = uniform(some, REPLACED_CODE + index), uniform(some, REPLACED_VALUE + index)
        codes = np.searchsorted(sums, u * sums[-1], side="right").clip(max=len(sums) - 1)
        for i, code, within in zip(wrong, codes.tolist(), v.tolist(), strict=True):
            out[i] = _matching_value(query, code, within)
        return out


def _matching_value(query: ColumnQuery, code: int, u: float) -> Any:
    """A matching value of a code, drawn by ``u``."""
    column = query.column
    if column.missing and code == column.codes - 1:
        return None
    if code < len(column.atoms):
        return column.atoms[code]
    if column.kind == "number":
        return _number_within(column, query, column.bins[code - len(column.atoms)], u)
    matching = [p for p in column.groups[code - len(column.atoms)] if query.matches(p[0])]
    counts = np.cumsum([count for _, count in matching])
    return matching[int(np.searchsorted(counts, u * counts[-1], side="right"))][0]


def _number_within(column: Column, query: ColumnQuery, q: Sequence[float], u: float) -> Any:
    """A number of a bin that matches, drawn by ``u``; on the column's step if one is."""
    low, high = query_range(column, query)
    scale = grid_scale(column)
    first, last = max(low, scaled(q[0], scale)), min(high, scaled(q[-1], scale))
    first, last = (first, last) if first <= last else (low, high)
    if column.unit:
        instants = between(column, int(first), int(last))
        if len(instants):
            return int(instants[int(u * len(instants))])
    step, offset = scaled(column.step, scale), scaled(column.offset, scale)
    if step > 1 and (least := -((offset - first) // step)) <= (most := (last - offset) // step):
        steps = offset + step * (least + int(u * (most - least + 1)))
    else:
        steps = first + int(u * (last - first + 1))
    value = steps if scale == 1 else steps / scale
    if column.weekdays or column.digits or (column.step and scale > 1):
        # On a weekday that occurs, with fewer digits, an exact third: where that still matches.
        exact = type(value)(snap(column, np.array([float(value)]))[0])
        value = exact if query.matches(exact) else value
    return value


def _outside(query: ColumnQuery) -> GankitError:
    """The error for a range that the data does not reach."""
    column, hint = query.column, "Request other values"
    if column.atoms or column.bins:
        hint = f"Its values are about {shown_range(column)}"
    return GankitError(f"{query}: the data has no such value", hint)


def _no_value(shown: str) -> GankitError:
    return GankitError(f"{shown}: the data has no such value", "Request other values")
