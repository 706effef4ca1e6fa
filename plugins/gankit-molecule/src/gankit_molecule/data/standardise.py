"""Standardised molecules as RDKit's canonical SMILES.

Stereochemistry, isotopes and atom maps are removed from the text before RDKit parses it, which is
faster than to remove them from the molecule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

if TYPE_CHECKING:
    from gankit_molecule.settings import MoleculeSettings

MAX_LENGTH = 5_000
"""Characters of a SMILES: RDKit's recursion crashes the process at some ten thousands."""
MAX_ATOMS = 2_000
"""Atoms of a mol block, likewise."""
TOKEN = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
"""An atom, bond, bracket or label of SMILES."""
KINDS = {
    "unread": "that cannot be read",
    "placeholder": "with a placeholder for an atom",
    "salt": "salts or mixtures",
    "inorganic": "without carbon",
    "large": "of too many atoms",
    "same": "duplicates",
}
"""Why entries are skipped, with the words for counting them."""
_MAX_ROUNDS = 4
_MAX_SHOWN = 60

_CHIRAL = re.compile(r"(\[\d*(?:[A-Z][a-z]?|[a-z]{1,2}))@(?:@|(?:TH|AL|SP|TB|OH)\d+)?")
_DIRECTED = re.compile(r"[/\\]")
_ISOTOPE = re.compile(r"\[(?:\d+|[DT](?=[\]+\-:]))")
_MAP = re.compile(r":\d+\]")
_CHARGED = re.compile(r"\[[^\]]*[+-]")
_CARBON = Chem.MolFromSmarts("[#6]")
# A charge whose neighbour has the opposite one, as in a nitro group, stays.
_NEUTRALISABLE = Chem.MolFromSmarts("[!+0;!$([+,+2,+3,+4]~[-,-2,-3]);!$([-,-2,-3]~[+,+2,+3,+4])]")


class UnusableError(Exception):
    """The reason to skip an entry; returned more often than raised.

    Args:
        kind: one of ``KINDS``.
        why: the reason, in words.
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why

    def __str__(self) -> str:
        return self.why


def standardise(text: str, settings: MoleculeSettings) -> str | UnusableError:
    """The canonical SMILES of a molecule, or the reason to skip it.

    Idempotent: a changed molecule is standardised again until it stays the same.

    Args:
        text: SMILES, or a mol block.
    """
    with rdBase.BlockLogs():
        try:
            return _standardise(text, settings)
        except UnusableError as error:
            return error
        except Exception as error:  # noqa: BLE001 - RDKit raises what it likes
            return UnusableError("unread", f"RDKit cannot standardise it: {_line(str(error))}")


def parsed(smiles: str) -> Chem.Mol | None:
    """RDKit's molecule of SMILES, without a word; None where what is written is none."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return mol if mol is not None and mol.GetNumAtoms() else None


def _standardise(text: str, settings: MoleculeSettings) -> str:
    text = _plain(_of_block(text) if "M  END" in text else text.strip(), settings)
    mol = _read(text)
    if "." in text or _CHARGED.search(text):
        mol = _one_neutral_part(mol, settings)
    if settings.inorganic == "drop" and not mol.HasSubstructMatch(_CARBON):
        raise UnusableError("inorganic", "without carbon")
    if (atoms := mol.GetNumHeavyAtoms()) > settings.most_atoms:
        raise UnusableError(
            "large", f"{atoms:,} heavy atoms: more than most_atoms={settings.most_atoms}"
        )
    smiles = str(Chem.MolToSmiles(mol))
    if "*" in smiles:
        raise UnusableError("placeholder", "a placeholder (*) for an atom")
    return smiles


def _plain(text: str, settings: MoleculeSettings) -> str:
    """The SMILES without stereochemistry, isotopes and atom maps, as the settings say."""
    if not text:
        raise UnusableError("unread", "no SMILES: empty")
    if len(text) > MAX_LENGTH:
        raise UnusableError("large", f"{len(text):,} characters: more than {MAX_LENGTH:,}")
    if not _is_one_word(text):
        raise _no_smiles(text)
    if settings.stereo == "remove":
        text = _DIRECTED.sub("-", _CHIRAL.sub(r"\1", text)) if "[" in text or "=" in text else text
    if "[" in text:
        text = _MAP.sub("]", text)
        if settings.isotopes == "remove":
            text = _ISOTOPE.sub(lambda m: "[" if m[0][1:].isdigit() else "[H", text)
    return text


def _one_neutral_part(mol: Chem.Mol, settings: MoleculeSettings) -> Chem.Mol:
    """The largest part, neutralised; repeated until nothing changes."""
    for _ in range(_MAX_ROUNDS):
        changed = False
        if settings.salts != "keep" and (parts := len(Chem.GetMolFrags(mol))) > 1:
            if settings.salts == "drop":
                raise UnusableError("salt", f"a salt or mixture of {parts} parts")
            # The organic part, though its counter-ion may be larger.
            mol = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(mol)
            changed = True
        if settings.charges == "neutralise" and mol.HasSubstructMatch(_NEUTRALISABLE):
            before = _charges(mol)
            mol = rdMolStandardize.Uncharger().uncharge(mol)
            changed = changed or _charges(mol) != before
        if not changed:
            break
        mol = _read(Chem.MolToSmiles(mol))
    return mol


def _charges(mol: Chem.Mol) -> list[int]:
    return [atom.GetFormalCharge() for atom in mol.GetAtoms()]


def _read(text: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise _no_smiles(text)
    if not mol.GetNumAtoms():
        raise UnusableError("unread", "no SMILES: no atoms")
    return mol


def _of_block(text: str) -> str:
    """The SMILES of a mol block."""
    mol = Chem.MolFromMolBlock(text)
    if mol is None:
        bare = Chem.MolFromMolBlock(text, sanitize=False, strictParsing=False)
        raise UnusableError("unread", f"no mol block that RDKit can read{_because(bare)}")
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise UnusableError("large", f"{mol.GetNumAtoms():,} atoms: more than {MAX_ATOMS:,}")
    return str(Chem.MolToSmiles(mol))


def _no_smiles(text: str) -> UnusableError:
    bare = Chem.MolFromSmiles(text, sanitize=False) if _is_one_word(text) else None
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return UnusableError("unread", f"no SMILES: {shown!r}{_because(bare)}")


def _is_one_word(text: str) -> bool:
    # After a space RDKit reads a name, or an extension of SMILES.
    return text.isascii() and text.isprintable() and " " not in text


def _because(bare: Chem.Mol | None) -> str:
    """RDKit's reason to reject a molecule."""
    found = Chem.DetectChemistryProblems(bare) if bare is not None else ()
    return f" ({_line(found[0].Message())})" if found else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
