"""Where numbers stand that each row changes: a first value, and all changes since.

Of codes alone: a cell counts as its mean. So it is the same in training and in drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.order import code_values

STEPS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Thresholds, in standard deviations, that a level is compared with softly."""
STEEP = 4.0


@dataclass(frozen=True)
class Level:
    """A number of a part's rows that is coded as changes.

    Args:
        first: the index of the column of first values, in the root's part.
        change: that of the changes, in the rows' part.
    """

    first: int
    change: int
    low: float
    high: float
    mean: float
    std: float


class Values(nn.Module):
    """``codes (N, digits) -> (N, columns)``: what each column's codes stand for.

    Args:
        tables: for each column the value of each pair of digits, (codes, cells).
        which: the columns' indices.
    """

    def __init__(
        self, tables: Sequence[np.ndarray], blocks: Sequence[Block], which: Sequence[int]
    ) -> None:
        super().__init__()
        self.places: list[tuple[int, int, int]] = []
        """For each column its digits, -1 for none, and its cells."""
        for k, (index, table) in enumerate(zip(which, tables, strict=True)):
            digits = {b.digit: j for j, b in enumerate(blocks) if b.column == index}
            self.places.append((digits.get(0, -1), digits.get(1, -1), table.shape[1]))
            values = torch.from_numpy(table).float().flatten()
            self.register_buffer(f"table{k}", values, persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        found = []
        for k, (first, second, cells) in enumerate(self.places):
            at = torch.zeros(len(codes), dtype=torch.long, device=codes.device)
            if first >= 0:
                at = codes[:, first] * cells
            if second >= 0:
                at = at + codes[:, second]
            found.append(self.get_buffer(f"table{k}")[at])
        return torch.stack(found, 1)


class Levels(nn.Module):
    """The levels of numbers, (N, levels), in standard deviations from their means.

    Args:
        root, rows: columns and blocks of the root's part, and of the part whose rows change.
    """

    low: Tensor
    high: Tensor
    steps: Tensor

    def __init__(
        self,
        levels: Sequence[Level],
        root: tuple[Sequence[Column], Sequence[Block]],
        rows: tuple[Sequence[Column], Sequence[Block]],
    ) -> None:
        super().__init__()
        first = [(code_values(root[0][x.first]) - x.mean) / x.std for x in levels]
        change = [code_values(rows[0][x.change]) / x.std for x in levels]
        self.first = Values(first, root[1], [x.first for x in levels])
        self.change = Values(change, rows[1], [x.change for x in levels])
        for name in ("low", "high"):
            ends = [(getattr(x, name) - x.mean) / x.std for x in levels]
            self.register_buffer(name, torch.tensor(ends), persistent=False)
        self.register_buffer("steps", torch.tensor(STEPS), persistent=False)
        self.width = len(levels) * (1 + len(STEPS))

    def before_each(self, first: Tensor, changes: Tensor) -> Tensor:
        """Levels before each step, (N, steps, levels), of changes of the same shape."""
        level, found = first, []
        for step in range(changes.shape[1]):
            found.append(level)
            level = self.after(level, changes[:, step])
        return torch.stack(found, 1)

    def after(self, level: Tensor, change: Tensor) -> Tensor:
        """Levels after a change, within the range of the training data."""
        return torch.clamp(level + change, self.low, self.high)

    def features(self, level: Tensor) -> Tensor:
        """What networks see of levels, (N, width)."""
        scaled = level.clamp(-5, 5)
        soft = torch.sigmoid(STEEP * (scaled[..., None] - self.steps))
        return torch.cat([scaled, soft.flatten(-2)], -1)
