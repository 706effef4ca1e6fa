"""A residual MLP for each player; a column's codes come from a softmax over its own block."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec import Block
from gankit_tabular.columns import Column


class Residual(nn.Module):
    """``x -> [leaky_relu(linear(x)), x]``: later layers see all earlier ones."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)

    def forward(self, x: Tensor) -> Tensor:
        new = nn.functional.leaky_relu(self.linear(x), 0.2)
        return torch.cat([new, x.to(new.dtype)], 1)  # or autocast would cast all of it again


def mlp(inputs: int, width: int, layers: int, outputs: int) -> nn.Sequential:
    hidden = [Residual(inputs + i * width, width) for i in range(layers)]
    return nn.Sequential(*hidden, nn.Linear(inputs + layers * width, outputs))


class PaddedBlocks(nn.Module):
    """Blocks of like width as one tensor, so that no loop runs over columns.

    Args:
        blocks: of all columns.
        width: of all of them together.
    """

    def __init__(self, blocks: Sequence[Block], width: int) -> None:
        super().__init__()
        self.groups = 0
        for limit, above in ((8, 0), (32, 8), (10**9, 32)):
            some = [b for b in blocks if above < b.codes <= limit]
            if not some:
                continue
            widest = max(b.codes for b in some)
            # Places beyond a block point at a pad that is minus infinity.
            index = torch.full((len(some), widest), width)
            for i, b in enumerate(some):
                index[i, : b.codes] = torch.arange(b.start, b.start + b.codes)
            self.register_buffer(f"index{self.groups}", index, persistent=False)
            self.groups += 1

    def softmax(self, logits: Tensor) -> Tensor:
        """A softmax over each block; ``logits`` (N, width)."""
        padded = nn.functional.pad(logits, (0, 1), value=-torch.inf)
        out = torch.zeros_like(padded)
        for g in range(self.groups):
            index = self.get_buffer(f"index{g}")
            p = padded[:, index].softmax(2)
            out = out.index_add(1, index.flatten(), p.flatten(1))
        return out[:, :-1]

    def largest(self, logits: Tensor) -> Tensor:
        """1 at the largest entry of each block, 0 elsewhere."""
        padded = nn.functional.pad(logits, (0, 1), value=-torch.inf)
        out = torch.zeros_like(padded)
        for g in range(self.groups):
            index = self.get_buffer(f"index{g}")
            chosen = index[torch.arange(len(index)), padded[:, index].argmax(2)]
            out.scatter_(1, chosen, 1.0)
        return out[:, :-1]


class Generator(nn.Module):
    """``(z (N, latent + width), c (N, width + told)) -> x (N, width + positions)``.

    The last ``width`` latents become Gumbel noise, so that the largest entry of a block is a draw
    from its softmax (Jang et al. 2017, equation 1): that entry alone is 1 once training is over.
    What is asked for in c is given as asked; of columns that follow from others, the last ``told``
    of c, the networks are only told.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        latent: int,
        hidden: int,
        layers: int,
        temperature: float,
        told: int = 0,
    ) -> None:
        super().__init__()
        self.width = sum(b.codes for b in blocks)
        self.latent, self.temperature = latent, temperature
        positions = [b for b in blocks if b.position >= 0]
        self.net = mlp(latent + self.width + told, hidden, layers, self.width + len(positions))
        self.padded = PaddedBlocks(blocks, self.width)
        block_of = [i for i, b in enumerate(blocks) for _ in range(b.codes)]
        asked = nn.functional.one_hot(torch.tensor(block_of), len(blocks)).float()
        self.block_of: Tensor
        self.register_buffer("block_of", asked, persistent=False)
        self.in_bin: Tensor
        self.register_buffer("in_bin", in_bins(blocks, self.width), persistent=False)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        out = self.net(torch.cat([z[:, : self.latent], c], 1))
        u = torch.special.ndtr(z[:, self.latent :].float()).clamp(1e-6, 1 - 1e-6)
        gumbel = -torch.log(-torch.log(u))
        perturbed = out[:, : self.width].float() + gumbel
        if self.training:
            p = self.padded.softmax(perturbed / self.temperature)
        else:
            p = self.padded.largest(perturbed)
        asked = c[:, : self.width]
        free = 1 - (asked @ self.block_of) @ self.block_of.T
        p = p * free + asked
        positions = torch.sigmoid(out[:, self.width :].float()) * (p @ self.in_bin)
        return torch.cat([p, positions], 1)


class Discriminator(nn.Module):
    """``(x, c) -> logits (N,)``. Beside the codes it sees each number's rank, which varies smoothly
    with codes and positions.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        hidden: int,
        layers: int,
        told: int = 0,
    ) -> None:
        super().__init__()
        self.width = sum(b.codes for b in blocks)
        total = self.width + sum(b.position >= 0 for b in blocks)
        rank = ranks(columns, blocks, self.width, total)
        self.rank: Tensor
        self.register_buffer("rank", rank, persistent=False)
        self.net = mlp(total + rank.shape[1] + self.width + told, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        logits: Tensor = self.net(torch.cat([x, x @ self.rank, c], 1))
        return logits.squeeze(1)


def in_bins(blocks: Sequence[Block], width: int) -> Tensor:
    """(width, positions): 1 where a code is a bin of that position's column."""
    binned = [b for b in blocks if b.position >= 0]
    out = torch.zeros(width, len(binned))
    for i, b in enumerate(binned):
        out[b.start + b.first_bin : b.start + b.first_bin + b.bins, i] = 1
    return out


def ranks(columns: Sequence[Column], blocks: Sequence[Block], width: int, total: int) -> Tensor:
    """(total, numbers): from x to the rank of each number and ordered category, of mean 0 and
    deviation about 1.
    """
    numeric = [b for b in blocks if columns[b.column].kind == "number" or columns[b.column].ordered]
    out = torch.zeros(total, len(numeric))
    for i, b in enumerate(numeric):
        column = columns[b.column]
        middles = [*column.atoms, *(q[len(q) // 2] for q in column.bins)]
        order = list(range(len(middles)))
        if not column.ordered:
            order.sort(key=middles.__getitem__)
        below = 0.0
        for code in order:
            share = column.frequency[code]
            out[b.start + code, i] = (below + share / 2 - 0.5) * math.sqrt(12)
            below += share
        if b.position >= 0:
            shares = [column.frequency[code] for code in column.bin_codes]
            out[b.position, i] = sum(shares) / len(shares) * math.sqrt(12)
            for code in column.bin_codes:
                out[b.start + code, i] -= out[b.position, i] / 2
    return out
