"""Features of molecules: ChemNet's, under which the Fréchet distance is FCD, and fingerprints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from fcd.utils import get_one_hot, load_imported_model
from rdkit import Chem
from torch import nn

from gankit.contract import Extractor
from gankit.metrics import fingerprint_weights
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.standardise import parsed
from gankit_molecule.evaluation.fingerprints import BITS, RADIUS, Bits, fingerprint_of, unpacked

Values = np.ndarray[Any, np.dtype[np.float64]]

WIDTH = 512
"""Units of ChemNet's last hidden layer."""
LENGTH = 350
"""Characters that the network reads, padding included; the scores of others depend on it."""
BATCH = 128
"""Molecules that go through the network at once."""


@cache
def chemnet() -> nn.Module:
    """ChemNet (Preuer et al. 2018), with the weights that the package ``fcd`` brings.

    Nothing is fetched, and of the file only tensors, texts and numbers are read.
    """
    with (resources.files("fcd") / "ChemNet_v0.13_pretrained.pt").open("rb") as file:
        layers = torch.load(file, map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # its layers are drawn before they are filled
        network: nn.Module = load_imported_model(layers)
    return network.eval().requires_grad_(False)


def canonical(smiles: str) -> str | None:
    """Canonical SMILES, as ChemNet was trained on; None where that is no molecule."""
    mol = parsed(smiles)
    return None if mol is None else Chem.MolToSmiles(mol)


class _OfMolecules(Extractor[Molecule]):
    """Features of what is a molecule: FCD, and the other distances, are over valid ones."""

    def accepts(self, item: Molecule) -> bool:
        return item.valid

    def features(self, items: Sequence[Molecule]) -> Values:
        """``(N, width)``; a row of NaN where there is no molecule after all."""
        found = np.full((len(items), self.width), np.nan)
        prepared = [self.prepare(item.smiles) if item.valid else None for item in items]
        rows = [i for i, given in enumerate(prepared) if given is not None]
        if rows:
            found[rows] = self.compute([prepared[i] for i in rows])
        return found

    width: int

    @abstractmethod
    def prepare(self, smiles: str) -> Any:
        """What :meth:`compute` needs of a molecule; None where there is none."""

    @abstractmethod
    def compute(self, prepared: Sequence[Any]) -> Values:
        """``(N, width)``, of at least one."""


class ChemNetExtractor(_OfMolecules):
    """Activations of ChemNet's last hidden layer."""

    name = "chemnet"
    width = WIDTH
    aliases = {"frechet": "fcd"}  # noqa: RUF012 - the contract's, and never written to

    def __init__(self) -> None:
        self._network = chemnet()
        self.fingerprint = fingerprint_weights(self._network, f"chemnet {LENGTH}")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"

    def prepare(self, smiles: str) -> str | None:
        return canonical(smiles)

    def compute(self, prepared: Sequence[str]) -> Values:
        found = np.empty((len(prepared), WIDTH))
        # Padded to the longest of its neighbours, a molecule would depend on them.
        lengths = np.array([max(LENGTH, len(text) + 1) for text in prepared])
        self._network.to(self._device)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for some in np.split(rows, range(BATCH, len(rows), BATCH)):
                hot = np.stack([get_one_hot(prepared[i], int(length)) for i in some])
                x = torch.from_numpy(hot / hot.shape[2]).transpose(1, 2).float()
                with torch.inference_mode():
                    found[some] = self._network(x.to(self._device)).double().cpu().numpy()
        return found


class FingerprintExtractor(_OfMolecules):
    """Morgan fingerprints as zeros and ones."""

    name = "fingerprint"
    width = BITS
    fingerprint = f"morgan-{RADIUS}-{BITS}"

    def prepare(self, smiles: str) -> Bits | None:
        return fingerprint_of(smiles)

    def compute(self, prepared: Sequence[Bits]) -> Values:
        return unpacked(np.stack(prepared)).astype(np.float64)
