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
CONTEXT = 128
"""Width of the decoder's input from latent and conditions, at every token."""
PLACES = 64
"""Places in a text that have maps of their own; longer texts share one among neighbours."""


def places_of(longest: int) -> int:
    """Places of texts of up to ``longest`` tokens."""
    return min(longest, PLACES)


def place(tokens: int, longest: int, device: torch.device) -> Tensor:
    """The place of each of the first ``tokens`` tokens, ``(T,)``; the last one of those beyond
    ``longest``."""
    at = torch.arange(tokens, device=device)
    return (at * places_of(longest) // max(longest, 1)).clamp(max=places_of(longest) - 1)


class Encoder(nn.Module):
    """Each token with its neighbours, mapped by its place in the text; the sum of all.

    ``(N, T) -> (N, latent)``, standardised in each dimension. Order is in the maps, so that the
    latents of texts that no text was like are as good as others: a mean over positions, or the last
    state of a recurrent network, forgets it.
    """

    def __init__(self, tokens: int, latent: int, width: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.embed = nn.Embedding(tokens, EMBEDDED, padding_idx=PAD)
        self.around = nn.Conv1d(EMBEDDED, width, 3, padding=1)
        inputs = EMBEDDED + width
        shape = places_of(longest), inputs, latent
        self.maps = nn.Parameter(torch.randn(shape) / math.sqrt(inputs))
        # Without trained factors, so that noise of a fixed size has a meaning.
        self.norm = nn.BatchNorm1d(latent, affine=False)

    def forward(self, tokens: Tensor) -> Tensor:
        held = (tokens != PAD)[:, :, None]
        embedded = self.embed(tokens)
        around = gelu(self.around(embedded.transpose(1, 2))).transpose(1, 2)
        h = torch.cat([embedded, around], 2) * held
        maps = self.maps[place(tokens.shape[1], self.longest, tokens.device)]
        latent = h.flatten(1) @ maps.flatten(0, 1)
        out: Tensor = self.norm(latent if latent.dtype == torch.float64 else latent.float())
        return out


class Decoder(nn.Module):
    """A recurrent network over tokens, which sees the latent by a map of each place in the text.

    ``(z (N, latent), c (N, cond_dim), tokens (N, T)) -> logits (N, T, tokens)`` of each next token.
    """

    def __init__(self, tokens: int, latent: int, cond_dim: int, width: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.embed = nn.Embedding(tokens, EMBEDDED)
        self.context = nn.Sequential(
            nn.Linear(latent + cond_dim, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, CONTEXT + width),
        )
        shape = places_of(longest), latent, CONTEXT
        self.maps = nn.Parameter(torch.randn(shape) / math.sqrt(latent))
        self.cell = nn.GRU(EMBEDDED + CONTEXT, width, batch_first=True)
        self.narrow = nn.Linear(width, 2 * EMBEDDED)
        self.logits = nn.Linear(2 * EMBEDDED, tokens)

    def start(self, z: Tensor, c: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
        """The input at each of so many tokens, (N, T, CONTEXT), and the initial state, (1, N,
        width)."""
        both = self.context(torch.cat([z, c], 1))
        maps = self.maps[place(tokens, self.longest, z.device)]
        at = both[:, None, :CONTEXT] + torch.einsum("nl,tlc->ntc", z, maps)
        return at, torch.tanh(both[:, CONTEXT:])[None].contiguous()

    def forward(self, z: Tensor, c: Tensor, tokens: Tensor) -> Tensor:
        context, state = self.start(z, c, tokens.shape[1])
        before = torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], 1)
        hidden = self.cell(torch.cat([self.embed(before), context], 2), state)[0]
        out: Tensor = self.logits(self.narrow(hidden))
        return out

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
            out, state = self.cell(torch.cat([self.embed(token), context[:, k]], 1)[:, None], state)
            logits = self.logits(self.narrow(out[:, 0])).float()
            logits = logits.masked_fill(barred, -torch.inf)
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
