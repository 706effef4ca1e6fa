"""Between one-hot digits and their codes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block

DENSE = 2**22
"""Codes times blocks, up to which a matrix product is faster than sums by index."""


class Codes(nn.Module):
    """The codes of one-hot blocks, and which blocks have exactly one."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = len(blocks)
        self.of: Tensor
        self.code: Tensor
        self.matrix: Tensor | None
        of = torch.tensor([i for i, b in enumerate(blocks) for _ in range(b.codes)])
        code = torch.cat([torch.arange(b.codes) for b in blocks]).float()
        matrix = None
        if len(of) * len(blocks) <= DENSE:
            hot = nn.functional.one_hot(of, len(blocks)).float()
            matrix = torch.cat([hot * code[:, None], hot], 1)
        self.register_buffer("of", of, persistent=False)
        self.register_buffer("code", code, persistent=False)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, hot: Tensor) -> tuple[Tensor, Tensor]:
        """Codes, whole numbers of (N, blocks), and flags of blocks with exactly one, (N, blocks);
        ``hot`` (N, width).
        """
        with torch.autocast(hot.device.type, enabled=False):  # bfloat16 has whole numbers to 256
            if self.matrix is not None:
                both = hot.float() @ self.matrix
                code, any_ = both[:, : self.blocks], both[:, self.blocks :]
            else:
                zeros = hot.new_zeros(hot.shape[0], self.blocks)
                code = zeros.index_add(1, self.of, hot * self.code)
                any_ = zeros.index_add(1, self.of, hot)
        return code.round().long(), (any_ - 1).abs() < 0.5
