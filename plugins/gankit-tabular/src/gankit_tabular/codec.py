"""Rows as tensors and back; and what a user may ask of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from gankit.contract import Batch, Classes, Codec, CodecState, Condition, Layout
from gankit.errors import GankitError, did_you_mean
from gankit.seeds import uniform
from gankit_tabular.columns import (
    Column,
    Floats,
    Ints,
    decode_column,
    find_derived,
    fit_and_encode,
    locate,
)
from gankit_tabular.rows import Row, as_table, type_from_text

REVEALED = 0.3
"""Share of training rows of which some columns are told to both networks."""
EACH = 0.15
"""Share of columns told of such a row."""


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


class TableCodec(Codec[Row]):
    """One tensor for a table of mixed columns.

    Stored: codes and positions, (N, blocks + positions). Prepared: each block one-hot, then the
    positions; ``c`` has the blocks again for the columns that a row is asked for, and zeros.

    Args:
        columns: as they were learnt, in the table's order.
    """

    block = 1024

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        self.schema = pa.schema([(c.name, type_from_text(c.type)) for c in columns])
        self.blocks = blocks_of(columns)
        if not self.blocks:
            raise GankitError("no column varies", "There is nothing to learn from such a table")
        self.width = sum(b.codes for b in self.blocks)
        binned = [b for b in self.blocks if b.position >= 0]
        fields = [
            Classes(columns[b.column].name, columns[b.column].labels, optional=True)
            for b in self.blocks
        ]
        self.layout = Layout((self.width + len(binned),), Condition(tuple(fields)))
        self._offsets = torch.tensor([b.start for b in self.blocks])
        self._block_of = torch.repeat_interleave(
            torch.arange(len(self.blocks)), torch.tensor([b.codes for b in self.blocks])
        )

    @classmethod
    def fit(
        cls, rows: Sequence[Row], schema: pa.Schema, bins: int, kinds: Mapping[str, str]
    ) -> TableCodec:
        """Learns every column, and which follow from others."""
        table = as_table(rows, schema)
        fitted = [
            fit_and_encode(name, table.column(name), bins, kinds.get(name, ""))
            for name in table.column_names
        ]
        columns, codes = [column for column, _ in fitted], np.stack([c for _, c in fitted], 1)
        find_derived(columns, codes)
        return cls(columns)

    # --- Encoding -------------------------------------------------------------------------------

    def encode(self, items: Sequence[Row], rng: np.random.Generator) -> Batch:
        table = as_table(items, self.schema)
        columns = [self.columns[b.column] for b in self.blocks]
        located = [locate(c, table.column(c.name)) for c in columns]
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
        x = np.concatenate([codes.T, *[p[None] for p in positions]]).T.astype(np.float32)
        return Batch(torch.from_numpy(x), torch.zeros(len(table), 1, dtype=torch.uint8))

    def prepare(self, batch: Batch) -> Batch:
        stored, n = batch.x, len(batch)
        device = stored.device
        hot = stored[:, : len(self.blocks)].long() + self._offsets.to(device)
        x = torch.zeros(n, self.layout.shape[0], device=device).scatter_(1, hot, 1.0)
        x[:, self.width :] = stored[:, len(self.blocks) :]
        return Batch(x, self._told(x[:, : self.width]))

    def conditions_of(self, x: Tensor) -> Tensor:
        largest = [x[:, b.start : b.start + b.codes].argmax(1) for b in self.blocks]
        hot = torch.stack(largest, 1) + self._offsets.to(x.device)
        return self._told(torch.zeros_like(x[:, : self.width]).scatter_(1, hot, 1.0))

    def _told(self, codes: Tensor) -> Tensor:
        """Some columns of some rows of one-hot codes; zeros elsewhere."""
        n, device = len(codes), codes.device
        told = torch.rand(n, len(self.blocks), device=device) < EACH
        told &= torch.rand(n, 1, device=device) < REVEALED
        return codes * told[:, self._block_of.to(device)]

    # --- Decoding -------------------------------------------------------------------------------

    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Row]:
        x = batch.x.numpy()
        codes: dict[str, Ints] = {}
        positions = np.zeros((len(self.columns), len(x)))
        for b in self.blocks:
            codes[self.columns[b.column].name] = x[:, b.start : b.start + b.codes].argmax(1)
            if b.position >= 0:
                positions[b.column] = x[:, b.position]
        values, nothing = {}, np.zeros(len(x))
        for i, column in enumerate(self.columns):
            if column.derived_from:
                code = np.array(column.derived)[codes[column.derived_from]]
            else:
                code = codes.get(column.name, np.zeros(len(x), np.int64))
            u = uniform(seeds, i) if column.groups or column.kind == "identifier" else nothing
            drawn = decode_column(column, code, positions[i].astype(np.float64), u)
            values[column.name] = _typed(drawn, self.schema.field(column.name).type)
        return pa.table(values, schema=self.schema).to_pylist()  # type: ignore[no-any-return]

    def state(self) -> CodecState:
        return CodecState({"columns": [asdict(c) for c in self.columns]})

    # --- What is asked of a row -----------------------------------------------------------------

    def ask(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        c = torch.zeros(len(seeds), self.width)
        for name, value in where.items():
            column = self._column(name)
            weights = self._weights(column, value)
            base = column
            if column.derived_from:
                base = self._column(column.derived_from)
                weights = weights[np.array(column.derived)] * np.array(base.frequency)
                weights = _distribution(name, value, weights)
            start = next(b.start for b in self.blocks if self.columns[b.column] is base)
            u = uniform(seeds, 1000 + start)
            code = np.searchsorted(np.cumsum(weights), u * weights.sum(), side="right")
            c[torch.arange(len(seeds)), start + torch.from_numpy(code)] = 1
        return c

    def settle(
        self, items: list[Row], where: Mapping[str, object], seeds: Sequence[int]
    ) -> list[Row]:
        spans = {name: span for name, value in where.items() if (span := _span(value))}
        spans = {n: s for n, s in spans.items() if self._column(n).kind == "number"}
        settled = [dict(item) for item in items]
        for name, (low, high) in spans.items():
            column, t = self._column(name), self.schema.field(name).type
            step, (least, most) = 10.0**-column.decimals, column.range
            low, high = max(low, least), min(high, most)
            first, last = np.ceil(low / step), np.floor(high / step)
            u = uniform(seeds, 2000 + self.columns.index(column))
            inside = step * (first + np.floor(u * (last - first + 1)))
            for i, item in enumerate(settled):
                v = item[name]
                if isinstance(v, int | float) and not low <= v <= high:
                    moved = pa.array([round(float(inside[i]), column.decimals)])
                    item[name] = _typed(moved, t)[0].as_py()
        return settled  # type: ignore[return-value]

    def _column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name and (column.modelled or column.derived_from):
                return column
        known = [c.name for c in self.columns if c.modelled or c.derived_from]
        raise GankitError(f"the table has no column {name!r} to ask for", did_you_mean(name, known))

    def _weights(self, column: Column, value: object) -> Floats:
        """How likely each code is, given what is asked."""
        weights = np.zeros(column.codes)
        if column.kind == "number":
            span = _span(value)
            if span is None and str(value) != "missing":
                raise GankitError(
                    f"{column.name}={value}: neither a number nor a range",
                    f"Write {column.name}=30 or {column.name}=30..40",
                )
            if span is None:
                weights[column.codes - 1] = column.missing
            else:
                low, high = span
                for i, atom in enumerate(column.atoms):
                    weights[i] = column.frequency[i] * (low <= atom <= high)
                for i, q in zip(column.bin_codes, column.bins, strict=True):
                    at = np.interp([low, high], q, np.linspace(0, 1, len(q)), left=0, right=1)
                    share = at[1] - at[0] if low < high else float(q[0] <= low <= q[-1])
                    weights[i] = column.frequency[i] * share
        else:
            wanted = str(value).split("|")
            for i, atom in enumerate(column.atoms):
                weights[i] = column.frequency[i] * (str(atom) in wanted)
            if "missing" in wanted and column.missing:
                weights[-1] = column.frequency[-1]
            unknown = [w for w in wanted if w not in map(str, column.atoms) and w != "missing"]
            if unknown:
                raise GankitError(
                    f"{column.name}={unknown[0]}: no such value, or one too rare to ask for",
                    did_you_mean(unknown[0], [str(a) for a in column.atoms]),
                )
        return _distribution(column.name, value, weights)


def _distribution(name: str, value: object, weights: Floats) -> Floats:
    if not weights.sum():
        raise GankitError(f"{name}={value}: no value of the data lies there", "Ask for another")
    return np.asarray(weights / weights.sum())


def _span(value: object) -> tuple[float, float] | None:
    """``30``, ``30..40``, ``..40`` or ``30..`` as an interval."""
    low, dots, high = str(value).strip().partition("..")
    try:
        if not dots:
            return float(low), float(low)
        span = float(low or "-inf"), float(high or "inf")
    except ValueError:
        return None
    return span if span[0] <= span[1] and (low or high) else None


def _typed(values: pa.Array, t: pa.DataType) -> pa.Array:
    """Numbers and texts as an array of the column's type."""
    if pa.types.is_temporal(t):
        values = values.cast(pa.int64() if t.bit_width == 64 else pa.int32(), safe=False)
    return values.cast(t, safe=False)
