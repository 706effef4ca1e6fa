"""Writing a text token by token as one graph: a scan over the numbers that decide the tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.nn.functional import linear

from gankit.kit.autoencoders import PAD, Whitening
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.tokens import END, START, UNKNOWN, Alphabet

State = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of texts that are being written: hidden units (N, width), the last token (N,), open brackets (N,)
and open rings (N, rings), 0 or 1."""


class WritingGraph(nn.Module):
    """``(x (N, latent), c (N, cond_dim) | None, u (N, T)) -> tokens (N, T)``, as
    :meth:`Decoder.write` within :class:`Grammar`, at the first attempt.

    Args:
        most: coordinates of ``x`` are clamped to this magnitude.
    """

    barred: Tensor
    more: Tensor
    lowest: Tensor
    rings: Tensor
    factor: Tensor
    mean: Tensor
    slope: Tensor

    def __init__(
        self,
        decoder: Decoder,
        alphabet: Alphabet,
        whitening: Whitening,
        temperature: float,
        most: float,
    ) -> None:
        super().__init__()
        self.decoder, self.temperature, self.most = decoder, temperature, most
        more, lowest, bits = alphabet.grammar()
        labels = [i for i in range(62) if int((bits >> i & 1).sum())] or [0]
        barred = torch.zeros(len(alphabet), dtype=torch.bool)
        barred[[PAD, START, UNKNOWN]] = True
        rings = torch.stack([bits >> i & 1 for i in labels], 1)
        found = {"barred": barred, "more": more, "lowest": lowest, "rings": rings}
        for name, value in (found | whitening.state()).items():
            # Of its own memory: a scan refuses tensors that share some.
            self.register_buffer(name, value.clone(), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None, u: Tensor) -> Tensor:
        x = x.clamp(-self.most, self.most)
        c = x[:, :0] if c is None else c
        z = x @ self.factor.T + self.mean + c @ self.slope
        context, hidden = self.decoder.start(z, c)
        token = torch.full_like(u[:, 0], START, dtype=torch.int64)
        state = (
            *(hidden[0], token, torch.zeros_like(token)),
            torch.zeros_like(self.rings[token]),
        )
        if torch.compiler.is_exporting():
            tokens: Tensor
            _, tokens = scan(lambda carry, step: self._next(carry, step, context), state, u.T)
            return tokens.T
        written = []
        for step in u.T:
            state, token = self._next(state, step, context)
            written.append(token)
        return torch.stack(written, 1)

    def _next(self, state: State, u: Tensor, context: Tensor) -> tuple[State, Tensor]:
        """The state after one more token, and the token, (N,)."""
        hidden, before, depth, rings = state
        hidden = self._cell(torch.cat([self.decoder.embed(before), context], 1), hidden)
        closed = (depth == 0) & (rings.sum(1) == 0)
        allowed = depth[:, None] + self.lowest >= 0
        end = torch.arange(len(self.barred), device=u.device) == END
        allowed = ((allowed & ~end) | (closed[:, None] & end)) & ~self.barred
        logits = self.decoder.logits(hidden).masked_fill(~allowed, -torch.inf)
        if self.temperature:
            upto = (logits / self.temperature).softmax(1).double().cumsum(1)
            token = (upto < u[:, None] * upto[:, -1:]).sum(1).clamp(max=upto.shape[1] - 1)
        else:
            token = logits.argmax(1)
        ended = (before == END) | (before == PAD)
        token = token.masked_fill(ended, PAD)
        rings = (rings + self.rings[token]) % 2
        return (hidden, token, depth + self.more[token], rings), token + 0

    def _cell(self, x: Tensor, h: Tensor) -> Tensor:
        """The decoder's recurrent cell, written out (Cho et al. 2014)."""
        weights = dict(self.decoder.cell.named_parameters())
        of_x = linear(x, weights["weight_ih_l0"], weights["bias_ih_l0"])
        of_h = linear(h, weights["weight_hh_l0"], weights["bias_hh_l0"])
        (r, z, n), (hr, hz, hn) = of_x.chunk(3, 1), of_h.chunk(3, 1)
        z = (z + hz).sigmoid()
        return (1 - z) * (n + (r + hr).sigmoid() * hn).tanh() + z * h
