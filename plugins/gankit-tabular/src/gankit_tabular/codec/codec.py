"""Rows as tensors and back; and what a user may ask of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from gankit.contract import Batch, Categorical, Codec, CodecState, Condition, Layout
from gankit.errors import GankitError, did_you_mean
from gankit.seeds import uniform
from gankit_tabular.codec.columns import (
    Column,
    Floats,
    Ints,
    count_codes,
    decode_column,
    find_derived,
    fit_and_encode,
    locate,
)
from gankit_tabular.codec.constraints.arithmetic import Values
from gankit_tabular.codec.constraints.constraints import Constraints, carriers
from gankit_tabular.codec.constraints.grid import asked_range, is_left, plain_values
from gankit_tabular.codec.constraints.rules import parse
from gankit_tabular.codec.descriptions import describe_columns
from gankit_tabular.codec.number_formats import NumberFormat, as_state, number_formats, read_columns
from gankit_tabular.codec.ordinals import Ordinals, put_in_order
from gankit_tabular.codec.queries import Wish, read_wish
from gankit_tabular.data.rows import Row, as_table, type_from_text

REVEALED = 0.6
"""Share of training rows of which some columns are told to both networks."""
ALONE = 0.5
"""Share of those of which one column is told: what is asked for most often."""
EACH = 0.15
"""Share of columns told of the others."""


@dataclass(frozen=True)
class Block:
    """Where a column lies in ``x``: its codes one-hot, then the position within bins, if any."""

    column: int
    start: int
    codes: int
    first_bin: int
    bins: int
    position: int
    """Its place in ``x``; -1 for none."""


def blocks_of(columns: Sequence[Column]) -> list[Block]:
    """The blocks of the modelled columns, positions after all of them."""
    modelled = [i for i, column in enumerate(columns) if column.modelled]
    start, blocks = 0, []
    position = sum(columns[i].codes for i in modelled)
    for i in modelled:
        column = columns[i]
        has = bool(column.bins)
        first = column.bin_codes.start
        blocks.append(
            Block(i, start, column.codes, first, len(column.bins), position if has else -1)
        )
        start, position = start + column.codes, position + has
    return blocks


@dataclass(frozen=True)
class Told:
    """Where a column that constraints compute lies in ``c``, behind the blocks."""

    column: int
    start: int
    codes: int


class TableCodec(Codec[Row]):
    """One tensor for a table of mixed columns.

    Stored: codes and positions, (N, blocks + positions + told). Prepared: each block one-hot, then
    the positions; ``c`` has the blocks again, and those that are only told, for the columns that a
    row is asked for, and zeros.

    Args:
        columns: as they were learnt, in the table's order; then the hidden ones.
        constraints: between the columns; none when not given.
    """

    decode_batch_size = 1024

    def __init__(self, columns: Sequence[Column], constraints: Constraints | None = None) -> None:
        self.columns = list(columns)
        self.constraints = constraints or Constraints((), columns, {})
        self.schema = pa.schema([(c.name, type_from_text(c.type)) for c in columns if not c.hidden])
        self.blocks = blocks_of(columns)
        if not self.blocks:
            raise GankitError("no column varies", "There is nothing to learn from such a table")
        self.width = sum(b.codes for b in self.blocks)
        self.told: list[Told] = []
        """The columns that are in c alone."""
        start = self.width
        for i, column in enumerate(columns):
            if column.computed and column.codes > 1:
                self.told.append(Told(i, start, column.codes))
                start += column.codes
        self.asked: list[Block | Told] = [*self.blocks, *self.told]
        """All that c has places for."""
        binned = [b for b in self.blocks if b.position >= 0]
        fields = [
            Categorical(columns[b.column].name, columns[b.column].labels, optional=True)
            for b in self.asked
        ]
        self.layout = Layout((self.width + len(binned),), Condition(tuple(fields)))
        self._seeds_seen: tuple[int, int] | None = None

    @classmethod
    def fit(
        cls,
        rows: Sequence[Row],
        schema: pa.Schema,
        bins: int,
        kinds: Mapping[str, str],
        constraints: Sequence[str] = (),
        ordinals: Ordinals | None = None,
    ) -> TableCodec:
        """Learns every column, which follow from others, and what constraints need.

        Args:
            kinds: what the user says of columns: number, category or identifier.
            constraints: rules between columns, as texts.
            ordinals: categories with an order.
        """
        table, ordinals = as_table(rows, schema), ordinals or {}
        said = {**kinds, **dict.fromkeys(ordinals, "category")}
        formats = number_formats(table, said)
        values = read_columns(table, formats)
        rules = parse(constraints, {name: v.type for name, v in values.items()})
        said |= dict.fromkeys(carriers(rules, values), "identifier")
        columns, codes = [], {}
        for name, column_values in values.items():
            column, codes[name] = fit_and_encode(name, column_values, bins, said.get(name, ""))
            if name in formats:
                column.type, column.format = str(schema.field(name).type), as_state(formats[name])
            if name in ordinals:
                put_in_order(column, ordinals[name])
                codes[name] = count_codes(column, column_values)
            columns.append(column)
        found, hidden = Constraints.learn(constraints, columns, values, bins)
        free = [c for c in columns if not (c.computed or c.joint or found.uses(c.name))]
        if free:
            find_derived(free, np.stack([codes[c.name] for c in free], 1))
        return cls([*columns, *hidden], found)

    # --- Encoding -------------------------------------------------------------------------------

    def encode(self, items: Sequence[Row], rng: np.random.Generator) -> Batch:
        table = as_table(items, self.schema)
        values = read_columns(table, self._formats())
        values |= {n: pa.chunked_array([v]) for n, v in self.constraints.hidden(values).items()}
        columns = [self.columns[b.column] for b in self.blocks]
        located = [locate(c, values[c.name]) for c in columns]
        codes = np.stack([code for code, _, _ in located], 1)
        # Equal values are spread over their part of a bin by what else the row holds, so that an
        # item is encoded the same wherever it stands.
        u = uniform(codes @ np.arange(1, 2 * len(columns), 2) ** 5, 0)
        rows = np.floor(u * 2**53).astype(np.int64)
        positions = [
            start + uniform(rows, i) * share
            for i, (c, (_, start, share)) in enumerate(zip(columns, located, strict=True))
            if c.bins
        ]
        told = [self.columns[t.column] for t in self.told]
        more = [locate(c, values[c.name])[0] for c in told]
        x = np.concatenate([codes.T, *[p[None] for p in (*positions, *more)]]).T.astype(np.float32)
        return Batch(torch.from_numpy(x), torch.zeros(len(table), 1, dtype=torch.uint8))

    def prepare(self, batch: Batch) -> Batch:
        stored, n, device = batch.x, len(batch), batch.x.device
        blocks, positions = len(self.blocks), self.layout.shape[0] - self.width
        codes = torch.cat([stored[:, :blocks], stored[:, blocks + positions :]], 1).long()
        starts = torch.tensor([p.start for p in self.asked], device=device)
        total = sum(p.codes for p in self.asked)
        hot = torch.zeros(n, total, device=device).scatter_(1, codes + starts, 1.0)
        x = torch.cat([hot[:, : self.width], stored[:, blocks : blocks + positions]], 1)
        return Batch(x, self._told(hot))

    def infer_conditions(self, x: Tensor) -> Tensor:
        """Of what rows hold themselves; what is computed from them stays open."""
        largest = [x[:, b.start : b.start + b.codes].argmax(1) + b.start for b in self.blocks]
        total = sum(p.codes for p in self.asked)
        hot = torch.zeros(len(x), total, device=x.device)
        return self._told(hot.scatter_(1, torch.stack(largest, 1), 1.0))

    def _told(self, hot: Tensor) -> Tensor:
        """Some columns of some rows of one-hot codes; zeros elsewhere."""
        n, device = len(hot), hot.device
        told = torch.rand(n, len(self.asked), device=device) < EACH
        one = torch.randint(len(self.asked), (n, 1), device=device)
        alone = torch.arange(len(self.asked), device=device) == one
        told = torch.where(torch.rand(n, 1, device=device) < ALONE, alone, told)
        told &= torch.rand(n, 1, device=device) < REVEALED
        sizes = torch.tensor([p.codes for p in self.asked], device=device)
        of = torch.repeat_interleave(torch.arange(len(self.asked), device=device), sizes)
        return hot * told[:, of]

    # --- Decoding -------------------------------------------------------------------------------

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Row]:
        x = batch.x.numpy()
        codes: dict[str, Ints] = {}
        positions = np.zeros((len(self.columns), len(x)))
        for b in self.blocks:
            codes[self.columns[b.column].name] = x[:, b.start : b.start + b.codes].argmax(1)
            if b.position >= 0:
                positions[b.column] = x[:, b.position]
        values: dict[str, pa.Array] = {}
        nothing = np.zeros(len(x))
        for i, column in enumerate(self.columns):
            if column.derived_from:
                code = np.array(column.derived)[codes[column.derived_from]]
            else:
                code = codes.get(column.name, np.zeros(len(x), np.int64))
            if column.joint or self.constraints.makes(column.name):
                continue
            u = uniform(seeds, i) if column.groups or column.kind == "identifier" else nothing
            values[column.name] = decode_column(column, code, positions[i].astype(np.float64), u)
        if self.constraints.texts:
            lists: Values = {name: drawn.to_pylist() for name, drawn in values.items()}
            self.constraints.complete(lists, seeds)
            return self._table(lists).to_pylist()  # type: ignore[no-any-return]
        return self._table(values).to_pylist()  # type: ignore[no-any-return]

    def _table(self, values: Mapping[str, pa.Array | list[Any]]) -> pa.Table:
        """Columns as the user's table has them."""
        arrays = {}
        for column in self.columns:
            if not column.hidden:
                t = self.schema.field(column.name).type
                arrays[column.name] = _typed(_written(column, values[column.name]), t)
        return pa.table(arrays, schema=self.schema)

    def state(self) -> CodecState:
        state: dict[str, Any] = {"columns": [asdict(c) for c in self.columns]}
        if self.constraints.texts:
            state["constraints"] = self.constraints.state()
        return CodecState(state)

    @classmethod
    def load(cls, state: CodecState) -> TableCodec:
        """The codec that :meth:`state` described."""
        columns = [Column(**c) for c in state.config["columns"]]
        return cls(columns, Constraints.load(state.config.get("constraints", {}), columns))

    # --- What is asked of a row -----------------------------------------------------------------

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        wishes = self._wishes(where)
        self.constraints.check(wishes)
        c = torch.zeros(len(seeds), sum(p.codes for p in self.asked))
        if not self.constraints.keys:
            self._tell(c, wishes, np.arange(len(seeds)), seeds)
            return c
        alike: dict[tuple[str, ...], list[int]] = {}
        keys = self.constraints.key_wishes(wishes, seeds)
        for i, key in enumerate(keys):
            alike.setdefault(tuple(map(str, key.values())), []).append(i)
        for places in alike.values():
            self._tell(c, wishes | keys[places[0]], np.array(places), seeds)
        return c

    def _tell(
        self, c: Tensor, wishes: Mapping[str, Wish], places: Ints, seeds: Sequence[int]
    ) -> None:
        """Writes into rows of c what is asked of them: a code of each asked column, drawn by how
        likely it is.
        """
        shares: dict[str, Floats] = {}
        for wish in wishes.values():
            column = wish.column
            base, share = column.name, np.ones(1)
            if column.joint:
                base = column.joint
                share = self.constraints.shares(self._named(base), wishes)
            elif column.derived_from:
                base, share = column.derived_from, wish.shares()[np.array(column.derived)]
            else:
                share = wish.shares()
            shares[base] = shares.get(base, np.ones(1)) * share
        of = {self.columns[p.column].name: p for p in self.asked}
        for base, share in shares.items():
            weights = share * np.array(self._named(base).frequency)
            if not weights.sum():
                said = ", ".join(str(w) for w in wishes.values() if _base(w.column) == base)
                raise GankitError(f"{said}: no value of the data lies there", "Ask for another")
            if base in of:
                u = uniform([seeds[i] for i in places], 1000 + of[base].start)
                code = np.searchsorted(np.cumsum(weights), u * weights.sum(), side="right")
                code = np.minimum(code, len(weights) - 1)
                c[torch.from_numpy(places), of[base].start + torch.from_numpy(code)] = 1

    def settle(
        self, items: list[Row], where: Mapping[str, object], seeds: Sequence[int]
    ) -> list[Row]:
        self._check_keys(where, seeds)
        wishes = self._wishes(where)
        if not wishes:
            return items
        table = as_table(items, self.schema)
        read = read_columns(table, self._formats())
        before: Values = {
            c.name: plain_values(c, read[c.name]) for c in self.columns if not c.hidden
        }
        values = dict(before)
        for name, wish in wishes.items():
            if not wish.column.joint:
                values[name] = self._granted(wish, values[name], seeds)
        self.constraints.settle(values, before, wishes, seeds)
        return self._table(values).to_pylist()  # type: ignore[no-any-return]

    def _granted(self, wish: Wish, values: list[Any], seeds: Sequence[int]) -> list[Any]:
        """Values with others, drawn from the data's, where they are not what is asked."""
        unfit = [i for i, v in enumerate(values) if not wish.fits(v)]
        if not unfit:
            return values
        column, out = wish.column, list(values)
        weights = wish.shares() * np.array(column.frequency)
        sums, index = np.cumsum(weights), self.columns.index(column)
        some = [seeds[i] for i in unfit]
        u, v = uniform(some, 2000 + index), uniform(some, 3000 + index)
        codes = np.searchsorted(sums, u * sums[-1], side="right").clip(max=len(sums) - 1)
        for i, code, within in zip(unfit, codes.tolist(), v.tolist(), strict=True):
            out[i] = self._value_of(wish, code, within)
        return out

    def _value_of(self, wish: Wish, code: int, u: float) -> Any:
        """A value of a code that is what is asked; ``u`` draws it."""
        column = wish.column
        if column.missing and code == column.codes - 1:
            return None
        if code < len(column.atoms):
            return column.atoms[code]
        if column.kind == "number":
            low, high = asked_range(column, wish)
            scale = 10**column.decimals
            q = column.bins[code - len(column.atoms)]
            first, last = max(low, round(q[0] * scale)), min(high, round(q[-1] * scale))
            first, last = (first, last) if first <= last else (low, high)
            whole = first + int(u * (last - first + 1))
            return whole if scale == 1 else whole / scale
        fitting = [p for p in column.groups[code - len(column.atoms)] if wish.fits(p[0])]
        counts = np.cumsum([count for _, count in fitting])
        return fitting[int(np.searchsorted(counts, u * counts[-1], side="right"))][0]

    def reserve(self, real: Sequence[Row]) -> None:
        table = as_table(real, self.schema)
        values = read_columns(table, self._formats())
        keys = self.constraints.key_columns()
        self.constraints.beside({n: plain_values(self._named(n), values[n]) for n in keys})

    def describe(self) -> list[dict[str, str]]:
        return describe_columns(self.columns)

    def _check_keys(self, where: Mapping[str, object], seeds: Sequence[int]) -> None:
        """Keys differ among as many seeds in a row as there is room for, and no more."""
        if not self.constraints.key_columns():
            return
        room, key = self.constraints.room(self._wishes(where))
        first, last = self._seeds_seen or (seeds[0], seeds[0])
        self._seeds_seen = min(first, *seeds), max(last, *seeds)
        wanted = self._seeds_seen[1] - self._seeds_seen[0] + 1
        if wanted > room:
            raise GankitError(
                f"unique: {key}: {wanted:,} rows, and only {room:,} values that differ",
                "Ask for fewer rows, or leave the constraint out",
            )

    def _wishes(self, where: Mapping[str, object]) -> dict[str, Wish]:
        known = [c.name for c in self.columns if not c.hidden]
        wishes = {}
        for name, value in where.items():
            if name not in known:
                raise GankitError(
                    f"the table has no column {name!r} to ask for", did_you_mean(name, known)
                )
            wish = wishes[name] = read_wish(self._named(name), value)
            if wish.span and not is_left(wish):
                raise GankitError(f"{wish}: no value of the data lies there", "Ask for another")
        return wishes

    def _named(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def _formats(self) -> dict[str, NumberFormat]:
        return {c.name: NumberFormat(*c.format) for c in self.columns if c.format}


def _base(column: Column) -> str:
    return column.joint or column.derived_from or column.name


def _written(column: Column, values: pa.Array | list[Any]) -> pa.Array | list[Any]:
    """Numbers as the texts that they came in."""
    if not column.format:
        return values
    form = NumberFormat(*column.format)
    plain = values if isinstance(values, list) else values.to_pylist()
    return [None if v is None else form.write(v, column.decimals) for v in plain]


def _typed(values: pa.Array | list[Any], t: pa.DataType) -> pa.Array:
    """Numbers and texts as an array of the column's type."""
    if isinstance(values, list):
        if pa.types.is_integer(t) or pa.types.is_temporal(t):  # a float would round large ones
            values = [None if v is None else int(v) for v in values]
        if not pa.types.is_temporal(t):
            return pa.array(values, t)
        values = pa.array(values, pa.int64())
    if pa.types.is_temporal(t):
        values = values.cast(pa.int64() if t.bit_width == 64 else pa.int32(), safe=False)
    return values.cast(t, safe=False)
