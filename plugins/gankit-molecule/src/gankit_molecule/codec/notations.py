"""Ways to write molecules down, and to read them."""

from __future__ import annotations

import re
from typing import Any

from rdkit import Chem, rdBase

from gankit.errors import GankitError
from gankit_molecule.data.standardise import TOKEN, parsed, standardise
from gankit_molecule.settings import MoleculeSettings


class Smiles:
    """As RDKit writes SMILES: aromatic atoms are small letters, with no bonds between them."""

    parts = TOKEN
    """An atom, bond, bracket or label."""
    kekule = False

    def written(self, smiles: str) -> str:
        """Canonical SMILES in this notation; empty where it cannot say that."""
        return smiles

    @classmethod
    def of(cls, mol: Chem.Mol, begin: int = -1) -> str:
        """A molecule's text, from an atom if one is named; in Kekulé form it stays in that."""
        if cls.kekule:
            Chem.Kekulize(mol)
        return str(Chem.MolToSmiles(mol, kekuleSmiles=cls.kekule, rootedAtAtom=begin))

    def ways(self, smiles: str, n: int) -> list[str]:
        """The molecule written from ``n`` atoms, in an order drawn from its own SMILES."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
            seed = sum(smiles.encode()) + len(smiles)
            return list(
                Chem.MolToRandomSmilesVect(mol, n, randomSeed=seed, kekuleSmiles=self.kekule)
            )

    def read(self, text: str) -> str:
        """What was written, as SMILES of any kind; empty where it says nothing."""
        return text


class Kekule(Smiles):
    """SMILES with every double bond written out. A slip in an aromatic ring, for which small
    letters have no meaning at all, is then another molecule.
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

    def ways(self, smiles: str, n: int) -> list[str]:
        return [self.written(text) for text in super().ways(smiles, n)]

    def read(self, text: str) -> str:
        sf = _selfies()
        try:
            return str(sf.decoder(text))
        except sf.DecoderError:
            return ""


NOTATIONS = {"kekule": Kekule, "smiles": Smiles, "selfies": Selfies}


def understood(text: str, notation: Smiles, settings: MoleculeSettings) -> str | None:
    """What was written, as SMILES of a standardised molecule; None where it is none that would be
    taken of the data. Of a few that RDKit reads it cannot read what it then writes: no molecules.
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
