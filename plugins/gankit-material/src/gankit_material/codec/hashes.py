"""Hashes of compositions, by which the training formulas are recognised."""

from __future__ import annotations

import torch
from torch import Tensor


def hashes_of(codes: Tensor) -> Tensor:
    """A 63-bit hash of each composition, (N,).

    Args:
        codes: (N, slots, 2): of each slot the number of its element and its count, 0 for none.
    """
    mixed = torch.zeros(len(codes), dtype=torch.int64, device=codes.device)
    for slot in codes.long().unbind(1):
        # A polynomial with the multiplier of Knuth's 64-bit generator; integers wrap around.
        mixed = mixed * 6364136223846793005 + (slot[:, 0] * 1000 + slot[:, 1] + 1442695)
    return mixed ^ (mixed >> 29)
