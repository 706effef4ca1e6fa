"""Standardised molecules as RDKit's canonical SMILES.

Stereochemistry, isotopes and atom maps are removed from the text before RDKit parses it, which is
faster than to remove them from the molecule.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from gankit_molecule.data.looks import is_selfies, is_smarts, looks_like
from gankit_molecule.data.salts import INORGANIC, is_complex, metal_of, molecule_of

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
    "complex": "metal complexes",
    "split": "of other splits",
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
_STEREO = re.compile(r"[@/\\]")
EXTENSION = re.compile(r"(\S+)\s+\|.*\|(?:\s.*)?", re.DOTALL)
"""SMILES with a CXSMILES extension, and a name after it."""
_PROBLEMS = {
    "AtomValenceException": "an atom has more bonds than its valence permits",
    "AtomKekulizeException": "an aromatic atom outside a ring",
    "KekulizeException": "an aromatic ring that has no Kekulé structure",
}
_IONS_ONLY = "without an organic part: only inorganic ions, water or carbonate"
_CARBON = Chem.MolFromSmarts("[#6]")
# A charge whose neighbour has the opposite one, as in a nitro group, stays.
_NEUTRALISABLE = Chem.MolFromSmarts("[!+0;!$([+,+2,+3,+4]~[-,-2,-3]);!$([-,-2,-3]~[+,+2,+3,+4])]")


class UnusableError(Exception):
    """The reason to skip an entry; returned more often than raised.

    Args:
        kind: one of ``KINDS``.
        why: the reason, worded alike for all that are skipped for it.
        shown: the entry's own text, quoted and cut, with what is particular about it.
    """

    def __init__(self, kind: str, why: str, shown: str = "") -> None:
        super().__init__(kind, why, shown)
        self.kind, self.why, self.shown = kind, why, shown

    def __str__(self) -> str:
        return f"{self.shown}: {self.why}" if self.shown else self.why


class Done(enum.IntFlag):
    """What standardising changed."""

    SALT = 1
    MIXTURE = 2
    CHARGE = 4
    STEREO_REMOVED = 8
    STEREO_KEPT = 16
    ISOTOPE = 32
    ATOM_MAP = 64
    INCHI = 128
    EXTENSION = 256


def standardise(text: str, settings: MoleculeSettings) -> str | UnusableError:
    """The canonical SMILES of a molecule, or the reason to skip it.

    Idempotent: a changed molecule is standardised again until it stays the same.

    Args:
        text: SMILES, an InChI, or a mol block.
    """
    found = standardised(text, settings)
    return found if isinstance(found, UnusableError) else found[0]


def standardised(text: str, settings: MoleculeSettings) -> tuple[str, int] | UnusableError:
    """The same, and flags of :class:`Done`."""
    with rdBase.BlockLogs():
        try:
            return _standardise(text, settings)
        except UnusableError as error:
            return UnusableError(error.kind, error.why, error.shown or _quoted(text))
        except Exception as error:  # noqa: BLE001 - RDKit may raise anything
            shown = f"{_quoted(text)}: {_line(str(error))}".removeprefix(": ")
            return UnusableError("unread", "RDKit cannot standardise it", shown)


def parsed(smiles: str) -> Chem.Mol | None:
    """Parses SMILES without log messages; None for invalid ones."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return mol if mol is not None and mol.GetNumAtoms() else None


def _standardise(text: str, settings: MoleculeSettings) -> tuple[str, int]:
    block = "M  END" in text
    text, done = (_of_block(text), 0) if block else _smiles_in(text.strip())
    plain, changed = _plain(text, settings)
    mol, done = _read(plain), done | changed
    if "." in plain or _CHARGED.search(plain):
        mol, changed = _one_neutral_part(mol, settings)
        done |= changed
    if settings.inorganic == "drop" and not mol.HasSubstructMatch(_CARBON):
        raise UnusableError("inorganic", "without carbon")
    if (atoms := mol.GetNumHeavyAtoms()) > settings.most_atoms:
        why = f"too large: more than most_atoms={settings.most_atoms} heavy atoms"
        raise UnusableError("large", why, f"{atoms:,} heavy atoms")
    smiles = str(Chem.MolToSmiles(mol))
    if "*" in smiles:
        raise UnusableError("placeholder", "a placeholder (*) for an atom, as in a polymer")
    if settings.stereo == "keep" and _STEREO.search(smiles):
        done |= Done.STEREO_KEPT
    return smiles, int(done)


def _smiles_in(text: str) -> tuple[str, int]:
    """The SMILES of an InChI; SMILES without their CXSMILES extension."""
    if text.startswith("InChI=") and len(text) <= MAX_LENGTH:
        mol = Chem.MolFromInchi(text)
        if mol is None:
            raise UnusableError("unread", looks_like(text))
        return str(Chem.MolToSmiles(mol)), Done.INCHI
    if "|" in text and (extended := EXTENSION.fullmatch(text)):
        return extended[1], Done.EXTENSION
    if ("~" in text or "[#" in text) and is_smarts(text):
        raise UnusableError("unread", looks_like(text))
    if text.startswith("[") and is_selfies(text):
        why = "not SMILES: looks like SELFIES; convert them with the package selfies"
        raise UnusableError("unread", why)
    return text, 0


def _plain(text: str, settings: MoleculeSettings) -> tuple[str, int]:
    """The SMILES without stereochemistry, isotopes and atom maps, as the settings say."""
    if not text:
        raise UnusableError("unread", looks_like(text))
    if len(text) > MAX_LENGTH:
        why = f"too large: more than {MAX_LENGTH:,} characters"
        raise UnusableError("large", why, f"{len(text):,} characters")
    if not _is_one_word(text):
        raise _no_smiles(text)
    done = 0
    if settings.stereo == "remove" and ("[" in text or "=" in text):
        bare = _DIRECTED.sub("-", _CHIRAL.sub(r"\1", text))
        if bare != text:
            text, done = bare, done | Done.STEREO_REMOVED
    if "[" in text:
        if ":" in text and (bare := _MAP.sub("]", text)) != text:
            text, done = bare, done | Done.ATOM_MAP
        if settings.isotopes == "remove":
            bare = _ISOTOPE.sub(lambda m: "[" if m[0][1:].isdigit() else "[H", text)
            if bare != text:
                text, done = bare, done | Done.ISOTOPE
    return text, done


def _one_neutral_part(mol: Chem.Mol, settings: MoleculeSettings) -> tuple[Chem.Mol, int]:
    """The part that is the molecule, neutralised; repeated until nothing changes."""
    done = 0
    for _ in range(_MAX_ROUNDS):
        changed = False
        if settings.salts != "keep" and len(parts := Chem.GetMolFrags(mol, asMols=True)) > 1:
            if settings.salts == "drop":
                raise UnusableError("salt", "a salt or mixture of several parts (salts=drop)")
            if is_complex(parts):
                raise UnusableError("complex", "a metal complex or organometallic compound")
            mol, kind, mixed = molecule_of(parts)
            if kind == INORGANIC and settings.inorganic == "drop":
                raise UnusableError("inorganic", _IONS_ONLY)
            done |= Done.MIXTURE if mixed else Done.SALT
            changed = True
        if settings.charges == "neutralise" and mol.HasSubstructMatch(_NEUTRALISABLE):
            before = _charges(mol)
            mol = rdMolStandardize.Uncharger().uncharge(mol)
            if _charges(mol) != before:
                done, changed = done | Done.CHARGE, True
        if not changed:
            break
        mol = _read(Chem.MolToSmiles(mol))
    return mol, done


def _charges(mol: Chem.Mol) -> list[int]:
    return [atom.GetFormalCharge() for atom in mol.GetAtoms()]


def _read(text: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise _no_smiles(text)
    if not mol.GetNumAtoms():
        raise UnusableError("unread", "not SMILES: no atoms")
    return mol


def _of_block(text: str) -> str:
    """The SMILES of a mol block."""
    mol = Chem.MolFromMolBlock(text)
    if mol is None:
        bare = Chem.MolFromMolBlock(text, sanitize=False, strictParsing=False)
        why, shown = _because(bare) or ("", "")
        raise UnusableError("unread", why or "not a mol block that RDKit can read", shown)
    if mol.GetNumAtoms() > MAX_ATOMS:
        shown = f"{mol.GetNumAtoms():,} atoms"
        raise UnusableError("large", f"too large: more than {MAX_ATOMS:,} atoms", shown)
    return str(Chem.MolToSmiles(mol))


def _no_smiles(text: str) -> UnusableError:
    bare = Chem.MolFromSmiles(text, sanitize=False) if _is_one_word(text) else None
    if found := _because(bare):
        why, message = found
        return UnusableError("unread", f"not SMILES: {why}", f"{_quoted(text)}: {message}")
    return UnusableError("unread", looks_like(text))


def _is_one_word(text: str) -> bool:
    # After a space RDKit reads a name, or an extension of SMILES.
    return text.isascii() and text.isprintable() and " " not in text


def _because(bare: Chem.Mol | None) -> tuple[str, str] | None:
    """Why RDKit rejects a molecule: in words alike for all such, and its own message."""
    found = Chem.DetectChemistryProblems(bare) if bare is not None else ()
    if not found:
        return None
    kind, message = found[0].GetType(), _line(found[0].Message())
    if metal_of(bare):
        return "an organometallic compound, with bonds that RDKit does not accept", message
    return _PROBLEMS.get(kind, "RDKit does not accept it"), message


def _quoted(text: str) -> str:
    """An entry's own text; empty for none, and for a mol block."""
    if not text or "M  END" in text:
        return ""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
