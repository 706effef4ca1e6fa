"""The cascade: a generator that draws a row's digits one after another, each given those before.

All digits are trained at once by their likelihood, as products with block-triangular matrices, and
drawn one by one. Autoregressive networks with masks: MADE (Germain et al. 2015, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.order import drawing_order, value_table

EMBEDDING = 16
"""Dimensions of the embedding of a digit's code."""
TOLD = 8
"""Dimensions of the embedding of a code that is requested."""
TOGETHER = 8
"""Digits whose hidden units one matrix product computes."""
SIZES = (4, 16, 32, 64, 128, 2**31)
"""Digits with at most so many codes share a padded product."""
SLOT = EMBEDDING + 2
"""What later digits see of one: its embedding, and the rank and value of a column that it ends."""
IMPOSSIBLE = -1e4
"""The logit of a code that does not occur with the first digit."""
DENSE = 2**22
"""Codes times digits, up to which a matrix product finds the codes of one-hot digits."""


class Codes(nn.Module):
    """The codes of one-hot blocks, and whether a block has any."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.n = len(blocks)
        of = torch.tensor([i for i, b in enumerate(blocks) for _ in range(b.codes)])
        code = torch.cat([torch.arange(b.codes) for b in blocks]).float()
        self.of: Tensor
        self.code: Tensor
        self.register_buffer("of", of, persistent=False)
        self.register_buffer("code", code, persistent=False)
        self.matrix: Tensor | None
        matrix = None
        if len(of) * self.n <= DENSE:
            hot = nn.functional.one_hot(of, self.n).float()
            matrix = torch.cat([hot * code[:, None], hot], 1)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, hot: Tensor) -> tuple[Tensor, Tensor]:
        """Codes, (N, blocks) of integers, and flags, (N, blocks), of ``hot`` (N, width)."""
        with torch.autocast(hot.device.type, enabled=False):
            if self.matrix is not None:
                both = hot.float() @ self.matrix
                return both[:, : self.n].round().long(), both[:, self.n :] > 0.5
            zeros = hot.new_zeros(len(hot), self.n)
            code = zeros.index_add(1, self.of, hot * self.code)
            return code.round().long(), zeros.index_add(1, self.of, hot) > 0.5


class Cascade(nn.Module):
    """``(z (N, digits), c (N, cond_dim)) -> x (N, width)``, each digit one-hot.

    A digit is the code at which the cumulative distribution passes Φ(z), so that a latent is a row.
    A code that is requested in c is taken as it is.

    Args:
        columns: of the codec.
        blocks: of all digits in x, which are also the first ones of c.
        condition_blocks: of c.
        units: hidden units for each digit.
        after: columns, by name, that are drawn after others.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        condition_blocks: Sequence[Block],
        units: int = 64,
        after: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self.order = drawing_order(columns, blocks, after or {})
        self.digits, self.units = len(blocks), units
        ordered = [blocks[i] for i in self.order]
        self.sizes = [b.codes for b in ordered]
        self.starts = [b.start for b in ordered]
        self.width = sum(self.sizes)
        self.codes, self.told_codes = Codes(blocks), Codes(condition_blocks)
        total = sum(b.codes for b in condition_blocks)
        self._buffer("place", torch.tensor(self.order))
        offset = torch.tensor([0, *self.sizes]).cumsum(0)
        self._buffer("offset", offset[:-1])
        self._buffer("told_start", torch.tensor([b.start for b in condition_blocks]))
        # What later digits see, and what is requested.
        self.embedding = nn.Parameter(torch.randn(self.width, EMBEDDING) / 2)
        self.told = nn.Parameter(torch.randn(total + 1, TOLD) / 2)
        self._fit_values(columns, ordered)
        # The first layer: rows of finished digits, columns of hidden units.
        self.input = nn.ParameterList()
        self.groups = [
            range(i, min(i + TOGETHER, self.digits)) for i in range(0, self.digits, TOGETHER)
        ]
        for g, group in enumerate(self.groups):
            rows = SLOT * (group.stop - 1)
            before = torch.arange(rows)[:, None] // SLOT
            self._buffer(
                f"mask{g}", (before < torch.tensor(group).repeat_interleave(units)).float()
            )
            seen = torch.tensor(group).repeat_interleave(units).clamp(min=1) * SLOT
            self.input.append(
                nn.Parameter(torch.randn(rows, units * len(group)) * (1.6 / seen**0.5))
            )
        self.told_input = nn.Parameter(
            torch.randn(TOLD * len(condition_blocks), units * self.digits)
            * (0.5 / (TOLD * len(condition_blocks)) ** 0.5)
        )
        self.bias = nn.Parameter(torch.zeros(units * self.digits))
        self.hidden = nn.Parameter(torch.randn(self.digits, units, units) / units**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(self.digits, units))
        # The last layer, padded to digits of similar size.
        self.output, self.output_bias = nn.ParameterList(), nn.ParameterList()
        self.members: list[list[int]] = []
        for least, most in zip((0, *SIZES), SIZES, strict=False):
            some = [j for j, n in enumerate(self.sizes) if least < n <= most]
            if not some:
                continue
            widest = max(self.sizes[j] for j in some)
            bias = torch.full((len(some), widest), IMPOSSIBLE)
            for row, j in enumerate(some):
                bias[row, : self.sizes[j]] = _log_frequency(columns, ordered[j])
            self.members.append(some)
            self.output.append(nn.Parameter(torch.randn(len(some), units, widest) * 0.02))
            self.output_bias.append(nn.Parameter(bias))
        self.at = {j: (k, row) for k, some in enumerate(self.members) for row, j in enumerate(some)}

    def _buffer(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value, persistent=False)

    def _fit_values(self, columns: Sequence[Column], ordered: Sequence[Block]) -> None:
        """Tables of the values of finished columns; and which second digits are possible."""
        self.first: list[int] = []
        """For each digit the place of its column's first one."""
        tables, start, starts, factor = [], 0, [], []
        counts = torch.ones(self.digits, max(self.sizes), dtype=torch.long)
        places: dict[int, int] = {}
        for j, b in enumerate(ordered):
            column = columns[b.column]
            if not b.digit:
                places[b.column] = j
            self.first.append(places[b.column])
            ends = bool(b.digit) or not column.cells
            table = value_table(column) if ends else torch.zeros(1, 2)
            starts.append(start)
            factor.append([column.cells, 1] if b.digit else [0, int(ends)])
            tables.append(table)
            start += len(table)
            if b.digit:
                choices = torch.tensor(column.choices)
                counts[j, : len(choices)] = choices
        self._buffer("values", torch.cat(tables))
        self._buffer("value_start", torch.tensor(starts))
        self._buffer("value_factor", torch.tensor(factor))
        self._buffer("first_of", torch.tensor(self.first))
        self._buffer("choices", counts)
        self._buffer("second", torch.tensor([bool(b.digit) for b in ordered]))

    # --- Likelihood -----------------------------------------------------------------------------

    def nll(self, x: Tensor, c: Tensor) -> Tensor:
        """The negative log-likelihood of the digits that c does not request, (N,), in nats."""
        codes = self.codes(x)[0][:, self.place]
        n = len(codes)
        told_rows, told = self._told(c)
        seen = self._slots(codes).flatten(1)
        hidden = [
            seen[:, : len(w)] @ (w * self.get_buffer(f"mask{g}"))
            for g, w in enumerate(self.input)
        ]
        h = torch.cat(hidden, 1) + told_rows @ self.told_input + self.bias.to(hidden[0].dtype)
        h = nn.functional.leaky_relu(h, 0.2).view(n, self.digits, -1).transpose(0, 1)
        h = self._residual(h, self.hidden, self.hidden_bias)
        total = torch.zeros(n, device=x.device)
        for members, weight, bias in zip(self.members, self.output, self.output_bias, strict=True):
            logits = torch.baddbmm(bias[:, None].to(h.dtype), h[members], weight.to(h.dtype)).float()
            mine = codes[:, members].T
            logits = self._possible(logits, members, codes)
            losses = logits.logsumexp(2) - logits.gather(2, mine[..., None]).squeeze(2)
            total = total + (losses * ~told[:, members].T).sum(0)
        return total

    def _told(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """The embedded requests, (N, TOLD · blocks), and which digits are requested, (N, digits)."""
        code, asked = self.told_codes(c)
        none = len(self.told) - 1
        rows = self.told[torch.where(asked, code + self.told_start, none)]
        return rows.flatten(1), asked[:, : self.digits][:, self.place]

    def _slots(self, codes: Tensor) -> Tensor:
        """What later digits see of each, (N, digits, SLOT); ``codes`` (N, digits)."""
        embedded = self.embedding[codes + self.offset]
        index = codes[:, self.first_of] * self.value_factor[:, 0] + codes * self.value_factor[:, 1]
        return torch.cat([embedded, self.values[index + self.value_start]], 2)

    def _residual(self, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """One residual layer; ``h`` (digits, N, units)."""
        w = weight.to(h.dtype)
        return h + nn.functional.leaky_relu(torch.baddbmm(bias[:, None].to(h.dtype), h, w), 0.2)

    def _possible(self, logits: Tensor, members: Sequence[int], codes: Tensor) -> Tensor:
        """Logits (members, N, codes), without the second digits that the first one rules out."""
        if not any(self.first[j] != j for j in members):
            return logits
        first = codes[:, self.first_of[members]].T
        most = self.choices[members].gather(1, first)
        most = torch.where(self.second[members][:, None], most, logits.shape[2])
        over = torch.arange(logits.shape[2], device=logits.device) >= most[..., None]
        return logits.masked_fill(over, IMPOSSIBLE)

    # --- Drawing --------------------------------------------------------------------------------

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        n, u = len(z), torch.special.ndtr(z.float())
        told_rows, told = self._told(c)
        asked = self.told_codes(c)[0][:, : self.digits][:, self.place]
        base = told_rows @ self.told_input + self.bias
        seen = z.new_zeros(n, self.digits, SLOT, dtype=base.dtype)
        codes = torch.zeros(n, self.digits, dtype=torch.long, device=z.device)
        x = z.new_zeros(n, self.width)
        rows = torch.arange(n, device=z.device)
        for j in range(self.digits):
            logits = self._logits(j, seen, base, codes)
            below = logits.softmax(1).cumsum(1)
            drawn = (below < u[:, j, None] * below[:, -1:]).sum(1).clamp(max=self.sizes[j] - 1)
            code = codes[:, j] = torch.where(told[:, j], asked[:, j], drawn)
            seen[:, j, :EMBEDDING] = self.embedding[code + self.offset[j]].to(seen.dtype)
            first = codes[:, self.first[j]]
            at = first * self.value_factor[j, 0] + code * self.value_factor[j, 1]
            seen[:, j, EMBEDDING:] = self.values[at + self.value_start[j]].to(seen.dtype)
            x[rows, self.starts[j] + code] = 1
        return x

    def _logits(self, j: int, seen: Tensor, base: Tensor, codes: Tensor) -> Tensor:
        """The logits of digit j given those before, (N, codes)."""
        g, place = divmod(j, TOGETHER)
        mine = slice(place * self.units, (place + 1) * self.units)
        h = base[:, j * self.units : (j + 1) * self.units]
        if j:
            h = h + seen[:, :j].flatten(1) @ self.input[g][: j * SLOT, mine]
        h = nn.functional.leaky_relu(h, 0.2)
        h = self._residual(h[None], self.hidden[j][None], self.hidden_bias[j][None])
        k, row = self.at[j]
        logits = h[0] @ self.output[k][row].to(h.dtype) + self.output_bias[k][row].to(h.dtype)
        return self._possible(logits.float()[None], [j], codes)[0][:, : self.sizes[j]]


def _log_frequency(columns: Sequence[Column], block: Block) -> Tensor:
    """The logarithm of each code's share, where the network starts."""
    if block.digit:
        return torch.zeros(block.codes)
    column = columns[block.column]
    return torch.log(torch.tensor(column.frequency).clamp(min=1e-6))
