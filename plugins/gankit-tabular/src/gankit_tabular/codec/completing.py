"""Rows with missing cells: what is known as conditions, and rows completed from drawn ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from gankit.contract import Batch, Completed
from gankit.seeds import uniform
from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.combinations import hidden_name
from gankit_tabular.codec.constraints.constraints import Constraints
from gankit_tabular.codec.constraints.grid import Values, plain_values
from gankit_tabular.codec.constraints.rules import Linear, parse_rules
from gankit_tabular.codec.constraints.validation import broken_rows
from gankit_tabular.codec.gaps import GapReader, Incomplete, missing_in
from gankit_tabular.codec.numbers import typed_numbers
from gankit_tabular.codec.relations import Relations
from gankit_tabular.codec.value_types import value_type
from gankit_tabular.codec.values import locate
from gankit_tabular.data.arrow import Flags, Ints
from gankit_tabular.data.rows import Row, Rows
from gankit_tabular.formats.columns import read_columns

DRAW = 2**29
"""The stream of numbers that seeds of a further imputation come from."""


@dataclass
class Steps:
    """Steps of the codec that filling uses."""

    encode: Callable[[Rows], Tensor]
    """One-hot digits of rows, of modelled columns and then of computed ones."""
    values: Callable[[np.ndarray[Any, Any], Sequence[int], Sequence[str]], Mapping[str, Any]]
    """``(x, seeds, names)``: generated values by column."""
    written: Callable[[Mapping[str, Any]], pa.Table]
    """Values with the types and formats of the table."""


class GapFiller:
    """Completes rows.

    Args:
        reader: of rows.
        blocks: of x.
        condition_blocks: of c, those of x first.
        constraints: between the columns.
        relations: between numbers.
        steps: of the codec.
    """

    def __init__(
        self,
        reader: GapReader,
        blocks: Sequence[Block],
        condition_blocks: Sequence[Block],
        constraints: Constraints,
        relations: Relations,
        steps: Steps,
    ) -> None:
        self.reader, self.columns, self.named = reader, reader.columns, reader.named
        self.schema, self.formats = reader.schema, reader.formats
        self.blocks, self.condition_blocks, self.steps = blocks, condition_blocks, steps
        self.constraints, self.relations = constraints, relations
        self.arithmetic = relations.arithmetic(self.named)
        self.rules = parse_rules(
            constraints.texts, {c.name: value_type(c) for c in self.columns if not c.hidden}
        )
        self.sources: dict[str, list[str]] = {}
        """The columns that a hidden one follows from."""
        self.targets: dict[str, str] = {}
        """The column that follows from a hidden difference or distance."""
        for r in relations.found:
            self.sources[r.hidden] = [r.target, *(name for name, _ in r.terms)]
            self.targets[r.hidden] = r.target
        for rule in constraints.arithmetic.derived:
            if rule.slack:
                self.sources[rule.slack] = list(rule.rule.columns)
                self.targets[rule.slack] = constraints.arithmetic.names[rule.target]
        for group in constraints.combinations.groups:
            self.sources[hidden_name(group)] = list(group)

    # --- What was observed ----------------------------------------------------------------------

    def observed(self, items: Sequence[Row]) -> Tensor:
        """Rows of ``c``: the codes of known cells; several where the value is one of them."""
        rows = self.reader.read(items)
        hot = self.steps.encode(Rows(rows.table)).numpy()
        c = np.zeros_like(hot)
        for b in self.condition_blocks:
            told = self._told(rows, self.columns[b.column])
            c[told, b.start : b.start + b.codes] = hot[told, b.start : b.start + b.codes]
            if self.columns[b.column].computed:
                continue  # no digit of it is drawn
            allowed = self._allowed(rows, b)
            if allowed is not None:
                allowed[told] = False
                allowed[allowed.all(1)] = False
                c[:, b.start : b.start + b.codes] += allowed
        return torch.from_numpy(c)

    def _told(self, rows: Incomplete, column: Column) -> Flags:
        """Rows in which a column's code is known."""
        names = self.sources.get(column.name, [column.name])
        return np.asarray(np.all([rows.known[name] for name in names], 0))

    def _allowed(self, rows: Incomplete, b: Block) -> Flags | None:
        """Codes that an unknown cell can have, (N, codes); None for all."""
        column, n = self.columns[b.column], len(rows.table)
        if b.digit:
            return None
        allowed = np.ones((n, b.codes), bool)
        if column.missing:
            allowed[:, -1] = False
        for name, codes in self._followers(rows, column).items():
            possible = self._by_code(column, name)[:, codes].T  # (N, codes)
            some = rows.known[name] & (possible & allowed).any(1)
            allowed[some] &= possible[some]
        for group in self.constraints.combinations.groups:
            if hidden_name(group) == column.name:
                self._rule_out_combinations(rows, group, column, allowed)
        return allowed if not allowed.all() else None

    def _followers(self, rows: Incomplete, column: Column) -> dict[str, Ints]:
        """The codes of columns that follow from this one, by name."""
        return {
            c.name: locate(c, rows.typed[c.name])[0]
            for c in self.columns
            if c.derived_from == column.name
        }

    def _by_code(self, column: Column, follower: str) -> Flags:
        """Which codes of a follower occur with each code of a column, (codes, follower's)."""
        other = self.named[follower]
        pairs = np.array(other.derived).reshape(column.codes, max(column.cells, 1))
        found = np.zeros((column.codes, other.codes), bool)
        for code, choices in enumerate(column.choices if column.cells else [1] * column.codes):
            found[code, pairs[code, :choices]] = True
        return found

    def _rule_out_combinations(
        self, rows: Incomplete, group: Sequence[str], hidden: Column, allowed: Flags
    ) -> None:
        """Rules out, in place, combinations that contradict known cells."""
        lists = {name: plain_values(self.named[name], rows.typed[name]) for name in group}
        shares: dict[str, Flags] = {}
        for i in range(len(allowed)):
            known = {n: lists[n][i] for n in group if rows.known[n][i]}
            if not known or len(known) == len(group):
                continue
            if (case := repr(known)) not in shares:
                shares[case] = self.constraints.combinations.possible(hidden, known)
            if (allowed[i] & shares[case]).any():
                allowed[i] &= shares[case]

    # --- Completing rows ------------------------------------------------------------------------

    def complete(
        self, items: Sequence[Row], batch: Batch, seeds: Sequence[int], draw: int
    ) -> Completed[Row]:
        """Rows with drawn values in their missing cells, encoded again."""
        rows = self.reader.read(items)
        names = [n for n, absent in rows.missing.items()
                 if absent.any() and self.named[n].kind != "identifier"]  # fmt: skip
        own = seeds
        if draw:  # whatever else is drawn for a row differs from that of another imputation
            own = (uniform(seeds, DRAW + draw) * 2**53).astype(np.int64).tolist()
        # A gap in a term follows from a known total and the drawn difference.
        totals = [r.target for r in self.relations.found if {n for n, _ in r.terms} & {*names}]
        made: dict[str, Any] = dict(self.steps.values(batch.x.numpy(), own, [*names, *totals]))
        changed = self._agree(rows, made)
        columns = {n: rows.table.column(n) for n in rows.table.column_names}
        drawn = self.steps.written({n: made[n] for n in names}) if names else None
        for name in names:
            assert drawn is not None
            gap = pa.array(rows.missing[name])
            columns[name] = pc.if_else(gap, drawn.column(name), columns[name])
        table = pa.table(columns).cast(self.schema)
        hot = self.steps.encode(Rows(table))
        taken = self._taken(rows, changed)
        for k, b in enumerate(self.blocks):  # what the training data does not have is as drawn
            name = self.columns[b.column].name
            if name in rows.known:
                strange = torch.from_numpy(~rows.known[name] & ~rows.missing[name])
                hot[strange, b.slice] = batch.x[strange, b.slice]
                taken[strange.numpy(), k] = True
        width = self.blocks[-1].slice.stop
        x = torch.cat([hot[:, :width], batch.x[:, width:]], 1)
        valid = self._valid(rows, table, names) & self._followed(rows, hot)
        return Completed(Rows(table), x, torch.from_numpy(taken), torch.from_numpy(valid))

    def _agree(self, rows: Incomplete, made: dict[str, Any]) -> dict[str, Flags]:
        """Makes generated values agree, in place, with the known ones of their rows; returns which
        were changed, by column.
        """
        n, drawn = len(rows.table), dict(made)
        for r in self.relations.found:
            if r.hidden not in made:
                continue
            floats = {}
            for name, _ in r.terms:
                given = typed_numbers(self.named[name], rows.typed[name])
                known = rows.known[name]
                floats[name] = (
                    np.where(known, given, _floats(made[name])) if name in made else given
                )
            total = r.total(floats, _floats(made[r.hidden]))
            given = typed_numbers(self.named[r.target], rows.typed[r.target])
            total = np.where(rows.known[r.target], given, total)
            made[r.target] = _like(total, made[r.target])
        changed = {name: np.zeros(n, bool) for name in rows.missing}
        for arithmetic in (self.arithmetic, self.constraints.arithmetic):
            names = arithmetic.names
            if not names or not any(rows.missing[name].any() for name in names):
                continue
            lists = {name: plain_values(self.named[name], rows.typed[name]) for name in names}
            before: Values = {
                name: _plain(drawn[name]) if name in drawn else lists[name] for name in names
            }
            values: Values = {
                name: [a if k else b for a, b, k in zip(
                    lists[name], _plain(made[name]) if name in made else lists[name],
                    rows.known[name].tolist(), strict=True)]
                for name in names
            }  # fmt: skip
            arithmetic.keep(values, before, rows.known)
            for name in names:
                pairs = zip(values[name], before[name], strict=True)
                changed[name] |= np.fromiter((a != b for a, b in pairs), bool, n)
                if name in made:
                    made[name] = values[name]
        return changed

    def _taken(self, rows: Incomplete, changed: Mapping[str, Flags]) -> Flags:
        """Digits that rows have as they were drawn, (N, blocks)."""
        taken = np.zeros((len(rows.table), len(self.blocks)), bool)
        for k, b in enumerate(self.blocks):
            name = self.columns[b.column].name
            if sources := self.sources.get(name):
                taken[:, k] = np.logical_or.reduce([rows.missing[s] for s in sources])
                if target := self.targets.get(name):  # or what it is drawn for is known
                    taken[:, k] &= rows.missing[target] | np.any([changed[s] for s in sources], 0)
            else:
                taken[:, k] = rows.missing[name] & ~changed[name]
        return taken

    def _valid(self, rows: Incomplete, table: pa.Table, names: Sequence[str]) -> Flags:
        """Rows without a gap left, that break no rule because of what was filled in."""
        typed = read_columns(table, self.formats)
        valid = np.ones(len(table), bool)
        for name in names:
            valid &= ~missing_in(typed[name])
        for rule in self.rules:
            filled = np.logical_or.reduce([rows.missing[name] for name in rule.columns])
            if isinstance(rule, Linear) and filled.any():
                valid &= ~(broken_rows(rule, pa.table(dict(typed))) & filled)
        for group in self.constraints.combinations.groups:
            filled = np.logical_or.reduce([rows.missing[name] for name in group])
            if filled.any():
                known = {repr(list(p)) for p in self.constraints.combinations.parts(group)}
                lists = [plain_values(self.named[name], typed[name]) for name in group]
                cells = (repr(list(cell)) in known for cell in zip(*lists, strict=True))
                valid &= ~filled | np.fromiter(cells, bool, len(table))
        return valid

    def _followed(self, rows: Incomplete, hot: Tensor) -> Flags:
        """Rows in which known cells follow from what was drawn, where that is possible."""
        good = np.ones(len(rows.table), bool)
        first = {b.column: b for b in self.blocks if not b.digit}
        second = {b.column: b for b in self.blocks if b.digit}
        for i, b in first.items():
            column = self.columns[i]
            for name, codes in self._followers(rows, column).items():
                concerned = rows.known[name] & rows.missing[column.name]
                concerned &= self._by_code(column, name)[:, codes].any(0)
                if not concerned.any():
                    continue
                pair = hot[:, b.slice].argmax(1).numpy()
                if i in second:
                    pair = pair * column.cells + hot[:, second[i].slice].argmax(1).numpy()
                good &= ~concerned | (np.array(self.named[name].derived)[pair] == codes)
        return good


def _floats(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    if isinstance(values, list):
        return np.array([np.nan if v is None else v for v in values], np.float64)
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _like(found: np.ndarray[Any, Any], values: Any) -> Any:
    """Numbers as a list or an array, as the values are."""
    if isinstance(values, list):
        return [v if np.isfinite(v) else None for v in found.tolist()]
    return pa.array(found, mask=~np.isfinite(found))


def _plain(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list) else list(values.to_pylist())
