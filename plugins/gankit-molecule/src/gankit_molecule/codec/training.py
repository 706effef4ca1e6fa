"""Training the heteroencoder: randomised SMILES in, canonical SMILES out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import get_worker_info

from gankit.contract import Fitting, Progress, quiet
from gankit.kit.autoencoders import (
    PAD,
    Ragged,
    Result,
    batches_by_length,
    bfloat16_is_fast,
    default_device,
    part_of,
    use_of_latents,
    with_noise,
)
from gankit.kit.autoencoders import train as kit_train
from gankit.kit.cache import Cache
from gankit_molecule.codec.autoencoder import Decoder, Encoder
from gankit_molecule.codec.notations import Smiles
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.data.parallel import mapped
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.timing import Rows, computed

BATCH_SIZE = {"cpu": 128, "cuda": 2048}
LEARNING_RATE = 2e-3
"""For networks of :data:`REFERENCE_WIDTH`; falls with the square root of the width."""
REFERENCE_WIDTH = 256
VARIANTS = 3
"""Randomised SMILES of each molecule that the encoder is trained on."""
PREPARATION = 0.2
"""Share of the time for writing them; if that is not enough, a random subset is trained on."""
TOKENS = {"cpu": 10_000_000, "cuda": 600_000_000}
"""Tokens of training, by default, where the data is large."""
MAX_EPOCHS = {"cpu": 40.0, "cuda": 60.0}
UNUSED_FROM = 0.2
"""Share of the training after which the decoder should use its latents."""
LEAST_USE = 0.05
"""The share of a text's information that its latent gives, below which latents are not used."""


@dataclass(frozen=True)
class Corpus:
    """Training molecules.

    Attributes:
        smiles: canonical SMILES.
        tokens: the same in the alphabet's notation, as numbers of tokens.
        c: conditions, (N, cond_dim).
    """

    smiles: Sequence[str]
    tokens: Ragged
    c: Tensor
    alphabet: Alphabet

    def subset(self, rows: Rows) -> Corpus:
        """Some of the molecules."""
        smiles = [self.smiles[i] for i in rows.tolist()]
        return Corpus(smiles, self.tokens.subset(rows), self.c[rows], self.alphabet)


def texts_of(
    smiles: Sequence[str], notation: Smiles, workers: int, progress: Progress = quiet
) -> list[str]:
    """Canonical SMILES in a notation."""
    # Processes that a data loader started may start no others.
    workers = workers if get_worker_info() is None else 1
    return list(mapped(notation.written, smiles, workers, "writing molecules", progress))


def train(
    encoder: Encoder | None,
    decoder: Decoder,
    corpus: Corpus,
    settings: MoleculeSettings,
    fitting: Fitting,
    cache: Cache,
    key: str,
    rate: float = 1.0,
) -> Result:
    """Trains both networks from their current weights.

    Args:
        encoder: None trains the decoder alone, with latents of 0.
        cache: keeps snapshots under ``key``, from which an interrupted training resumes.
        rate: factor of the learning rate.

    Raises:
        KeyboardInterrupt: the user has stopped; a snapshot has been saved.
    """
    device, planned = default_device(), corpus
    batch = BATCH_SIZE[device.type]
    epochs = epochs_of(settings.epochs, corpus.tokens)
    steps = max(math.ceil(epochs * len(corpus.tokens) / batch), 1)
    variants = None
    if encoder is not None:
        corpus, variants = _with_variants(corpus, settings.workers, part_of(fitting, PREPARATION))
    last = (torch.empty(0),) * 3
    unused = False

    def error(chosen: Rows, step: int) -> Tensor:
        nonlocal last
        wanted, c = corpus.tokens.take(chosen).to(device), corpus.c[chosen].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_fast(device)):
            if encoder is None or variants is None:
                z = torch.zeros(len(chosen), settings.latent, device=device)
            else:
                picks = np.random.default_rng(step).integers(0, VARIANTS, len(chosen))
                z = encoder(variants.take(VARIANTS * chosen + picks).to(device))
                z = with_noise(z, settings.smooth)
            logits = decoder(z, c, wanted).float()
        last = z.detach(), c, wanted
        return cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)

    def remark(step: int) -> str:
        nonlocal unused
        if encoder is not None and step >= UNUSED_FROM * steps and step % 100 == 0:
            z, c, wanted = last
            own, others = use_of_latents(decoder, z, c, wanted, torch.arange(len(z)).roll(1))
            unused = 1 - own / others < LEAST_USE
        return ", the decoder ignores the latents" if unused else ""

    return kit_train(
        nn.ModuleList(part for part in (encoder, decoder) if part is not None),
        batches_by_length(corpus.tokens.lengths, batch, steps, seed=0),
        error,
        steps,
        fitting,
        cache,
        key,
        learning_rate=rate * LEARNING_RATE * math.sqrt(REFERENCE_WIDTH / settings.width),
        label=f"training the {'character RNN' if encoder is None else 'SMILES autoencoder'}",
        complete=corpus is planned,
        remark=remark,
    )


def _with_variants(corpus: Corpus, workers: int, fitting: Fitting) -> tuple[Corpus, Ragged]:
    """``VARIANTS`` of each molecule, one after another, and the molecules: a random subset if there
    is no time for all.
    """
    order, found = computed(
        _variants, corpus.smiles, workers, "writing randomised SMILES", fitting, corpus.alphabet
    )
    variants = Ragged(variant for variants in found for variant in variants)
    rows = order[: len(variants) // VARIANTS]
    if not (np.diff(rows) > 0).all():
        ascending = np.argsort(rows)
        rows = rows[ascending]
        variants = variants.subset((VARIANTS * ascending[:, None] + np.arange(VARIANTS)).ravel())
    return corpus if len(rows) == len(order) else corpus.subset(rows), variants


def _variants(smiles: str, alphabet: Alphabet) -> list[list[int]]:
    found = alphabet.notation.randomised(smiles, VARIANTS)
    return [alphabet.encode(text or alphabet.notation.written(smiles)) for text in found]


def epochs_of(setting: float, tokens: Ragged) -> float:
    """Passes over the data; for the setting 0 they depend on the data's size."""
    device = default_device().type
    return setting or min(TOKENS[device] / tokens.lengths.sum(), MAX_EPOCHS[device])
