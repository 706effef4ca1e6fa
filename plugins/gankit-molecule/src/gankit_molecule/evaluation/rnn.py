"""A character RNN trained by maximum likelihood: a baseline that the GAN has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Fitting, Progress, quiet
from gankit.kit.autoencoders import Ragged, trained_or_cached
from gankit.kit.cache import Cache
from gankit.seeds import uniform
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.codec import MAX_TRIES
from gankit_molecule.codec.grammar import Grammar
from gankit_molecule.codec.notations import NOTATIONS, understood
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import Corpus, epochs_of, texts_of, train
from gankit_molecule.codec.writer import DECODE_BATCH_SIZE
from gankit_molecule.data.hashes import key_of
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings, cache_of

CACHE_VERSION = 1
"""Of its training: increase it when that changes, so that cached ones are ignored."""


class CharacterRNN:
    """The autoencoder's decoder without a latent and without conditions, trained for as many epochs
    on the same molecules (Segler et al. 2018; CharRNN of Polykovskiy et al. 2020).

    Args:
        smiles: canonical.
        cache: by default that of the settings.
    """

    def __init__(
        self,
        smiles: Sequence[str],
        settings: MoleculeSettings,
        progress: Progress = quiet,
        cache: Cache | None = None,
    ) -> None:
        self.settings = settings
        fitting = Fitting(progress)
        texts = texts_of(smiles, NOTATIONS[settings.notation](), settings.workers, progress)
        self.alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary, texts)
        tokens = Ragged(map(self.alphabet.encode, texts))
        self.corpus = Corpus(smiles, tokens, torch.zeros(len(smiles), 0), self.alphabet)
        self.longest = int(tokens.lengths.max())
        cache = cache_of(settings) if cache is None else cache
        epochs = round(epochs_of(settings.epochs, tokens), 6)
        decides = [CACHE_VERSION, settings.notation, settings.latent, settings.width, epochs]
        key = key_of(["rnn", *decides, self.alphabet.tokens], smiles)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.decoder = Decoder(len(self.alphabet), settings.latent, 0, settings.width).eval()
            self.loss = trained_or_cached(
                self.decoder,
                "rnns",
                key,
                cache,
                lambda: train(None, self.decoder, self.corpus, settings, fitting, cache, key),
            )

    def write(self, seeds: Sequence[int], attempt: int = 0, ruled: bool = True) -> Tensor:
        """Tokens ``(N, T)`` sampled at temperature 1, as in training; within the grammar of SMILES,
        like gankit's decoder, or without rules.
        """
        first = 1000 * attempt
        u = np.stack([uniform(seeds, first + k) for k in range(self.longest)], 1)
        rules = Grammar(self.alphabet.grammar(), len(seeds)) if ruled else None
        inputs = torch.zeros(len(seeds), self.settings.latent), torch.zeros(len(seeds), 0)
        return self.decoder.write(*inputs, torch.from_numpy(u), rules=rules)

    def molecules(self, rows: Tensor) -> list[Molecule]:
        """The molecules of rows of tokens; invalid ones have ``tries`` 0."""
        found = []
        for row in rows.tolist():
            text = self.alphabet.decode(row)
            smiles = understood(text, self.alphabet.notation, self.settings)
            found.append(Molecule(smiles or text, tries=int(smiles is not None)))
        return found

    def sample(self, n: int, seed: int, progress: Progress) -> list[Molecule]:
        """``n`` molecules, of the seeds from ``seed`` on. Invalid ones are resampled as often as
        the generator's, unless the settings say ``raw``.
        """
        made: list[Molecule] = []
        while len(made) < n:
            progress("sampling from the character RNN", len(made), n)
            first = seed + len(made)
            made += self._resampled(range(first, first + min(DECODE_BATCH_SIZE, n - len(made))))
        return made

    def _resampled(self, seeds: Sequence[int]) -> list[Molecule]:
        found = self.molecules(self.write(seeds))
        for attempt in range(1, 1 if self.settings.raw else MAX_TRIES):
            left = [i for i, molecule in enumerate(found) if not molecule.valid]
            if not left:
                break
            again = self.molecules(self.write([seeds[i] for i in left], attempt))
            for i, molecule in zip(left, again, strict=True):
                if molecule.valid:
                    found[i] = replace(molecule, tries=attempt + 1)
        return found
