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
CANDIDATE = 2**24
"""From the streams of a candidate to those of the next one."""


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

    def sample(
        self, where: Mapping[str, object], seeds: Sequence[int], candidate: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Rows of ``c``, one a seed: the codes of each requested column, drawn by their frequency
        among those that match; and the logarithm of the probability of this draw.

        Args:
            candidate: others are drawn for another one.

        Raises:
            GankitError: no row can have the requested values.
        """
        queries = self.queries(where)
        self.constraints.check(queries)
        c = torch.zeros(len(seeds), self.width)
        log_r = np.zeros(len(seeds))
        if not self.constraints.keys.composite:
            self._draw_codes(c, log_r, queries, np.arange(len(seeds)), seeds, candidate)
            return c, torch.from_numpy(log_r)
        rows: dict[tuple[str, ...], list[int]] = {}
        keys = self.constraints.keys.queries(queries, seeds)
        for i, key in enumerate(keys):
            rows.setdefault(tuple(map(str, key.values())), []).append(i)
        for alike in rows.values():
            some = queries | keys[alike[0]]
            self._draw_codes(c, log_r, some, np.array(alike), seeds, candidate)
        return c, torch.from_numpy(log_r)

    def share(self, queries: Queries) -> float:
        """The product of the shares of rows that match each query."""
        found = 1.0
        for query in queries.values():
            column = query.column
            of = query.cells() * column.cell_shares() if column.cells else query.shares()[:, None]
            found *= float((of.sum(1) * np.array(column.frequency)).sum())
        return found

    def _draw_codes(
        self,
        c: Tensor,
        log_r: Floats,
        queries: Queries,
        rows: Ints,
        seeds: Sequence[int],
        candidate: int,
    ) -> None:
        """Sets the codes of each requested column, in place, in these rows of ``c``."""
        for base, share in self._shares(queries).items():
            column = self.named[base]
            weights = np.array(column.frequency)[:, None] * column.cell_shares()
            weights = weights * (share if share.ndim == 2 else share[:, None])
            if not weights.sum():
                raise _no_value([q for q in queries.values() if q.column.base == base])
            if base not in self.blocks:
                continue
            start, second = self.blocks[base].start, self.second.get(base)
            if second is None or share.ndim == 1:  # the second digit stays open
                weights = weights.sum(1, keepdims=True)
            u = uniform([seeds[i] for i in rows], CODE + start + CANDIDATE * candidate)
            flat, sums = weights.ravel(), np.cumsum(weights)
            drawn = np.searchsorted(sums, u * sums[-1], side="right")
            drawn = np.minimum(drawn, np.flatnonzero(flat)[-1])
            # Of the codes of a computed column, none follows from x for certain: each may be drawn.
            chances = np.count_nonzero(flat) if column.computed else 1
            code, cell = np.divmod(drawn, weights.shape[1])
            at = torch.from_numpy(rows)
            c[at, start + torch.from_numpy(code)] = 1
            if second is not None and weights.shape[1] > 1:
                c[at, second.start + torch.from_numpy(cell)] = 1
            log_r[rows] += np.log(chances * flat[drawn] / sums[-1])

    def _shares(self, queries: Queries) -> dict[str, Floats]:
        """For each column whose codes are drawn, the share of each code's values that match,
        (codes,); or of each pair of digits', (codes, cells).
        """
        shares: dict[str, Floats] = {}
        for query in queries.values():
            column = query.column
            if column.joint:
                share = self.constraints.combinations.shares(self.named[column.joint], queries)
            elif column.base in self.second and column.base == column.name:
                share = query.cells()
            else:
                share = query.shares()
            if column.derived_from:
                share = share[np.array(column.derived)]
                if cells := self.named[column.derived_from].cells:
                    share = share.reshape(-1, cells)
            if column.base not in shares:
                shares[column.base] = share
                continue
            both = [s if s.ndim == 2 else s[:, None] for s in (shares[column.base], share)]
            product = both[0] * both[1]
            shares[column.base] = product if product.shape[1] > 1 else product[:, 0]
        return shares

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


def _no_value(queries: Sequence[ColumnQuery]) -> GankitError:
    shown = ", ".join(map(str, queries))
    if len(queries) > 1:
        return GankitError(f"{shown}: the data has no such combination", "Leave one of them out")
    return GankitError(f"{shown}: the data has no such value", "Request other values")
