"""The discriminator of the cascade's game: it sees digits, values, and differences of values.

Of digits alone it stays blind where boosted trees see a difference: thresholds of single numbers,
and of differences between two, are what trees find first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.layers import mlp, packed_logits
from gankit_tabular.networks.order import value_table

PAIRED = 12
"""Numbers of which each two are compared."""
THRESHOLDS = 8
"""Soft steps over the ranks of each number."""
STEEP = 8.0
"""How steep the soft steps are, in ranks of standard deviation 1."""


class Critic(nn.Module):
    """``(x, c) -> logits (N,)``.

    Args:
        columns: of the codec.
        blocks: of all digits in x.
        pack: rows that share a logit.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        cond_dim: int,
        hidden: int,
        layers: int,
        pack: int = 1,
    ) -> None:
        super().__init__()
        self.pack, self.width = pack, sum(b.codes for b in blocks)
        second = {b.column: b for b in blocks if b.digit}
        self.numbers = [
            (b, second.get(b.column)) for b in blocks if not b.digit and columns[b.column].ranked
        ]
        for i, (b, digit) in enumerate(self.numbers):
            table = value_table(columns[b.column]).view(b.codes, -1, 2)
            self.register_buffer(f"table{i}", table, persistent=False)
            assert digit is None or table.shape[1] == digit.codes
        n, paired = len(self.numbers), min(len(self.numbers), PAIRED)
        self.first, self.other = torch.triu_indices(paired, paired, 1).tolist()
        levels = (torch.arange(THRESHOLDS) + 0.5) / THRESHOLDS * 2 - 1
        self.levels: Tensor
        self.register_buffer("levels", levels * math.sqrt(3), persistent=False)
        seen = self.width + 2 * n + n * THRESHOLDS + 2 * len(self.first) + cond_dim
        self.net = mlp(pack * seen, hidden, layers, 1)

    def values(self, x: Tensor) -> Tensor:
        """The rank and the standardised value of each number, (N, numbers, 2)."""
        found = []
        for i, (b, digit) in enumerate(self.numbers):
            table = self.get_buffer(f"table{i}").to(x.dtype)
            of = torch.einsum("na,abk->nbk", x[:, b.slice], table)
            weight = x[:, digit.slice, None] if digit else 1.0
            found.append((of * weight).sum(1))
        return torch.stack(found, 1) if found else x.new_zeros(len(x), 0, 2)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        values = self.values(x)
        soft = torch.sigmoid(STEEP * (values[:, :, 0, None] - self.levels))
        difference = values[:, self.first] - values[:, self.other]
        parts = [x, values.flatten(1), soft.flatten(1), difference.flatten(1), c]
        seen = torch.cat(parts, 1)
        return packed_logits(self.net, seen, self.pack)
