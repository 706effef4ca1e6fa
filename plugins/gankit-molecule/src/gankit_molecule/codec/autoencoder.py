"""The heteroencoder: any SMILES of a molecule to a latent, a latent to the canonical SMILES."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from gankit.kit.autoencoders import PAD
from gankit_molecule.codec.grammar import Rules
from gankit_molecule.codec.tokens import END, START, UNKNOWN

EMBEDDED = 64
"""Width of a token's embedding."""
CONTEXT = 128
"""Width of the decoder's input from latent and conditions, at every token."""


class Encoder(nn.Module):
    """Convolutions over tokens, then mean and maximum over all positions.

    ``(N, T) -> (N, latent)``, standardised in each dimension.
    """

    def __init__(self, tokens: int, latent: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, EMBEDDED, padding_idx=PAD)
        self.first = nn.Conv1d(EMBEDDED, width, 5, padding=2)
        self.rest = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.latent = nn.Linear(2 * width, latent)
        # Without trained factors, so that noise of a fixed size has a meaning.
        self.norm = nn.BatchNorm1d(latent, affine=False)

    def forward(self, tokens: Tensor) -> Tensor:
        held = (tokens != PAD)[:, None]
        h = gelu(self.first(self.embed(tokens).transpose(1, 2))) * held
        for layer in self.rest:
            h = (h + gelu(layer(h))) * held
        pooled = torch.cat([h.sum(2) / held.sum(2), h.masked_fill(~held, -torch.inf).amax(2)], 1)
        latent = self.latent(pooled)
        out: Tensor = self.norm(latent if latent.dtype == torch.float64 else latent.float())
        return out


class Decoder(nn.Module):
    """A recurrent network over tokens, conditioned on the latent and the properties.

    ``(z (N, latent), c (N, cond_dim), tokens (N, T)) -> logits (N, T, tokens)`` of each next token.
    """

    def __init__(self, tokens: int, latent: int, cond_dim: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, EMBEDDED)
        self.context = nn.Sequential(
            nn.Linear(latent + cond_dim, 256), nn.GELU(), nn.Linear(256, CONTEXT + width)
        )
        self.cell = nn.GRU(EMBEDDED + CONTEXT, width, batch_first=True)
        self.logits = nn.Linear(width, tokens)

    def start(self, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The input at every token, (N, CONTEXT), and the initial state, (1, N, width)."""
        both = self.context(torch.cat([z, c], 1))
        return both[:, :CONTEXT], torch.tanh(both[:, CONTEXT:])[None].contiguous()

    def forward(self, z: Tensor, c: Tensor, tokens: Tensor) -> Tensor:
        context, state = self.start(z, c)
        before = torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], 1)
        repeated = context[:, None].expand(-1, before.shape[1], -1)
        inputs = torch.cat([self.embed(before), repeated], 2)
        out: Tensor = self.logits(self.cell(inputs, state)[0])
        return out

    @torch.no_grad()
    def write(
        self,
        z: Tensor,
        c: Tensor,
        u: Tensor,
        temperature: float = 1.0,
        rules: Rules | None = None,
    ) -> Tensor:
        """Samples tokens ``(N, T)`` one after another, with T up to that of ``u``.

        Args:
            u: numbers in [0, 1), (N, T): each decides one token, so that the text is a function
                of them.
            temperature: divides the logits; 0 takes the most likely token.
            rules: the allowed next tokens of N new texts; None allows any token.
        """
        context, state = self.start(z, c)
        token = torch.full((len(z),), START, device=z.device)
        ended = torch.zeros(len(z), dtype=torch.bool, device=z.device)
        written = []
        for step in u.T:
            out, state = self.cell(torch.cat([self.embed(token), context], 1)[:, None], state)
            logits = self.logits(out[:, 0]).float()
            logits[:, [PAD, START, UNKNOWN]] = -torch.inf
            if rules is not None:
                logits[~rules.allowed()] = -torch.inf
            if temperature:
                upto = (logits / temperature).softmax(1).double().cumsum(1)
                token = (upto < step[:, None] * upto[:, -1:]).sum(1).clamp(max=upto.shape[1] - 1)
            else:
                token = logits.argmax(1)
            token = token.masked_fill(ended, PAD)
            if rules is not None:
                rules.advance(token)
            ended = ended | (token == END)
            written.append(token)
            if ended.all():
                break
        return torch.stack(written, 1)
