"""The networks: residual MLPs; a column's codes come from a softmax over its block."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.layers import mlp, packed_logits

WIDEST = 8192
"""Codes of all columns, beyond which the generator sees c through a hidden layer."""
DENSE = 2**18
"""Codes times blocks, up to which a matrix product sums blocks faster than a gather."""


class PaddedBlocks(nn.Module):
    """Blocks of similar width as one tensor, to avoid loops over columns.

    Args:
        blocks: of all modelled columns.
        width: the number of their codes.
    """

    def __init__(self, blocks: Sequence[Block], width: int) -> None:
        super().__init__()
        self.groups = 0
        order = []
        for limit, above in ((8, 0), (32, 8), (10**9, 32)):
            some = [b for b in blocks if above < b.codes <= limit]
            if not some:
                continue
            widest = max(b.codes for b in some)
            # Indices beyond a block point to a padding of minus infinity.
            index = torch.full((len(some), widest), width)
            for i, b in enumerate(some):
                index[i, : b.codes] = torch.arange(b.start, b.start + b.codes)
            self.register_buffer(f"index{self.groups}", index, persistent=False)
            self.groups += 1
            order += [i for i, b in enumerate(blocks) if above < b.codes <= limit]
        back = torch.tensor(order, dtype=torch.long).argsort()
        of = torch.tensor([i for i, b in enumerate(blocks) for _ in range(b.codes)])
        self.back: Tensor
        self.of: Tensor
        self.register_buffer("back", back, persistent=False)
        self.register_buffer("of", of, persistent=False)
        small = width * len(blocks) <= DENSE
        ones = nn.functional.one_hot(of, len(blocks)).float() if small else None
        self.ones: Tensor | None
        self.register_buffer("ones", ones, persistent=False)

    def sums(self, x: Tensor) -> Tensor:
        """The sum over each block, (N, blocks); ``x`` (N, width)."""
        if self.ones is not None:
            return x @ self.ones
        padded = nn.functional.pad(x, (0, 1))
        parts = [padded[:, self.get_buffer(f"index{g}")].sum(2) for g in range(self.groups)]
        return torch.cat(parts, 1)[:, self.back]

    def spread(self, values: Tensor) -> Tensor:
        """A value for each block, (N, blocks), repeated at its codes, (N, width)."""
        return values[:, self.of]

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
    """``(z (N, latent + width), c (N, cond_dim)) -> x (N, width + positions)``.

    The last ``width`` latents become Gumbel noise, so that the largest entry of a block is a sample
    of its softmax (Jang et al. 2017, equation 1). In evaluation mode this entry is 1 and the others
    are 0. A code that is requested in c is copied to x; codes of computed columns, at the end of c,
    have no place in x.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        cond_dim: int,
        latent: int,
        hidden: int,
        layers: int,
        temperature: float,
    ) -> None:
        super().__init__()
        self.width = sum(b.codes for b in blocks)
        self.latent, self.temperature = latent, temperature
        positions = [b for b in blocks if b.position >= 0]
        # The last layer sees c as well, which is too large if c is wide.
        self.narrow = nn.Linear(cond_dim, hidden) if self.width > WIDEST else None
        seen = hidden if self.narrow else cond_dim
        self.net = mlp(latent + seen, hidden, layers, self.width + len(positions))
        self.padded = PaddedBlocks(blocks, self.width)
        self.binned = [i for i, b in enumerate(blocks) if b.position >= 0]
        self.in_bin: Tensor
        self.register_buffer("in_bin", in_bins(blocks, self.width), persistent=False)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        seen = self.narrow(c) if self.narrow else c
        out = self.net(torch.cat([z[:, : self.latent], seen], 1))
        u = torch.special.ndtr(z[:, self.latent :].float()).clamp(1e-6, 1 - 1e-6)
        gumbel = -torch.log(-torch.log(u))
        perturbed = out[:, : self.width].float() + gumbel
        if self.training:
            p = self.padded.softmax(perturbed / self.temperature)
        else:
            p = self.padded.largest(perturbed)
        requested = c[:, : self.width]
        p = p * (1 - self.padded.spread(self.padded.sums(requested))) + requested
        inside = self.padded.sums(p * self.in_bin)[:, self.binned]
        positions = torch.sigmoid(out[:, self.width :].float()) * inside
        return torch.cat([p, positions], 1)


class Discriminator(nn.Module):
    """``(x, c) -> logits (N,)``. It also sees each number's rank, which varies smoothly with codes
    and positions.

    Args:
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
        self.pack = pack
        self.width = sum(b.codes for b in blocks)
        total = self.width + sum(b.position >= 0 for b in blocks)
        self.padded = PaddedBlocks(blocks, self.width)
        self.numeric = [i for i, b in enumerate(blocks) if columns[b.column].ranked]
        # The index of each block's position; one beyond the last for a block without any.
        last = total - self.width
        self.place = [b.position - self.width if b.position >= 0 else last for b in blocks]
        self.rank: Tensor
        self.slope: Tensor
        rank, slope = ranks(columns, blocks, self.width)
        self.register_buffer("rank", rank, persistent=False)
        self.register_buffer("slope", slope, persistent=False)
        seen = total + len(self.numeric) + cond_dim
        self.net = mlp(pack * seen, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        rank = self.padded.sums(x[:, : self.width] * self.rank)
        within = nn.functional.pad(x[:, self.width :] * self.slope, (0, 1))[:, self.place]
        seen = torch.cat([x, (rank + within)[:, self.numeric], c], 1)
        return packed_logits(self.net, seen, self.pack)


def in_bins(blocks: Sequence[Block], width: int) -> Tensor:
    """1 for codes that are bins, (width,)."""
    out = torch.zeros(width)
    for b in blocks:
        out[b.start + b.first_bin : b.start + b.first_bin + b.bins] = 1
    return out


def ranks(columns: Sequence[Column], blocks: Sequence[Block], width: int) -> tuple[Tensor, Tensor]:
    """The rank of each code, (width,), with mean 0 and standard deviation about 1 over a number or
    an ordered category; and the slopes that positions add to it, (positions,).
    """
    out, slopes = torch.zeros(width), []
    for b in blocks:
        column = columns[b.column]
        if not column.ranked:
            continue
        middles = [*column.atoms, *(q[len(q) // 2] for q in column.bins)]
        order = list(range(len(middles)))
        if not column.ordered:
            order.sort(key=middles.__getitem__)
        below = 0.0
        for code in order:
            share = column.frequency[code]
            out[b.start + code] = (below + share / 2 - 0.5) * math.sqrt(12)
            below += share
        if b.position >= 0:
            shares = [column.frequency[code] for code in column.bin_codes]
            slopes.append(sum(shares) / len(shares) * math.sqrt(12))
            for code in column.bin_codes:
                out[b.start + code] -= slopes[-1] / 2
    return out, torch.tensor(slopes)
