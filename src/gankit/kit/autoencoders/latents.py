"""Noise on latents, and whether a decoder uses them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gankit.kit.autoencoders.ragged import PAD

RANDOM_SHARE = 0.1
"""Share of latents that are replaced by noise: the decoder learns to write something plausible
where the latent space is empty, too."""


def with_noise(z: Tensor, noise: float) -> Tensor:
    """Latents z (N, latent) of unit variance with noise of this standard deviation; a share of
    them replaced by noise of the same variance."""
    noisy = z + noise * torch.randn_like(z)
    replaced = torch.rand(len(z), 1, device=z.device) < RANDOM_SHARE
    return torch.where(replaced, math.sqrt(1 + noise**2) * torch.randn_like(z), noisy)


@torch.no_grad()
def use_of_latents(
    decoder: Callable[[Tensor, Tensor, Tensor], Tensor],
    z: Tensor,
    c: Tensor,
    tokens: Tensor,
    order: Tensor,
) -> tuple[float, float]:
    """The cross entropy of tokens (N, T) per token, in nats: with their latents z (N, latent), and
    with those of others, in another order. They are alike where the decoder ignores its latents.

    Args:
        decoder: ``(z, c, tokens) -> logits (N, T, tokens)`` of each next token.
    """

    def error(z: Tensor) -> float:
        logits = decoder(z, c, tokens).float()
        return float(cross_entropy(logits.flatten(0, 1), tokens.flatten(), ignore_index=PAD))

    return error(z), error(z[order])
