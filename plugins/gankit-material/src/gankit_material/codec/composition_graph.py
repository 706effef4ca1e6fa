"""Decoding as a part of an exported graph: elements and counts as integers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit.contract import DecodingGraph
from gankit_material.data.elements import ELEMENTS as BY_NUMBER


class CompositionGraph(nn.Module):
    """``(x (N, slots, elements + most), c) -> atomic numbers and counts, (N, slots) each``."""

    number: Tensor

    def __init__(self, elements: Sequence[str], most: int) -> None:
        super().__init__()
        self.sizes = [len(elements), most]
        numbers = [BY_NUMBER.index(symbol) + 1 for symbol in elements]
        self.register_buffer("number", torch.tensor(numbers))

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hot_e, hot_n = torch.split(x, self.sizes, -1)
        best, element = hot_e.max(-1)
        there = best > 0.5
        first = there[:, :1] | ~there.any(1, keepdim=True)  # no composition is empty
        there = torch.cat([first, there[:, 1:]], 1)
        return self.number[element] * there, (hot_n.argmax(-1) + 1) * there


def graph_of(elements: Sequence[str], most: int) -> DecodingGraph:
    """What follows the generator in an exported graph.

    Args:
        elements: symbols, in the order of the encoding.
        most: the largest count.
    """
    return DecodingGraph(
        CompositionGraph(elements, most),
        {
            "atomic_number": "(N, slots) int64: of each slot's element, 0 for none",
            "count": "(N, slots) int64: of its atoms, 0 for none",
        },
        left_out=("dividing counts by a common divisor", "structures"),
    )
