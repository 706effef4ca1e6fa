"""A scaffold that all molecules keep, and where it may be substituted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rdkit import Chem, rdBase
from rdkit.Chem import rdqueries

from gankit.errors import GankitError
from gankit_molecule.codec.grammar import Way
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.data.standardise import MAX_LENGTH, TOKEN, UnusableError, parsed, standardise
from gankit_molecule.settings import MoleculeSettings

_MAX_SHOWN = 60
_WITH_HYDROGEN = re.compile(r"\[([A-Z][a-z]?|[a-z]{1,2})H(\d?)([+-]\d?)?\]")
_AROMATIC = {"b", "c", "n", "o", "p", "s"}
"""Atoms that need no brackets where they have no hydrogen of their own."""


class Scaffold:
    """The core in the setting ``scaffold``, standardised like the molecules.

    Args:
        settings: with a scaffold.

    Raises:
        GankitError: it is no molecule, has several parts, or is changed by standardisation; or
            decoding in the notation cannot be constrained to it.
    """

    def __init__(self, settings: MoleculeSettings) -> None:
        text = settings.scaffold.strip()
        self._shown = f"scaffold={text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '…'}"
        if settings.notation == "selfies":
            raise self._wrong(
                f"not with notation={settings.notation}, in which a core's text has no clear end",
                "Leave scaffold out, or train with notation=kekule",
            )
        one_word = text.isascii() and " " not in text and len(text) <= MAX_LENGTH
        marked = parsed(text) if one_word else None
        if marked is None:
            raise self._wrong("not the SMILES of a molecule", "Write one, such as c1ccc2[nH]ccc2c1")
        if len(Chem.GetMolFrags(marked)) > 1:
            raise self._wrong("several parts", "Write one core, without a dot")
        core, room = self._unmarked(marked)
        self._core, self._room = self._standard(core, room, settings)
        self._query = _query(self._core, self._room)
        self._chiral = settings.stereo == "keep"

    def ways(self, alphabet: Alphabet) -> list[Way]:
        """Ways to write the core, one from each atom, in tokens of the alphabet.

        Raises:
            GankitError: the alphabet lacks what the core needs.
        """
        texts: dict[str, list[int]] = {}
        for atom in range(self._core.GetNumAtoms()):
            # The decoder was trained on RDKit's order: with texts in random order, fewer molecules
            # are valid, and they are less diverse.
            core = Chem.Mol(self._core)
            text = alphabet.notation.of(core, atom)
            texts[text] = [self._room[i] for i in _written(core)]
        ways, lacking = list[Way](), ""
        for text, room in texts.items():
            way = Way(text, *_replaced(text, room, alphabet))
            lacks = way.lacks(alphabet.single)
            if not lacks:
                ways.append(way)
            lacking = lacking or lacks
        if not ways:
            raise self._wrong(
                f"the training molecules have no {lacking}, so it cannot be written",
                "Name a core without it, or train on molecules that have it",
            )
        return ways

    def held_by(self, smiles: str) -> bool:
        """Whether a molecule has the core and substituents, only where these are allowed."""
        mol = parsed(smiles)
        if mol is None or (any(self._room) and mol.GetNumAtoms() <= self._core.GetNumAtoms()):
            return False
        return bool(mol.HasSubstructMatch(self._query, useChirality=self._chiral))

    def _unmarked(self, marked: Chem.Mol) -> tuple[Chem.Mol, list[int]]:
        """The core without marks, and how many hydrogens of each atom may be replaced: all where
        nothing is marked.
        """
        mol, room = Chem.RWMol(marked), [0] * marked.GetNumAtoms()
        stars = [atom for atom in mol.GetAtoms() if not atom.GetAtomicNum()]
        for star in stars:
            bonds = star.GetBonds()
            place = bonds[0].GetOtherAtom(star) if len(bonds) == 1 else star
            if not place.GetAtomicNum() or bonds[0].GetBondType() != Chem.BondType.SINGLE:
                raise self._wrong(
                    "a * marks a place at the end of a single bond",
                    "Write it as in c1cc(*)ccc1, more than once for more than one substituent",
                )
            room[place.GetIdx()] += 1
        for star in stars:
            star.SetAtomicNum(1)
            star.SetIsotope(0)
            star.SetAtomMapNum(0)
        for atom in mol.GetAtoms():
            atom.SetIntProp("room", room[atom.GetIdx()])
        with rdBase.BlockLogs():
            core = Chem.RemoveHs(mol)
        if stars:
            return core, [atom.GetIntProp("room") for atom in core.GetAtoms()]
        return core, [atom.GetTotalNumHs() for atom in core.GetAtoms()]

    def _standard(
        self, core: Chem.Mol, room: Sequence[int], settings: MoleculeSettings
    ) -> tuple[Chem.Mol, list[int]]:
        """The core standardised; one without carbon may be part of an organic molecule."""
        for atom in core.GetAtoms():
            atom.SetAtomMapNum(0)
            if settings.isotopes == "remove":
                atom.SetIsotope(0)
        if settings.stereo == "remove":
            Chem.RemoveStereochemistry(core)
        smiles = Chem.MolToSmiles(core)
        found, again = standardise(smiles, replace(settings, inorganic="keep")), parsed(smiles)
        if isinstance(found, UnusableError) or again is None:
            raise self._wrong(str(found), "Write a core that could be a molecule")
        order = _written(core)
        if found != Chem.MolToSmiles(again):
            raise self._wrong(f"standardised, it is {found}", "Write it like that")
        return again, [room[i] for i in order]

    def _wrong(self, what: str, hint: str) -> GankitError:
        return GankitError(f"{self._shown}: {what}", hint)


def _written(mol: Chem.Mol) -> list[int]:
    """Its atoms in the order in which RDKit wrote them last."""
    return [int(i) for i in mol.GetProp("_smilesAtomOutputOrder").strip("[],").split(",")]


def _replaced(text: str, room: Sequence[int], alphabet: Alphabet) -> tuple[list[int], list[str]]:
    """For each atom in a text, how many of its hydrogens may be replaced, and how it is written
    with one less where that differs.
    """
    atoms = [part for part in TOKEN.findall(text) if part[0] == "[" or part.isalpha()]
    left, other = list(room), [""] * len(room)
    for i, part in enumerate(atoms):
        if part[0] == "[" and room[i]:
            found = _WITH_HYDROGEN.fullmatch(part)
            if found is not None:
                symbol, count, charge = found[1], int(found[2] or 1) - 1, found[3] or ""
                hydrogens = "" if not count else "H" if count == 1 else f"H{count}"
                bare = symbol in _AROMATIC and not hydrogens and not charge
                other[i] = symbol if bare else f"[{symbol}{hydrogens}{charge}]"
            if other[i] not in alphabet.single:
                left[i], other[i] = 0, ""
    return left, other


def _query(core: Chem.Mol, room: Sequence[int]) -> Chem.Mol:
    """A query that matches molecules whose core is substituted only where there is room."""
    query = Chem.RWMol(core)
    for atom, more in zip(core.GetAtoms(), room, strict=True):
        own = rdqueries.ReplaceAtomWithQueryAtom(query, query.GetAtomWithIdx(atom.GetIdx()))
        own.ExpandQuery(rdqueries.ExplicitDegreeLessQueryAtom(atom.GetDegree() + more + 1))
        own.ExpandQuery(rdqueries.HCountGreaterQueryAtom(atom.GetTotalNumHs() - more - 1))
    return query.GetMol()
