"""Decoding as a part of an exported graph: elements and counts as integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gankit.contract import DecodingGraph
from gankit_material.data.elements import ELEMENTS as BY_NUMBER

if TYPE_CHECKING:
    from gankit_material.codec.codec import MaterialCodec


class CompositionGraph(nn.Module):
    """``(x (N, slots, elements + most), c) -> atomic numbers and counts, (N, slots) each``."""

    number: Tensor

    def __init__(self, codec: MaterialCodec) -> None:
        super().__init__()
        self.sizes = [len(codec.elements), codec.most]
        numbers = [BY_NUMBER.index(symbol) + 1 for symbol in codec.elements]
        self.register_buffer("number", torch.tensor(numbers))

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hot_e, hot_n = torch.split(x, self.sizes, -1)
        best, element = hot_e.max(-1)
        there = best > 0.5
        first = there[:, :1] | ~there.any(1, keepdim=True)  # no composition is empty
        there = torch.cat([first, there[:, 1:]], 1)
        return self.number[element] * there, (hot_n.argmax(-1) + 1) * there


def graph_of(codec: MaterialCodec) -> DecodingGraph:
    """What follows the generator in an exported graph."""
    return DecodingGraph(
        CompositionGraph(codec),
        {
            "atomic_number": "(N, slots) int64: of each slot's element, 0 for none",
            "count": "(N, slots) int64: of its atoms, 0 for none",
        },
        left_out=("dividing counts by a common divisor", "structures"),
    )
