"""The health of a trained autoencoder: what it writes of molecules, and of noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Health
from gankit_molecule.codec.notations import understood
from gankit_molecule.codec.ragged import Ragged
from gankit_molecule.codec.training import LEAST_USE, texts_of, use_of_latents
from gankit_molecule.codec.writer import Writer
from gankit_molecule.data.molecules import Molecule, smiles_of

if TYPE_CHECKING:
    from gankit_molecule.codec.codec import MoleculeCodec

LEAST_LATENTS = 2
LEAST_REBUILT, LEAST_VALID = 0.05, 0.5


@torch.no_grad()
def health_of(
    codec: MoleculeCodec, items: Sequence[Molecule], heldout: bool, rng: np.random.Generator
) -> list[Health]:
    """Molecules written from their own latents, latents in use, and molecules written from noise.

    - ``reconstruction``: the share of molecules that the likeliest tokens write again from their
      latents, without noise.
    - ``information``: how much less likely texts are with the latents of others, as a share of
      that; 0 where the decoder ignores latents (posterior collapse; Bowman et al. 2016,
      arXiv 1511.06349, section 3.1).
    - ``latents in use``: directions in which latents vary more than the noise on them.
    - ``validity``: the share of texts from normal noise, written once, that are molecules.
    """
    of = "held-out molecules" if heldout else "training molecules"
    n, smiles = len(items), smiles_of(items)
    batch = codec.encode(items, rng)
    c = torch.zeros(n, 0) if batch.c is None else batch.c.float()
    rebuilt = _rebuilt(codec, codec.whitening.latents(batch.x, c), c, smiles)
    information = _information(codec, batch.x, c, smiles, rng)
    used, all_latents = latents_in_use(codec), codec.settings.latent
    noise = torch.from_numpy(rng.standard_normal((n, all_latents), np.float32))
    valid = _written(codec, codec.whitening.latents(noise, c), c, codec.settings.temperature)
    share = sum(text is not None for text in valid) / n
    longer = "Train the autoencoder for longer (epochs=…), or on more molecules"
    return [
        Health(
            "reconstruction",
            rebuilt,
            f"{rebuilt:.0%} of {n} {of} are written again exactly",
            1.0,
            "" if rebuilt >= LEAST_REBUILT else f"{longer}; less smooth keeps more of a molecule",
        ),
        Health(
            "information",
            information,
            f"of what makes {n} {of} likely, the latents give {information:.0%}",
            None,
            ""
            if information >= LEAST_USE
            else f"The decoder ignores its latents (posterior collapse). {longer}; use less smooth",
        ),
        Health(
            "latents in use",
            used,
            f"{used} of {all_latents} latents vary more than the noise on them",
            all_latents,
            "" if used >= LEAST_LATENTS else f"{longer}; use less smooth",
        ),
        Health(
            "validity",
            share,
            f"{share:.0%} of {n} texts that are written from noise are molecules",
            1.0,
            "" if share >= LEAST_VALID else f"{longer}; more smooth makes more of noise valid",
        ),
    ]


def latents_in_use(codec: MoleculeCodec) -> int:
    """Directions of the latent space in which latents vary more than the noise that the decoder
    was trained with."""
    noise = codec.whitening.added(codec.settings.smooth)
    factor = codec.whitening.factor.double()
    return int((torch.linalg.eigvalsh(factor @ factor.T) > 2 * noise).sum())


def _information(
    codec: MoleculeCodec,
    x: Tensor,
    c: Tensor,
    smiles: Sequence[str],
    rng: np.random.Generator,
) -> float:
    texts = texts_of(smiles, codec.alphabet.notation, 1)
    tokens = Ragged(map(codec.alphabet.encode, texts)).take(np.arange(len(texts)))
    z = codec.whitening.latents(codec.noisy(x), c)
    order = torch.from_numpy(np.roll(np.arange(len(texts)), 1 + int(rng.integers(len(texts) - 1))))
    own, others = use_of_latents(codec.decoder, z, c, tokens, order)
    return max(1 - own / others, 0.0) if math.isfinite(own / max(others, 1e-9)) else 0.0


def _rebuilt(codec: MoleculeCodec, z: Tensor, c: Tensor, smiles: Sequence[str]) -> float:
    found = _written(codec, z, c, 0.0)
    return float(np.mean([one == other for one, other in zip(found, smiles, strict=True)]))


def _written(codec: MoleculeCodec, z: Tensor, c: Tensor, temperature: float) -> list[str | None]:
    """Standardised SMILES, each written once; None for what is no molecule."""
    writer = Writer(codec.alphabet, codec.decoder, codec.longest, None)
    texts = writer.write(z, c, range(len(z)), 0, temperature)
    return [understood(text, codec.alphabet.notation, codec.settings) for text in texts]
