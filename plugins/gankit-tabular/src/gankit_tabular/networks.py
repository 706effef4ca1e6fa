"""A residual MLP for each player; a column's codes come from a softmax over its own block."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec.codec import Block
from gankit_tabular.codec.columns import Column

WIDEST = 8192
"""Codes in all, beyond which the generator sees what is asked through a hidden layer."""
DENSE = 2**18
"""Codes times blocks, up to which a matrix product adds up blocks faster than a gather."""


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
        order = []
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
        """A value a block, (N, blocks), at each of its places, (N, width)."""
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
        # The last layer sees c as well: too much where it is as wide as that.
        self.narrow = nn.Linear(self.width + told, hidden) if self.width > WIDEST else None
        seen = hidden if self.narrow else self.width + told
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
        asked = c[:, : self.width]
        p = p * (1 - self.padded.spread(self.padded.sums(asked))) + asked
        inside = self.padded.sums(p * self.in_bin)[:, self.binned]
        positions = torch.sigmoid(out[:, self.width :].float()) * inside
        return torch.cat([p, positions], 1)


class Discriminator(nn.Module):
    """``(x, c) -> logits (N,)``. Beside the codes it sees each number's rank, which varies smoothly
    with codes and positions.

    Args:
        pack: rows that are judged together (Lin et al. 2018, PacGAN, section 3). Each then has the
            logit of its pack, over √pack: so that a gradient penalty, which looks at the rows one
            by one, holds the norm in the whole pack at 1.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        hidden: int,
        layers: int,
        told: int = 0,
        pack: int = 1,
    ) -> None:
        super().__init__()
        self.pack = pack
        self.width = sum(b.codes for b in blocks)
        total = self.width + sum(b.position >= 0 for b in blocks)
        self.padded = PaddedBlocks(blocks, self.width)
        self.numeric = [i for i, b in enumerate(blocks) if is_ranked(columns[b.column])]
        # Where a block has a position, and behind the last one where it has none.
        last = total - self.width
        self.place = [b.position - self.width if b.position >= 0 else last for b in blocks]
        self.rank: Tensor
        self.slope: Tensor
        rank, slope = ranks(columns, blocks, self.width)
        self.register_buffer("rank", rank, persistent=False)
        self.register_buffer("slope", slope, persistent=False)
        seen = total + len(self.numeric) + self.width + told
        self.net = mlp(pack * seen, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        rank = self.padded.sums(x[:, : self.width] * self.rank)
        within = nn.functional.pad(x[:, self.width :] * self.slope, (0, 1))[:, self.place]
        seen, n = torch.cat([x, (rank + within)[:, self.numeric], c], 1), len(x)
        if self.pack > 1:  # the first rows again, where the last pack is not full
            full = torch.arange(-(-n // self.pack) * self.pack, device=x.device) % n
            seen = seen[full].reshape(-1, self.pack * seen.shape[1])
        logits: Tensor = self.net(seen).squeeze(1)
        if self.pack > 1:
            logits = (logits / math.sqrt(self.pack)).repeat_interleave(self.pack)[:n]
        return logits


def in_bins(blocks: Sequence[Block], width: int) -> Tensor:
    """(width,): 1 where a code is a bin."""
    out = torch.zeros(width)
    for b in blocks:
        out[b.start + b.first_bin : b.start + b.first_bin + b.bins] = 1
    return out


def is_ranked(column: Column) -> bool:
    """Whether a column's codes have an order."""
    return column.kind == "number" or column.ordered


def ranks(columns: Sequence[Column], blocks: Sequence[Block], width: int) -> tuple[Tensor, Tensor]:
    """The rank that each code stands for, (width,), of mean 0 and deviation about 1 over a number
    or ordered category; and what positions add to it, (positions,).
    """
    out, slopes = torch.zeros(width), []
    for b in blocks:
        column = columns[b.column]
        if not is_ranked(column):
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
