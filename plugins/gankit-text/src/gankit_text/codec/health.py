"""The health of the token autoencoder: what it writes of the texts it has read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from gankit.contract import Health
from gankit.kit.autoencoders import PAD, Ragged, use_of_latents
from gankit_text.codec.conditions import encoded
from gankit_text.codec.sequences import rows_of
from gankit_text.data.items import Text

if TYPE_CHECKING:
    from gankit_text.codec.codec import TextCodec

LEAST_TOKENS = 0.5
"""The share of tokens that are written again, below which a generator learns other texts."""
LEAST_USE = 0.05


@torch.no_grad()
def health_of(
    codec: TextCodec, items: Sequence[Text], heldout: bool, rng: np.random.Generator
) -> list[Health]:
    """Texts written from their own latents without noise, and the use of latents.

    - ``reconstruction``: the share of tokens that are written again at their places.
    - ``exact``: the share of texts that are written again, token by token.
    - ``information``: how much less the cross entropy of texts is with their own latents than with
      those of others, as a share; 0 where the decoder ignores latents (posterior collapse; Bowman
      et al. 2016, arXiv 1511.06349, section 3.1).
    """
    of = "held-out texts" if heldout else "training texts"
    n = len(items)
    tokens = Ragged(rows_of(items, codec.tokenizer)).take()
    c = encoded(items, codec.layout.condition, lacking=True)
    z = codec.whitening.latents(codec.encode_targets(items), c)
    most = max(tokens.shape[1], 1)
    written = codec.decoder.write(z, c, torch.zeros(n, most), codec.barred)
    written = torch.nn.functional.pad(written, (0, most - written.shape[1]), value=PAD)
    same = (written == tokens) | (tokens == PAD)
    share = float(((written == tokens) & (tokens != PAD)).sum() / (tokens != PAD).sum())
    exact = float(same.all(1).float().mean())
    noisy = codec.whitening.latents(
        codec.whitening.noisy(codec.encode_targets(items), codec.settings.smooth), c
    )
    order = torch.from_numpy(np.roll(np.arange(n), 1 + int(rng.integers(max(n - 1, 1)))))
    own, others = use_of_latents(codec.decoder, noisy, c, tokens, order)
    information = max(1 - own / max(others, 1e-9), 0.0)
    longer = "Train the autoencoder for longer (epochs=…), or on more texts; or use a larger latent"
    return [
        Health(
            "reconstruction",
            share,
            f"{share:.0%} of the tokens of {n} {of} are written again at their places",
            1.0,
            "" if share >= LEAST_TOKENS else longer,
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
