"""The token autoencoder: a text to a latent, and back, token by token."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from gankit.kit.autoencoders import PAD
from gankit_text.codec.tokens import END, START

EMBEDDED = 64
"""Width of a token's embedding."""
CONTEXT = 2 * EMBEDDED
"""Width of what the decoder sees of the latent at every token."""
PLACES = 64
"""Places in a text that have maps of their own; longer texts share one among neighbours."""
LOGIT_SCALE = 0.3
"""Of the product of an output with the embeddings, whose entries are of unit variance at first."""


class Autoencoder(nn.Module):
    """Tokens to a latent and back. The encoder's embeddings are those that the decoder, a recurrent
    network, compares its output with.

    Gist: convolutions over tokens, then mean and maximum over all positions. The order of tokens is
    mostly left to the decoder, which writes a text that is like the one that was read.

    Exact: each token with its neighbours, mapped by its place in the text, and summed; the decoder
    sees the latent by a map of each place. Any combination of tokens can be written again, and
    latents that are nobody's give texts that nobody would write.

    Args:
        tokens: their number.
        cond_dim: width of the conditions.
        longest: tokens of the longest text.
        exact: which of the two.
    """

    def __init__(
        self,
        tokens: int,
        latent: int,
        cond_dim: int,
        width: int,
        longest: int,
        exact: bool = False,
    ) -> None:
        super().__init__()
        self.longest, self.places, self.exact = longest, min(longest, PLACES), exact
        self.embed = nn.Embedding(tokens, EMBEDDED, padding_idx=PAD)
        # The encoder.
        half = width // 2
        self.around = nn.Conv1d(EMBEDDED, half, 3 if exact else 5, padding=1 if exact else 2)
        if exact:
            inputs = EMBEDDED + half
            maps = torch.randn(self.places, inputs, latent) / math.sqrt(inputs)
            self.write_maps = nn.Parameter(maps)
        else:
            self.deeper = nn.ModuleList(nn.Conv1d(half, half, 3, padding=1) for _ in range(2))
            self.pooled = nn.Linear(2 * half, latent)
        # Without trained factors, so that noise of a fixed size has a meaning.
        self.norm = nn.BatchNorm1d(latent, affine=False)
        # The decoder.
        self.context = nn.Sequential(
            nn.Linear(latent + cond_dim, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, CONTEXT + width),
        )
        if exact:
            maps = torch.randn(self.places, latent, CONTEXT) / math.sqrt(latent)
            self.read_maps = nn.Parameter(maps)
        self.cell = nn.GRU(EMBEDDED + CONTEXT, width, batch_first=True)
        self.output = nn.Linear(width + CONTEXT if exact else width, EMBEDDED)
        self.bias = nn.Parameter(torch.zeros(tokens))

    def place(self, tokens: int) -> Tensor:
        """The place of each of the first so many tokens, (T,)."""
        at = torch.arange(tokens, device=self.bias.device)
        return (at * self.places // max(self.longest, 1)).clamp(max=self.places - 1)

    def encode(self, tokens: Tensor) -> Tensor:
        """``(N, T) -> (N, latent)``, standardised in each dimension."""
        held = (tokens != PAD)[:, :, None]
        embedded = self.embed(tokens) * held  # that of PAD is not zero: the output learns it, too
        around = gelu(self.around(embedded.transpose(1, 2))).transpose(1, 2) * held
        if self.exact:
            h = torch.cat([embedded, around], 2)
            maps = self.write_maps[self.place(tokens.shape[1])]
            latent = h.flatten(1) @ maps.flatten(0, 1)
        else:
            h = around
            for layer in self.deeper:
                h = (h + gelu(layer(h.transpose(1, 2))).transpose(1, 2)) * held
            most = h.masked_fill(~held, -torch.inf).amax(1)
            latent = self.pooled(torch.cat([h.sum(1) / held.sum(1), most], 1))
        out: Tensor = self.norm(latent if latent.dtype == torch.float64 else latent.float())
        return out

    def start(self, z: Tensor, c: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
        """What the decoder sees at each of so many tokens, (N, T, CONTEXT), and its initial state,
        (1, N, width)."""
        both = self.context(torch.cat([z, c], 1))
        seen = both[:, None, :CONTEXT].expand(-1, tokens, -1)
        if self.exact:
            seen = seen + torch.einsum("nl,tlc->ntc", z, self.read_maps[self.place(tokens)])
        return seen, torch.tanh(both[:, CONTEXT:])[None].contiguous()

    def logits(self, hidden: Tensor, context: Tensor) -> Tensor:
        """Logits of each next token, (…, tokens)."""
        out = self.output(torch.cat([hidden, context], -1) if self.exact else hidden)
        found: Tensor = LOGIT_SCALE * (out @ self.embed.weight.T) + self.bias
        return found

    def forward(self, z: Tensor, c: Tensor, tokens: Tensor) -> Tensor:
        """``(z (N, latent), c (N, cond_dim), tokens (N, T)) -> logits (N, T, tokens)`` of each next
        token."""
        context, state = self.start(z, c, tokens.shape[1])
        before = torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], 1)
        hidden = self.cell(torch.cat([self.embed(before), context], 2), state)[0]
        return self.logits(hidden, context)

    @torch.no_grad()
    def write(
        self, z: Tensor, c: Tensor, u: Tensor, barred: Tensor, temperature: float = 0.0
    ) -> Tensor:
        """Tokens ``(N, T)``, one after another, with T up to that of ``u``; each text ends there at
        the latest.

        Args:
            u: numbers in [0, 1), (N, T): each decides one token, so that the text is a function of
                them.
            barred: tokens that are never written, (tokens,).
            temperature: divides the logits; 0 takes the most likely token.
        """
        most = u.shape[1]
        context, state = self.start(z, c, most)
        token = torch.full((len(z),), START, device=z.device)
        ended = torch.zeros(len(z), dtype=torch.bool, device=z.device)
        written = []
        for k in range(most):
            seen = context[:, k]
            hidden, state = self.cell(torch.cat([self.embed(token), seen], 1)[:, None], state)
            logits = self.logits(hidden[:, 0], seen).masked_fill(barred, -torch.inf)
            token = chosen(logits, u[:, k], temperature)
            token = torch.full_like(token, END) if k == most - 1 else token
            token = token.masked_fill(ended, PAD)
            ended = ended | (token == END)
            written.append(token)
            if ended.all():
                break
        return torch.stack(written, 1)


def chosen(logits: Tensor, u: Tensor, temperature: float) -> Tensor:
    """The tokens (N,) that numbers u (N,) in [0, 1) choose by logits (N, tokens)."""
    if not temperature:
        return logits.argmax(1)
    upto = (logits / temperature).softmax(1).double().cumsum(1)
    return (upto <= u[:, None] * upto[:, -1:]).sum(1).clamp(max=upto.shape[1] - 1)
