"""The cascade: a generator that draws a row's digits one after another, each given those before.

The likelihood of all digits is computed at once, with block-triangular matrices (MADE, Germain et
al. 2015, section 4); rows are drawn digit by digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.codes import Codes
from gankit_tabular.networks.order import drawing_order, value_table

EMBEDDING = 16
"""Dimensions of the embedding of a digit's code."""
SLOT = EMBEDDING + 2
"""What later digits see of one: its embedding, and the rank and value of a column that it ends."""
TOGETHER = 8
"""Digits whose hidden units one matrix product computes."""
WIDE = 128
"""From so many digits on, earlier groups of them are summed up in RANK numbers."""
RANK = 128
TOLD = 8
"""Dimensions of the embedding of a code that is requested."""
SIZES = (4, 16, 32, 64, 128, 2**31)
"""Digits with at most so many codes share a padded product."""
HELD = 2**23
"""Hidden units of a batch that are kept for the gradient; those of more are computed twice."""
IMPOSSIBLE = -1e4
"""The logit of a code that does not occur with the first digit."""


class Cascade(nn.Module):
    """``(z (N, digits), c (N, cond_dim)) -> x (N, width)``, each digit one-hot.

    A digit is the code at which the cumulative distribution passes Φ(z), so that a latent is a row.
    A code that is requested in c is taken as it is; of several in a block of c, one is drawn
    (outside of training). In training mode, gradients pass through the
    probabilities (straight-through, Bengio et al. 2013, section 4).

    Args:
        columns: of the codec.
        blocks: of all digits in x, which are also the first ones of c.
        condition_blocks: of c; none where nothing can be requested.
        units: hidden units for each digit.
        after: columns, by name, that are drawn after others.
        context: numbers that all hidden units see of what a row belongs to; 0 for a row by itself.
    """

    place: Tensor
    back: Tensor
    losses_at: Tensor
    offset: Tensor
    told_start: Tensor
    mask: Tensor
    values: Tensor
    value_start: Tensor
    value_factor: Tensor
    first_of: Tensor
    choices: Tensor
    second: Tensor

    def __init__(
        self,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        condition_blocks: Sequence[Block],
        units: int = 64,
        after: Mapping[str, Sequence[str]] | None = None,
        context: int = 0,
    ) -> None:
        super().__init__()
        order = drawing_order(columns, blocks, after or {})
        ordered = [blocks[i] for i in order]
        self.digits, self.units = len(blocks), units
        self.sizes, self.starts = [b.codes for b in ordered], [b.start for b in ordered]
        self.width = sum(self.sizes)
        self.codes = Codes(blocks)
        self.told_codes = Codes(condition_blocks) if condition_blocks else None
        self._buffer("place", torch.tensor(order))
        self._buffer("back", torch.tensor(order).argsort())
        self._buffer("offset", torch.tensor([0, *self.sizes[:-1]]).cumsum(0))
        self._buffer("told_start", torch.tensor([b.start for b in condition_blocks]))
        self._tabulate(columns, ordered)

        # What is requested, through few numbers where there are many columns.
        told, total = TOLD * len(condition_blocks), sum(b.codes for b in condition_blocks)
        rank = min(told, RANK)
        if told:
            self.told = nn.Parameter(torch.randn(total + 1, TOLD) / 2)
            self.told_down = nn.Parameter(torch.randn(told, rank) / told**0.5)
            self.told_up = nn.Parameter(torch.randn(rank, units * self.digits) / rank**0.5)
        if context:
            self.context = nn.Parameter(torch.randn(context, units * self.digits) / context**0.5)

        # The first layer: of groups of digits before, and of those before in the same group.
        self.embedding = nn.Parameter(torch.randn(self.width, EMBEDDING) / 2)
        groups, inside, hidden = -(-self.digits // TOGETHER), SLOT * TOGETHER, units * TOGETHER
        self.groups = groups
        above = torch.arange(inside)[:, None] // SLOT < torch.arange(hidden) // units
        self._buffer("mask", above.float())
        self.inner = nn.Parameter(
            torch.randn(groups, inside, hidden) / (SLOT * TOGETHER / 2) ** 0.5
        )
        self.summary = self.digits >= WIDE
        if self.summary:
            self.down = nn.Parameter(torch.randn(groups, inside, RANK) / inside**0.5)
            self.up = nn.Parameter(torch.randn(groups, RANK, hidden) / RANK**0.5)
        else:
            self.before = nn.ParameterList(
                nn.Parameter(torch.randn(g * inside, hidden) / (g * inside) ** 0.5)
                for g in range(1, groups)
            )
        self.bias = nn.Parameter(torch.zeros(units * self.digits))
        self.hidden = nn.Parameter(torch.randn(self.digits, units, units) / units**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(self.digits, units))

        # The last layer, padded to digits of similar size. It starts at the codes' frequencies.
        self.members: list[list[int]] = []
        self.output, self.output_bias = nn.ParameterList(), nn.ParameterList()
        for least, most in zip((0, *SIZES), SIZES, strict=False):
            some = [j for j, n in enumerate(self.sizes) if least < n <= most]
            if some:
                self.members.append(some)
                bias = torch.full((len(some), max(self.sizes[j] for j in some)), IMPOSSIBLE)
                for row, j in enumerate(some):
                    bias[row, : self.sizes[j]] = log_frequency(columns, ordered[j])
                self.output.append(nn.Parameter(torch.randn(len(some), units, bias.shape[1]) / 50))
                self.output_bias.append(nn.Parameter(bias))
        self.at = {j: (k, row) for k, some in enumerate(self.members) for row, j in enumerate(some)}
        self._buffer(
            "losses_at", torch.tensor([j for some in self.members for j in some]).argsort()
        )

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value, persistent=False)

    def _tabulate(self, columns: Sequence[Column], ordered: Sequence[Block]) -> None:
        """Tables of the values of finished columns, and of the second digits that are possible."""
        self.first: list[int] = []
        """For each digit the place of its column's first one."""
        tables, starts, factors = [torch.zeros(1, 2)], [], []
        counts = torch.ones(self.digits, max(self.sizes), dtype=torch.long)
        places: dict[int, int] = {}
        for j, b in enumerate(ordered):
            column = columns[b.column]
            self.first.append(places.setdefault(b.column, j))
            ends = bool(b.digit) or not column.cells
            starts.append(sum(map(len, tables)) if ends else 0)
            factors.append((column.cells, 1) if b.digit else (0, int(ends)))
            if ends:
                tables.append(value_table(column))
            if b.digit:
                counts[j, : column.codes] = torch.tensor(column.choices)
        self._buffer("values", torch.cat(tables))
        self._buffer("value_start", torch.tensor(starts))
        self._buffer("value_factor", torch.tensor(factors))
        self._buffer("first_of", torch.tensor(self.first))
        self._buffer("choices", counts)
        self._buffer("second", torch.tensor([bool(b.digit) for b in ordered]))

    # --- Likelihood -----------------------------------------------------------------------------

    def nll(self, x: Tensor, c: Tensor | None) -> Tensor:
        """The negative log-likelihood of the digits that c does not request, (N,), in nats."""
        if c is None:
            c = x.new_zeros(len(x), len(self.told) - 1)
        return self.losses(self.codes(x)[0], c).sum(1)

    def part_nll(self, x: Tensor, c: Tensor | None) -> Tensor:
        """As :meth:`nll`, digit by digit, (N, digits), in the order of the blocks."""
        if c is None:
            c = x.new_zeros(len(x), len(self.told) - 1)
        return self.losses(self.codes(x)[0], c)

    def losses(self, codes: Tensor, c: Tensor, context: Tensor | None = None) -> Tensor:
        """The negative log-likelihood of each digit, (N, digits), in nats; 0 for requested ones.

        Args:
            codes: of each digit, (N, digits), in the order of the blocks.
            c: requests, (N, cond_dim).
            context: (N, context).
        """
        rows = max(HELD // (self.units * self.digits), 1)
        if len(codes) <= rows:
            return self._losses(codes, c, context)
        of = [None] * -(-len(codes) // rows) if context is None else torch.split(context, rows)
        parts = zip(torch.split(codes, rows), torch.split(c, rows), of, strict=True)
        return torch.cat([checkpoint(self._losses, *part, use_reentrant=False) for part in parts])

    def _losses(self, codes: Tensor, c: Tensor, context: Tensor | None) -> Tensor:
        codes, n = codes[:, self.place], len(codes)
        base, told, _ = self._requests(c, context)
        slots = nn.functional.pad(self._slots(codes), (0, 0, 0, -self.digits % TOGETHER))
        slots = slots.view(n, self.groups, -1).to(base.dtype)
        own = torch.bmm(slots.transpose(0, 1), (self.inner * self.mask).to(base.dtype))
        h = (own + self._of_groups_before(slots)).transpose(0, 1).flatten(1)
        h = nn.functional.leaky_relu(h[:, : self.units * self.digits] + base, 0.2)
        h = h.view(n, self.digits, -1).transpose(0, 1)
        h = self._residual(h, self.hidden, self.hidden_bias)
        parts, out = [], self._ruled_out(c)
        for members, weight, bias in zip(self.members, self.output, self.output_bias, strict=True):
            logits = torch.baddbmm(bias[:, None].to(h.dtype), h[members], weight.to(h.dtype))
            logits = self._possible(logits.float(), members, codes)
            if out is not None:
                most = logits.shape[2]
                some = [nn.functional.pad(out[:, self._slice(j)], (0, most - self.sizes[j]))
                        for j in members]  # fmt: skip
                logits = logits.masked_fill(torch.stack(some), IMPOSSIBLE)
            mine = codes[:, members].T
            parts.append(logits.logsumexp(2) - logits.gather(2, mine[..., None]).squeeze(2))
        return (torch.cat(parts)[self.losses_at].T * ~told)[:, self.back]

    def _requests(self, c: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What the hidden units see of c and of the context, (N, units · digits); which digits are
        requested, and their codes, (N, digits).
        """
        if self.told_codes is None:
            asked = torch.zeros(len(c), self.digits, dtype=torch.bool, device=c.device)
            base = self.bias.expand(len(c), -1)
            if context is not None:
                base = context.to(base.dtype) @ self.context.to(base.dtype) + base
            return base, asked, asked.long()
        code, asked = self.told_codes(c)
        rows = self.told[torch.where(asked, code + self.told_start, len(self.told) - 1)]
        base = rows.flatten(1) @ self.told_down @ self.told_up
        if context is not None:
            base = base + context.to(base.dtype) @ self.context.to(base.dtype)
        mine = self.place
        return base + self.bias.to(base.dtype), asked[:, mine], code[:, mine]

    def _slice(self, j: int) -> slice:
        """Where digit j lies in x, and in c."""
        return slice(self.starts[j], self.starts[j] + self.sizes[j])

    def _ruled_out(self, c: Tensor) -> Tensor | None:
        """Codes that c rules out where it has several of a block, flags of (N, width); None where
        it has none such, as in training.
        """
        fixed = torch.compiler.is_compiling() or torch.compiler.is_exporting()
        if self.training or fixed or not c.shape[1]:
            return None
        hot = c[:, : self.width]
        counts = hot.new_zeros(len(hot), self.digits).index_add(1, self.codes.of, hot)
        several = counts > 1.5
        return (several[:, self.codes.of] & (hot == 0)) if several.any() else None

    def _slots(self, codes: Tensor) -> Tensor:
        """What later digits see of each, (N, digits, SLOT); ``codes`` (N, digits)."""
        index = codes[:, self.first_of] * self.value_factor[:, 0] + codes * self.value_factor[:, 1]
        embedded = self.embedding[codes + self.offset]
        return torch.cat([embedded, self.values[index + self.value_start]], 2)

    def _of_groups_before(self, slots: Tensor) -> Tensor:
        """The first layer's part that sees earlier groups, (groups, N, units); ``slots`` (N,
        groups, SLOT · TOGETHER).
        """
        if self.summary:
            states = torch.bmm(slots.transpose(0, 1), self.down.to(slots.dtype)).cumsum(0)
            states = nn.functional.pad(states[:-1], (0, 0, 0, 0, 1, 0))
            return torch.bmm(states, self.up.to(slots.dtype))
        flat = slots.flatten(1)
        parts = [flat[:, : len(w)] @ w.to(flat.dtype) for w in self.before]
        first = flat.new_zeros(len(flat), self.inner.shape[2])
        return torch.stack([first, *parts])

    def _residual(self, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """One residual layer; ``h`` (digits, N, units)."""
        new = torch.baddbmm(bias[:, None].to(h.dtype), h, weight.to(h.dtype))
        return h + nn.functional.leaky_relu(new, 0.2)

    def _possible(self, logits: Tensor, members: Sequence[int], codes: Tensor) -> Tensor:
        """Logits (members, N, codes), without second digits that the first ones rule out."""
        if all(self.first[j] == j for j in members):
            return logits
        most = self.choices[members].gather(1, codes[:, self.first_of[members]].T)
        most = torch.where(self.second[members][:, None], most, logits.shape[2])
        over = torch.arange(logits.shape[2], device=logits.device) >= most[..., None]
        return logits.masked_fill(over, IMPOSSIBLE)

    # --- Drawing --------------------------------------------------------------------------------

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        drawn, _ = self.draw(z, c)
        return torch.cat([drawn[j] for j in self._in_x()], 1)

    def draw(
        self, z: Tensor, c: Tensor, context: Tensor | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """Each digit one-hot, in the order of drawing; and the codes, (N, digits), in that of the
        blocks.
        """
        n, u = z.shape[0], torch.special.ndtr(z.float())
        if context is not None or torch.compiler.is_exporting() or c.any():
            base, told, asked = self._requests(c, context)  # a graph has no branch on values
        else:  # one row stands for all
            base, told, asked = (part.expand(n, -1) for part in self._requests(c[:1]))
        slots: list[Tensor] = []
        codes = torch.zeros(n, self.digits, dtype=torch.long, device=z.device)
        drawn: list[Tensor] = []
        state = base.new_zeros(n, RANK) if self.summary else None
        out = self._ruled_out(c)
        for j in range(self.digits):
            g, place = divmod(j, TOGETHER)
            if not place:
                group, state = self._group(g, slots, base, state)
            logits = self._logits(j, slots[g * TOGETHER :], group, codes)
            if out is not None:
                logits = logits.masked_fill(out[:, self._slice(j)], IMPOSSIBLE)
            p = logits.softmax(1)
            below = p.detach().cumsum(1)
            code = (below < u[:, j, None] * below[:, -1:]).sum(1).clamp(max=self.sizes[j] - 1)
            code = torch.where(told[:, j], asked[:, j], code)
            codes[:, j] = code
            hot = nn.functional.one_hot(code, self.sizes[j]).to(p.dtype)
            if self.training and torch.is_grad_enabled():
                hot = torch.where(told[:, j, None], hot, hot + p - p.detach())
                embedded = hot @ self.embedding[self.offset[j] : self.offset[j] + self.sizes[j]]
            else:
                embedded = self.embedding[code + self.offset[j]]
            drawn.append(hot)
            first, factor = codes[:, self.first[j]], self.value_factor[j]
            value = self.values[first * factor[0] + code * factor[1] + self.value_start[j]]
            slots.append(torch.cat([embedded, value], 1).to(base.dtype))
        return drawn, codes[:, self.back]

    def summary_of(self, codes: Tensor) -> Tensor:
        """What other rows see of one, (N, digits · SLOT): each code's embedding, and the rank and
        the value of each number; ``codes`` as for :meth:`losses`.
        """
        return self._slots(codes[:, self.place]).flatten(1)

    def _in_x(self) -> list[int]:
        """The digits in the order of x."""
        return sorted(range(self.digits), key=self.starts.__getitem__)

    def _group(
        self, g: int, slots: Sequence[Tensor], base: Tensor, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """What a group's hidden units see of requests and of the groups before, (N, units)."""
        mine = base[:, self.units * TOGETHER * g : self.units * TOGETHER * (g + 1)]
        if not g:
            return mine, state
        wide = mine.shape[1]
        if state is not None:
            last = torch.cat(list(slots[-TOGETHER:]), 1)
            state = state + last @ self.down[g - 1].to(last.dtype)
            return mine + state @ self.up[g][:, :wide].to(last.dtype), state
        return mine + torch.cat(list(slots), 1) @ self.before[g - 1][:, :wide].to(mine.dtype), None

    def _logits(self, j: int, slots: Sequence[Tensor], group: Tensor, codes: Tensor) -> Tensor:
        """The logits of digit j, (N, codes), given those before in its group and the group's."""
        g, place = divmod(j, TOGETHER)
        mine = slice(place * self.units, (place + 1) * self.units)
        h = group[:, mine]
        if place:
            seen = torch.cat(list(slots), 1)
            h = h + seen @ self.inner[g, : place * SLOT, mine].to(seen.dtype)
        h = nn.functional.leaky_relu(h, 0.2)
        h = self._residual(h[None], self.hidden[j, None], self.hidden_bias[j, None])[0]
        k, row = self.at[j]
        logits = h @ self.output[k][row].to(h.dtype) + self.output_bias[k][row].to(h.dtype)
        return self._possible(logits.float()[None], [j], codes)[0][:, : self.sizes[j]]


def log_frequency(columns: Sequence[Column], block: Block) -> Tensor:
    """The logarithm of each code's share, (codes,); zeros for a second digit."""
    if block.digit:
        return torch.zeros(block.codes)
    return torch.log(torch.tensor(columns[block.column].frequency).clamp(min=1e-6))
