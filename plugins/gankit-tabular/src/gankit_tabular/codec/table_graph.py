"""Generated rows as indices into lists of values: what an exported graph can compute of a table.

The lists, in the file's metadata, hold what :meth:`TableCodec.decode` would write, with the middle
of a cell of numbers where it draws within the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from gankit.contract import DecodingGraph
from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import QUANTILES, Column
from gankit_tabular.codec.relations import Relations
from gankit_tabular.codec.values import decode_column
from gankit_tabular.networks.codes import Codes

CELLS = QUANTILES - 1
"""Cells into which a position within a bin is cut."""

Write = Callable[[Column, pa.Array], pa.Array]
"""``(column, values) -> values`` in the type and format of the user's table."""


class Lookup(nn.Module):
    """``x (N, width + positions)``, one-hot, to indices (N, columns).

    A row's digits are the code of each block, then the cell of each position, then a zero; two of
    them give a column's place in its table.

    Args:
        blocks: of ``x``, those with positions in their order.
        first, second: for each column, which digits.
        cells: for each column, how many values its second digit has.
        tables: for each column, the index of each pair of digits.
    """

    of: Tensor
    start: Tensor
    first: Tensor
    second: Tensor
    cells: Tensor

    def __init__(
        self,
        blocks: Sequence[Block],
        first: Sequence[int],
        second: Sequence[int],
        cells: Sequence[int],
        tables: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        self.width = sum(b.codes for b in blocks)
        self.codes = Codes(blocks)
        starts = np.cumsum([0, *map(len, tables)])[:-1]
        flat = [index for table in tables for index in table]
        found = {"of": flat, "start": starts, "first": first, "second": second, "cells": cells}
        for name, values in found.items():
            self.register_buffer(name, torch.as_tensor(values), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        digits = self.codes(x[:, : self.width])[0]
        inside = (x[:, self.width :] * CELLS).floor().clamp(0, CELLS - 1).long()
        every = torch.cat([digits, inside, torch.zeros_like(digits[:, :1])], 1)
        return self.of[self.start + every[:, self.first] * self.cells + every[:, self.second]]


def table_graph(
    columns: Sequence[Column], blocks: Sequence[Block], relations: Relations, write: Write
) -> DecodingGraph:
    """The graph of a table's codec.

    Args:
        columns: all, hidden ones included.
        blocks: of the modelled columns in ``x``.
    """
    named = {column.name: column for column in columns}
    positions = sum(b.position >= 0 for b in blocks)
    zero = len(blocks) + positions
    places = {(columns[b.column].name, b.digit): i for i, b in enumerate(blocks)}
    inside = [columns[b.column].name for b in blocks if b.position >= 0]
    given = [c for c in columns if c.kind != "identifier" and not c.computed and not c.joint]
    given = [c for c in given if not c.hidden or c.name in {r.hidden for r in relations.found}]
    shown, first, second, cells, tables = [], [], [], [], []
    for column in given:
        base = named[column.base]
        first.append(places.get((base.name, 0), zero))
        at = len(blocks) + inside.index(base.name) if base.name in inside else zero
        second.append(places.get((base.name, 1), at))
        cells.append(base.cells or (CELLS if base.name in inside else 1))
        values, table = _values(column, cells[-1], write)
        if column is not base:  # its code follows from the other's
            table = [table[code * cells[-1]] for code in column.derived]
            if not base.cells:
                table = [index for index in table for _ in range(cells[-1])]
        tables.append(table)
        shown.append({"name": column.name, "type": column.type, "values": values})
    computed = {r.target: f"{r.formula} + {r.hidden}" for r in relations.found}
    lacking = {
        c.name: computed.get(c.name) or ("identifier" if c.kind == "identifier" else "by a rule")
        for c in columns
        if c not in given and not c.hidden
    }
    drawn = any(c.bins or c.groups for c in given)
    return DecodingGraph(
        Lookup(blocks, first, second, cells, tables),
        {"index": f"(N, {len(shown)}) int64: for each of decoding.columns the index of its value"},
        decoding={"columns": shown, "computed": lacking},
        left_out=[
            *(["draws within a cell of numbers, for which its middle stands"] if drawn else ()),
            *([f"columns that are computed or made from the seed: {', '.join(lacking)}"]
              if lacking else ()),
        ],
    )  # fmt: skip


def _values(column: Column, cells: int, write: Write) -> tuple[list[Any], list[int]]:
    """A column's values as JSON, and for each code and cell the index of its value."""
    if not column.codes:
        return [None], [0]
    own = column.choices if column.cells else [1] * column.codes
    if cells > 1 and not column.cells:
        for code in column.bin_codes:
            own[code] = cells
    pairs = [(code, cell) for code, n in enumerate(own) for cell in range(n)]
    place = {pair: i for i, pair in enumerate(pairs)}
    table = [place[code, min(cell, n - 1)] for code, n in enumerate(own) for cell in range(cells)]
    codes, second = (np.array(part) for part in zip(*pairs, strict=True))
    middle = np.full(len(pairs), 0.5)
    digits = second if column.cells else None
    found = decode_column(column, codes, (second + 0.5) / CELLS, middle, None, digits)
    return [_json(value) for value in write(column, found).to_pylist()], table


def _json(value: Any) -> Any:
    """Numbers and texts as they are, and all else as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
