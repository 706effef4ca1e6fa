"""A character RNN by maximum likelihood: what an adversarial model of molecules has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Progress
from gankit.seeds import uniform
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.codec import BLOCK, TRIES
from gankit_molecule.codec.grammar import Grammar
from gankit_molecule.codec.notations import NOTATIONS, understood
from gankit_molecule.codec.ragged import Ragged
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import epochs_of, learn, learned, texts_of
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.store import Store, key_of, open_store

LEARNT_AS = 1
"""Counts changes to how it is trained, after which a kept one is not taken."""


class CharacterRNN:
    """The autoencoder's decoder without a latent and without conditions, with as many passes over
    the same molecules (Segler et al. 2018; CharRNN of Polykovskiy et al. 2020).

    Args:
        smiles: canonical.
        store: keeps it for later; that of the settings by default.
    """

    def __init__(
        self,
        smiles: Sequence[str],
        settings: MoleculeSettings,
        progress: Progress = lambda what, done, total: None,
        store: Store | None = None,
    ) -> None:
        self.settings = settings
        texts = texts_of(smiles, NOTATIONS[settings.notation](), settings.workers, progress)
        self.alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary, texts)
        self.written = Ragged(map(self.alphabet.encode, texts))
        self.longest = int(self.written.lengths.max())
        store = open_store(settings.cache) if store is None else store
        epochs = round(epochs_of(settings.epochs, self.written), 6)
        decides = [LEARNT_AS, settings.notation, settings.latent, settings.width, epochs]
        key = key_of(["rnn", *decides, self.alphabet.tokens], smiles)
        known = smiles, self.written, torch.zeros(len(smiles), 0), self.alphabet, settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.decoder = Decoder(len(self.alphabet), settings.latent, 0, settings.width).eval()
            self.loss = learned(
                self.decoder,
                store.path("rnns", f"{key}.safetensors"),
                store,
                lambda: learn(None, self.decoder, *known, progress, store, key),
            )

    def write(self, seeds: Sequence[int], attempt: int = 0, ruled: bool = True) -> Tensor:
        """Tokens ``(N, T)`` drawn at temperature 1, as it was fitted: by the rules of SMILES, which
        gankit's decoder has too, or freely.
        """
        first = 1000 * attempt
        u = np.stack([uniform(seeds, first + k) for k in range(self.longest)], 1)
        rules = Grammar(self.alphabet.grammar(), len(seeds)) if ruled else None
        heard = torch.zeros(len(seeds), self.settings.latent), torch.zeros(len(seeds), 0)
        return self.decoder.write(*heard, torch.from_numpy(u), rules=rules)

    def molecules(self, rows: Tensor) -> list[Molecule]:
        """What is no molecule has ``tries`` 0."""
        found = []
        for row in rows.tolist():
            text = self.alphabet.decode(row)
            smiles = understood(text, self.alphabet.notation, self.settings)
            found.append(Molecule(smiles or text, tries=int(smiles is not None)))
        return found

    def sample(self, n: int, seed: int, progress: Progress) -> list[Molecule]:
        """``n`` for the seeds from ``seed`` on: what is no molecule is written again, unless the
        settings say ``raw``, as often as of the generator.
        """
        made: list[Molecule] = []
        while len(made) < n:
            progress("writing with the character RNN", len(made), n)
            first = seed + len(made)
            seeds = range(first, first + min(BLOCK, n - len(made)))
            made += self._sought(seeds)
        return made

    def _sought(self, seeds: Sequence[int]) -> list[Molecule]:
        found = self.molecules(self.write(seeds))
        for attempt in range(1, 1 if self.settings.raw else TRIES):
            left = [i for i, molecule in enumerate(found) if not molecule.valid]
            if not left:
                break
            again = self.molecules(self.write([seeds[i] for i in left], attempt))
            for i, molecule in zip(left, again, strict=True):
                if molecule.valid:
                    found[i] = replace(molecule, tries=attempt + 1)
        return found
