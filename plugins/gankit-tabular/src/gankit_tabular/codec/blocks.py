"""Where columns lie in the tensors x and c."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gankit_tabular.codec.columns import Column


@dataclass(frozen=True)
class Block:
    """Where a digit of a column lies in ``x`` and ``c``: its codes one-hot. The positions within
    bins follow in ``x``, of columns without a second digit.
    """

    column: int
    start: int
    codes: int
    first_bin: int = 0
    bins: int = 0
    position: int = -1
    """Index in ``x``; -1 if there is none."""
    digit: int = 0
    """0 for the code of a column, 1 for the second digit."""

    @property
    def slice(self) -> slice:
        """Its codes."""
        return slice(self.start, self.start + self.codes)


def modelled_blocks(columns: Sequence[Column]) -> list[Block]:
    """The blocks of the modelled columns, second digits last; positions come after all of them."""
    modelled = [i for i, column in enumerate(columns) if column.modelled]
    start, blocks = 0, []
    position = sum(columns[i].codes + columns[i].cells for i in modelled)
    for i in modelled:
        column = columns[i]
        has = bool(column.bins) and not column.cells
        first = column.bin_codes.start
        blocks.append(
            Block(i, start, column.codes, first, len(column.bins), position if has else -1)
        )
        start, position = start + column.codes, position + has
    for i in modelled:
        if cells := columns[i].cells:
            blocks.append(Block(i, start, cells, digit=1))
            start += cells
    return blocks


def computed_blocks(columns: Sequence[Column], start: int) -> list[Block]:
    """The blocks of columns that constraints compute. They are in ``c`` only, from ``start``."""
    blocks = []
    for i, column in enumerate(columns):
        if column.computed and column.codes > 1:
            blocks.append(Block(i, start, column.codes))
            start += column.codes
    return blocks
