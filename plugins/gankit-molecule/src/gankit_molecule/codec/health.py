"""The health of a trained autoencoder: what it writes of molecules, and of noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Health
from gankit.kit.autoencoders import Ragged, Whitening, use_of_latents
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.notations import understood
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import LEAST_USE, texts_of
from gankit_molecule.codec.writer import Writer
from gankit_molecule.settings import MoleculeSettings

LEAST_LATENTS = 2
LEAST_VALID = 0.5
LEAST_GAIN = 0.1
"""How much more alike a molecule and what is written of its latent have to be than two molecules.
Few are written again exactly: noise makes one latent stand for many similar ones."""


@dataclass(frozen=True)
class Autoencoder:
    """What is measured."""

    decoder: Decoder
    alphabet: Alphabet
    whitening: Whitening
    longest: int
    """Tokens of the longest training molecule."""
    settings: MoleculeSettings


@torch.no_grad()
def health_of(
    it: Autoencoder, smiles: Sequence[str], batch: Batch, heldout: bool, rng: np.random.Generator
) -> list[Health]:
    """Molecules written from their own latents, latents in use, and molecules written from noise.

    - ``reconstruction``: the share of molecules that the likeliest tokens write again from their
      latents, without noise; judged by how alike they are (Tanimoto similarity of Morgan
      fingerprints of radius 2), beside two molecules.
    - ``information``: how much less the cross entropy of texts is with their own latents than with
      those of others, as a share; 0 where the decoder ignores latents (posterior collapse; Bowman
      et al. 2016, arXiv 1511.06349, section 3.1).
    - ``latents in use``: directions in which latents vary more than the noise on them.
    - ``validity``: the share of texts from normal noise, written once, that are molecules.
    """
    of = "held-out molecules" if heldout else "training molecules"
    n, smiles = len(smiles), list(smiles)
    c = torch.zeros(n, 0) if batch.c is None else batch.c.float()
    found = _written(it, it.whitening.latents(batch.x, c), c, 0.0)
    rebuilt = float(np.mean([one == other for one, other in zip(found, smiles, strict=True)]))
    alike, by_chance = _alike(found, smiles), _alike(smiles[1:] + smiles[:1], smiles)
    information = _information(it, batch.x, c, smiles, rng)
    used, all_latents = latents_in_use(it), it.settings.latent
    noise = torch.from_numpy(rng.standard_normal((n, all_latents), np.float32))
    valid = _written(it, it.whitening.latents(noise, c), c, it.settings.temperature)
    share = sum(text is not None for text in valid) / n
    longer = "Train the autoencoder for longer (epochs=…), or on more molecules"
    return [
        Health(
            "reconstruction",
            rebuilt,
            f"{rebuilt:.0%} of {n} {of} are written again exactly; the mean similarity is "
            f"{alike:.2f} ({by_chance:.2f} of two molecules)",
            1.0,
            ""
            if alike - by_chance >= LEAST_GAIN
            else f"{longer}; less smooth keeps more of a molecule",
        ),
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


def latents_in_use(it: Autoencoder) -> int:
    """Directions of the latent space in which latents vary more than the noise that the decoder
    was trained with."""
    noise = it.whitening.added(it.settings.smooth)
    factor = it.whitening.factor.double()
    return int((torch.linalg.eigvalsh(factor @ factor.T) > 2 * noise).sum())


def _information(
    it: Autoencoder,
    x: Tensor,
    c: Tensor,
    smiles: Sequence[str],
    rng: np.random.Generator,
) -> float:
    texts = texts_of(smiles, it.alphabet.notation, 1)
    tokens = Ragged(map(it.alphabet.encode, texts)).take(np.arange(len(texts)))
    z = it.whitening.latents(it.whitening.noisy(x, it.settings.smooth), c)
    order = torch.from_numpy(np.roll(np.arange(len(texts)), 1 + int(rng.integers(len(texts) - 1))))
    own, others = use_of_latents(it.decoder, z, c, tokens, order)
    return max(1 - own / others, 0.0) if math.isfinite(own / max(others, 1e-9)) else 0.0


def _alike(found: Sequence[str | None], smiles: Sequence[str]) -> float:
    """The mean Tanimoto similarity of molecules one by one; what is no molecule is like none."""
    from rdkit.Chem import MolFromSmiles
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.DataStructs import TanimotoSimilarity

    morgan = GetMorganGenerator(radius=2)

    def alike(one: str | None, other: str) -> float:
        molecules = [MolFromSmiles(text) for text in (one or "", other)]
        return float(TanimotoSimilarity(*map(morgan.GetFingerprint, molecules)))

    return float(np.mean([alike(*pair) for pair in zip(found, smiles, strict=True)]))


def _written(it: Autoencoder, z: Tensor, c: Tensor, temperature: float) -> list[str | None]:
    """Standardised SMILES, each written once; None for what is no molecule."""
    writer = Writer(it.alphabet, it.decoder, it.longest, None)
    texts = writer.write(z, c, range(len(z)), 0, temperature)
    return [understood(text, it.alphabet.notation, it.settings) for text in texts]
