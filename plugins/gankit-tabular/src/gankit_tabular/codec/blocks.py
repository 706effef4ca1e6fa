"""Where columns lie in the tensors x and c."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gankit_tabular.codec.columns import Column


@dataclass(frozen=True)
class Block:
    """Where a column lies in ``x`` and ``c``: its codes one-hot, then, in ``x`` only, the position
    within bins.
    """

    column: int
    start: int
    codes: int
    first_bin: int = 0
    bins: int = 0
    position: int = -1
    """Index in ``x``; -1 if there is none."""

    @property
    def slice(self) -> slice:
        """Its codes."""
        return slice(self.start, self.start + self.codes)


def modelled_blocks(columns: Sequence[Column]) -> list[Block]:
    """The blocks of the modelled columns; positions come after all of them."""
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


def computed_blocks(columns: Sequence[Column], start: int) -> list[Block]:
    """The blocks of columns that constraints compute. They are in ``c`` only, from ``start``."""
    blocks = []
    for i, column in enumerate(columns):
        if column.computed and column.codes > 1:
            blocks.append(Block(i, start, column.codes))
            start += column.codes
    return blocks
