"""Notations of molecules: SMILES, Kekulé SMILES, SELFIES."""

from __future__ import annotations

import re
from typing import Any

from rdkit import Chem, rdBase

from gankit.errors import GankitError
from gankit_molecule.data.standardise import TOKEN, parsed, standardise
from gankit_molecule.settings import MoleculeSettings


class Smiles:
    """SMILES as RDKit writes them: aromatic atoms are lower-case letters."""

    parts = TOKEN
    """An atom, bond, bracket or label."""
    kekule = False

    def written(self, smiles: str) -> str:
        """Canonical SMILES in this notation; empty where it cannot express them."""
        return smiles

    @classmethod
    def of(cls, mol: Chem.Mol, begin: int = -1) -> str:
        """A molecule's text, beginning at an atom if one is given. Kekulé form changes the molecule
        in place."""
        if cls.kekule:
            Chem.Kekulize(mol)
        return str(Chem.MolToSmiles(mol, kekuleSmiles=cls.kekule, rootedAtAtom=begin))

    def randomised(self, smiles: str, n: int) -> list[str]:
        """``n`` randomised SMILES (Arús-Pous et al. 2019), seeded by the molecule's own SMILES."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
            seed = sum(smiles.encode()) + len(smiles)
            return list(
                Chem.MolToRandomSmilesVect(mol, n, randomSeed=seed, kekuleSmiles=self.kekule)
            )

    def read(self, text: str) -> str:
        """A text as SMILES of any kind; empty where it cannot be read."""
        return text


class Kekule(Smiles):
    """SMILES with all double bonds. A wrong token in an aromatic ring then gives another molecule,
    where lower-case letters would be invalid.
    """

    kekule = True

    def written(self, smiles: str) -> str:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
            return smiles if mol is None else self.of(mol)


class Selfies(Smiles):
    """Every text is a molecule (Krenn et al. 2020).

    Raises:
        GankitError: the package selfies is not installed.
    """

    parts = re.compile(r"\[[^\]]*\]|.", re.DOTALL)

    def __init__(self) -> None:
        _selfies()

    def written(self, smiles: str) -> str:
        sf = _selfies()
        try:
            return str(sf.encoder(smiles))
        except sf.EncoderError:
            return ""

    def randomised(self, smiles: str, n: int) -> list[str]:
        return [self.written(text) for text in super().randomised(smiles, n)]

    def read(self, text: str) -> str:
        sf = _selfies()
        try:
            return str(sf.decoder(text))
        except sf.DecoderError:
            return ""


NOTATIONS = {"kekule": Kekule, "smiles": Smiles, "selfies": Selfies}


def understood(text: str, notation: Smiles, settings: MoleculeSettings) -> str | None:
    """A decoder's text as standardised SMILES; None where reading would skip it. RDKit cannot parse
    the SMILES that it writes for a few molecules: those count as invalid.
    """
    smiles = standardise(notation.read(text), settings) if text else None
    return smiles if isinstance(smiles, str) and parsed(smiles) is not None else None


def _selfies() -> Any:
    try:
        import selfies
    except ImportError:
        raise GankitError(
            "notation=selfies: the package selfies is not installed",
            "pip install 'gankit-molecule[selfies]', or set notation=kekule",
        ) from None
    return selfies
