"""Extractors: ChemNet, whose Fréchet distance is FCD, and fingerprints."""

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
"""Characters of the network's input with padding, as in published scores."""
BATCH_SIZE = 128
"""Molecules in a batch."""


@cache
def chemnet() -> nn.Module:
    """ChemNet (Preuer et al. 2018), with the weights in the package ``fcd``.

    Nothing is downloaded, and only tensors, texts and numbers are loaded from the file.
    """
    with (resources.files("fcd") / "ChemNet_v0.13_pretrained.pt").open("rb") as file:
        layers = torch.load(file, map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # building it draws random weights
        network: nn.Module = load_imported_model(layers)
    return network.eval().requires_grad_(False)


def canonical(smiles: str) -> str | None:
    """Canonical SMILES, on which ChemNet was trained; None for an invalid one."""
    mol = parsed(smiles)
    return None if mol is None else Chem.MolToSmiles(mol)


class _MoleculeExtractor(Extractor[Molecule]):
    """Features of valid molecules: FCD and the other distances are computed over these."""

    def accepts(self, item: Molecule) -> bool:
        return item.valid

    def features(self, items: Sequence[Molecule]) -> Values:
        """``(N, width)``; a row of NaN for an invalid molecule."""
        found = np.full((len(items), self.width), np.nan)
        prepared = [self.prepare(item.smiles) if item.valid else None for item in items]
        rows = [i for i, given in enumerate(prepared) if given is not None]
        if rows:
            found[rows] = self.compute([prepared[i] for i in rows])
        return found

    width: int

    @abstractmethod
    def prepare(self, smiles: str) -> Any:
        """The input of :meth:`compute` for one molecule; None for an invalid one."""

    @abstractmethod
    def compute(self, prepared: Sequence[Any]) -> Values:
        """``(N, width)`` of at least one molecule."""


class ChemNetExtractor(_MoleculeExtractor):
    """Activations of ChemNet's last hidden layer."""

    name = "chemnet"
    width = WIDTH
    aliases = {"frechet": "fcd"}  # noqa: RUF012 - read-only in the contract

    def __init__(self) -> None:
        self._network = chemnet()
        self.fingerprint = fingerprint_weights(self._network, f"chemnet {LENGTH}")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"

    def prepare(self, smiles: str) -> str | None:
        return canonical(smiles)

    def compute(self, prepared: Sequence[str]) -> Values:
        found = np.empty((len(prepared), WIDTH))
        # Padded to the longest of its batch, a molecule's features would depend on the others.
        lengths = np.array([max(LENGTH, len(text) + 1) for text in prepared])
        self._network.to(self._device)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for some in np.split(rows, range(BATCH_SIZE, len(rows), BATCH_SIZE)):
                hot = np.stack([get_one_hot(prepared[i], int(length)) for i in some])
                x = torch.from_numpy(hot / hot.shape[2]).transpose(1, 2).float()
                with torch.inference_mode():
                    found[some] = self._network(x.to(self._device)).double().cpu().numpy()
        return found


class FingerprintExtractor(_MoleculeExtractor):
    """Morgan fingerprints, one feature per bit."""

    name = "fingerprint"
    width = BITS
    fingerprint = f"morgan-{RADIUS}-{BITS}"

    def prepare(self, smiles: str) -> Bits | None:
        return fingerprint_of(smiles)

    def compute(self, prepared: Sequence[Bits]) -> Values:
        return unpacked(np.stack(prepared)).astype(np.float64)
