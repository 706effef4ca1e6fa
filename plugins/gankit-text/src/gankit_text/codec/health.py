"""The health of the token autoencoder: what it writes of the texts it has read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Health
from gankit.kit.autoencoders import PAD, Whitening, use_of_latents
from gankit_text.codec.autoencoder import Autoencoder

LEAST_TOKENS = 0.5
"""The share of tokens that an exact autoencoder writes again, below which a generator learns other
texts."""
LEAST_USE = 0.05


@torch.no_grad()
def health_of(
    autoencoder: Autoencoder,
    whitening: Whitening,
    barred: Tensor,
    smooth: float,
    x: Tensor,
    c: Tensor,
    tokens: Tensor,
    heldout: bool,
    rng: np.random.Generator,
) -> list[Health]:
    """Texts written from their own latents without noise, and the use of latents.

    - ``reconstruction``: the share of tokens that are written again at their places.
    - ``exact``: the share of texts that are written again, token by token.
    - ``information``: how much less the cross entropy of texts is with their own latents than with
      those of others, as a share; 0 where the decoder ignores latents (posterior collapse; Bowman
      et al. 2016, arXiv 1511.06349, section 3.1).
    """
    of = "held-out texts" if heldout else "training texts"
    n = len(tokens)
    z = whitening.latents(x, x[:, :0])
    most = max(tokens.shape[1], 1)
    written = autoencoder.write(z, c, torch.zeros(n, most), barred)
    written = torch.nn.functional.pad(written, (0, most - written.shape[1]), value=PAD)
    same = (written == tokens) | (tokens == PAD)
    share = float(((written == tokens) & (tokens != PAD)).sum() / (tokens != PAD).sum())
    exact = float(same.all(1).float().mean())
    noisy = whitening.latents(whitening.noisy(x, smooth), x[:, :0])
    order = torch.from_numpy(np.roll(np.arange(n), 1 + int(rng.integers(max(n - 1, 1)))))
    own, others = use_of_latents(autoencoder, noisy, c, tokens, order)
    information = max(1 - own / max(others, 1e-9), 0.0)
    longer = "Train the autoencoder for longer (epochs=…), or on more texts; or use a larger latent"
    return [
        Health(
            "reconstruction",
            share,
            f"{share:.0%} of the tokens of {n} {of} are written again at their places",
            1.0,
            longer if autoencoder.exact and share < LEAST_TOKENS else "",
        ),
        Health("exact", exact, f"{exact:.0%} of {n} {of} are written again exactly", 1.0),
        Health(
            "information",
            information,
            f"the cross entropy of {n} {of} is {information:.0%} less with their own latents than "
            "with others'",
            None,
            ""
            if information >= LEAST_USE
            else f"The decoder ignores its latents (posterior collapse). {longer}; use less smooth",
        ),
    ]
