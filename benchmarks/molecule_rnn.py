"""A character RNN: gankit's decoder without a latent, by maximum likelihood. The baseline of
``molecule.py --rnn``, and where ``molecule_organ.py`` begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Sample
from gankit.seeds import uniform
from gankit_molecule import learning
from gankit_molecule.autoencoder import Decoder, Encoder
from gankit_molecule.grammar import Grammar
from gankit_molecule.learning import learn
from gankit_molecule.molecules import Molecule
from gankit_molecule.ragged import Ragged
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.standardise import standardise
from gankit_molecule.store import Store
from gankit_molecule.tokens import Alphabet


def quiet(what: str, done: int, total: int) -> None:
    pass


class CharacterRNN:
    """Trained on ``smiles`` with as many passes as the settings give the autoencoder."""

    def __init__(self, smiles: Sequence[str], settings: MoleculeSettings) -> None:
        self.settings = settings
        self.alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary)
        size = len(self.alphabet)
        self.written = Ragged(
            self.alphabet.encode(self.alphabet.notation.written(s)) for s in smiles
        )
        self.longest = int(self.written.lengths.max())
        encoder = Encoder(size, settings.latent, settings.width // 2)
        self.decoder = Decoder(size, settings.latent, 0, settings.width)
        told = torch.zeros(len(smiles), 0)
        with mock.patch.object(learning, "STRAY", 1.0):  # every latent that it hears is noise
            known = smiles, self.written, told, self.alphabet, settings
            learn(encoder, self.decoder, *known, quiet, Store(None), "")

    def write(self, seeds: Sequence[int], ruled: bool = True) -> tuple[Tensor, Tensor]:
        """What it heard, and tokens ``(N, T)`` drawn at temperature 1, as it was fitted; by the
        rules of SMILES or freely."""
        u = np.stack([uniform(seeds, k) for k in range(self.longest)], 1)
        z = torch.randn(len(seeds), self.settings.latent)
        rules = Grammar(self.alphabet.grammar(), len(seeds)) if ruled else None
        rows = self.decoder.write(z, torch.zeros(len(z), 0), torch.from_numpy(u), rules=rules)
        return z, rows

    def molecules(self, rows: Tensor) -> list[Molecule]:
        """Invalid ones with ``tries`` 0."""
        found = []
        for row in rows.tolist():
            text = self.alphabet.notation.read(self.alphabet.decode(row))
            smiles = standardise(text, self.settings) if text else None
            valid = isinstance(smiles, str)
            found.append(Molecule(smiles if isinstance(smiles, str) else text, tries=int(valid)))
        return found

    def samples(self, n: int) -> list[Sample[Molecule]]:
        """``n`` as they come, for the seeds from 0 on."""
        made: list[Sample[Molecule]] = []
        for start in range(0, n, 512):
            seeds = range(start, min(start + 512, n))
            items = self.molecules(self.write(seeds)[1])
            made += [Sample(item, seed, {}) for seed, item in zip(seeds, items, strict=True)]
        return made
