"""Rows with missing cells: what was observed as conditions, and rows completed from drawn ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from gankit.contract import Batch, Completed, Gaps
from gankit.errors import GankitError
from gankit.seeds import uniform
from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.combinations import hidden_name
from gankit_tabular.codec.constraints.constraints import Constraints
from gankit_tabular.codec.constraints.grid import Values, plain_values
from gankit_tabular.codec.constraints.key_spaces import KeySpace, Patterns
from gankit_tabular.codec.constraints.rules import Linear, parse_rules
from gankit_tabular.codec.constraints.validation import broken_rows
from gankit_tabular.codec.numbers import typed_numbers
from gankit_tabular.codec.rare import merge_as_fitted
from gankit_tabular.codec.relations import Relations
from gankit_tabular.codec.templates import Identifiers
from gankit_tabular.codec.value_types import value_type
from gankit_tabular.codec.values import locate
from gankit_tabular.data.arrow import Flags, Ints, is_text, numbers, plain
from gankit_tabular.data.rows import Row, Rows, as_table
from gankit_tabular.formats.base import Format
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


@dataclass
class Incomplete:
    """Rows with missing cells, by column."""

    table: pa.Table
    """With the schema of the training data."""
    typed: Mapping[str, pa.ChunkedArray]
    missing: Mapping[str, Flags]
    """Which cells are missing."""
    known: Mapping[str, Flags]
    """Which cells have a value of the training data, or a number."""


class GapFiller:
    """Fills missing cells.

    Args:
        columns: of the codec.
        schema: of rows as they are written.
        formats: how cells are written, by column.
        blocks: of x.
        condition_blocks: of c, those of x first.
        constraints: between the columns.
        relations: between numbers.
        steps: of the codec.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        schema: pa.Schema,
        formats: Mapping[str, Format],
        blocks: Sequence[Block],
        condition_blocks: Sequence[Block],
        constraints: Constraints,
        relations: Relations,
        steps: Steps,
    ) -> None:
        self.columns, self.schema, self.formats = columns, schema, formats
        self.blocks, self.condition_blocks, self.steps = blocks, condition_blocks, steps
        self.constraints, self.relations = constraints, relations
        self.named = {c.name: c for c in columns}
        self.arithmetic = relations.arithmetic(self.named)
        self.rules = parse_rules(
            constraints.texts, {c.name: value_type(c) for c in columns if not c.hidden}
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
        self._keys: dict[str, KeySpace] = {}

    # --- What is missing ------------------------------------------------------------------------

    def read(self, items: Sequence[Row]) -> Incomplete:
        table = as_table(items, self.schema)
        typed = read_columns(table, self.formats)
        merged = merge_as_fitted(table, self.columns)
        codes = typed if merged is table else read_columns(merged, self.formats)
        missing = {name: _missing(values) for name, values in typed.items()}
        known = {}
        for name, absent in missing.items():
            column = self.named[name]
            known[name] = ~absent
            if column.kind == "category" and column.codes:
                values = plain(codes[name])
                seen = pc.is_in(values, value_set=pa.array(column.values, values.type))
                known[name] &= seen.to_numpy(zero_copy_only=False) & ~_missing(values)
        return Incomplete(table, codes, missing, known)

    def gaps(self, items: Sequence[Row]) -> Gaps:
        """What rows lack.

        Raises:
            GankitError: a column that cannot be filled has gaps.
        """
        missing, keys = self.read(items).missing, self.constraints.keys.composite
        for name, absent in missing.items():
            column = self.named[name]
            if not absent.any():
                continue
            if column.kind != "identifier" and not column.values and not column.bins:
                raise GankitError(
                    f"column {name!r} cannot be filled: it has no value in the training data",
                    "Remove it from --data, and train without it",
                )
            if key := next((key for key in keys if name in key), ()):
                raise GankitError(
                    f"column {name!r} cannot be filled: it is part of the key {', '.join(key)}",
                    "Fill it by hand, or train without the constraint",
                )
        return Gaps([*missing], np.stack([*missing.values()], 1))

    def reserve(self, items: Sequence[Row]) -> None:
        """Prepares new keys for missing ones, other than those of these rows.

        Raises:
            GankitError: there are too few.
        """
        self._keys = {}
        table = as_table(items, self.schema)
        for column in self.columns:
            if column.kind != "identifier" or not table.column(column.name).null_count:
                continue
            values = read_columns(table.select([column.name]), self.formats)[column.name]
            space = copy.deepcopy(self.constraints.keys.spaces.get(column.name))
            if space is None and column.identifier:
                space = Identifiers.load(column.name, column.identifier)
            elif space is None:  # of an older run
                space = Patterns(column.name, patterns=list(column.patterns))
            space.reserve(plain_values(column, values))
            if space.room < len(table):
                raise GankitError(
                    f"column {column.name!r} cannot be filled: {len(table):,} rows, and only "
                    f"{max(space.room, 0):,} unused keys like those of the training data",
                    "Fill it by hand",
                )
            self._keys[column.name] = space

    # --- What was observed ----------------------------------------------------------------------

    def observed(self, items: Sequence[Row]) -> Tensor:
        """Rows of ``c``: the codes of known cells; several where the value is one of them."""
        rows = self.read(items)
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
        rows = self.read(items)
        names = [n for n, absent in rows.missing.items()
                 if absent.any() and self.named[n].kind != "identifier"]  # fmt: skip
        own = seeds
        if draw:  # whatever else is drawn for a row differs from that of another imputation
            own = (uniform(seeds, DRAW + draw) * 2**53).astype(np.int64).tolist()
        made: dict[str, Any] = dict(self.steps.values(batch.x.numpy(), own, names))
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
        n = len(rows.table)
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
                name: list(_plain(made[name])) if name in made else lists[name] for name in names
            }
            values: Values = {
                name: [a if k else b for a, b, k in zip(
                    lists[name], before[name], rows.known[name].tolist(), strict=True)]
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
            valid &= ~_missing(typed[name])
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

    # --- Rows as they were read -----------------------------------------------------------------

    def insert(
        self, items: Sequence[Row], completed: Sequence[Row], gaps: Gaps, seeds: Sequence[int]
    ) -> Rows:
        """Rows as they were read, with completed cells in their gaps."""
        assert isinstance(items, Rows)
        table, filled = items.table, as_table(completed, self.schema)
        some = gaps.missing.any(1)
        place = pa.array(np.cumsum(some) - 1, mask=~some)
        columns = {name: table.column(name) for name in table.column_names}
        for name, flags in zip(gaps.names, gaps.missing.T, strict=True):
            trained = self.schema.field(name).type
            own = plain(columns[name]).type
            kept = filled_type(own, trained)
            values = filled.column(name).take(place)
            if self.named[name].kind == "identifier" and flags.any():
                made = [self._keys[name].draw(s) if f else None
                        for s, f in zip(seeds, flags.tolist(), strict=True)]  # fmt: skip
                values = pa.chunked_array([pa.array(made).cast(trained)])
            if flags.any():
                given = plain(columns[name]).cast(kept)
                columns[name] = pc.if_else(pa.array(flags), plain(values).cast(kept), given)
            elif kept != own:
                columns[name] = plain(columns[name]).cast(kept)
        return Rows(pa.table(columns).replace_schema_metadata(table.schema.metadata))


def filled_type(own: pa.DataType, trained: pa.DataType) -> pa.DataType:
    """The type of a column with gaps once they are filled."""
    if pa.types.is_null(own):
        return trained
    if pa.types.is_integer(own) and not pa.types.is_integer(trained):
        return trained
    return own if not is_text(own) or is_text(trained) else pa.string()


def _missing(values: pa.ChunkedArray) -> Flags:
    """Which values are missing, NaN included."""
    values = plain(values)
    if pa.types.is_floating(values.type):
        return np.asarray(~np.isfinite(numbers(values)))
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False), bool)


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
