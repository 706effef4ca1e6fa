"""One SMILES per molecule, and reasons to skip entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from gankit_molecule.data.locations import NCI
from gankit_molecule.data.standardise import MAX_LENGTH, UnusableError, standardise
from gankit_molecule.settings import MoleculeSettings

KNOWN = [line.split()[0] for line in NCI.read_text().splitlines()]
KEEP_ALL = MoleculeSettings(
    salts="keep", charges="keep", stereo="keep", isotopes="keep", inorganic="keep"
)


def one(text: str, **how: Any) -> str:
    found = standardise(text, replace(MoleculeSettings(), **how))
    return found if isinstance(found, str) else f"{found.kind}: {found}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OCC", "CCO"),
        (" C(C)O \n", "CCO"),
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("[CH3:1][OH:2]", "CO"),
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("CC[NH3+].F[P-](F)(F)(F)(F)F", "CCN"),
        ("C1.C1", "CC"),
        ("CN(=O)=O", "C[N+](=O)[O-]"),
        ("C[N+](C)(C)C", "C[N+](C)(C)C"),
        ("[NH3+]CC(=O)[O-]", "NCC(=O)O"),
        ("N[C@@H](C)C(=O)O", "CC(N)C(=O)O"),
        ("F/C=C/F", "FC=CF"),
        ("F\\C=C\\1CCC1", "FC=C1CCC1"),
        ("[H]/N=C/C", "CC=N"),
        ("[2H]C([2H])O[13CH3]", "COC"),
        ("[D]OC", "CO"),
        ("C[13C@H](F)Cl", "CC(F)Cl"),
    ],
)
def test_equal_molecules_have_one_smiles(text: str, expected: str) -> None:
    assert one(text) == expected


@pytest.mark.parametrize(
    ("how", "text", "expected"),
    [
        ({"salts": "keep"}, "[Na+].CC(=O)[O-]", "CC(=O)[O-].[Na+]"),
        (
            {"salts": "drop"},
            "CC.O.O",
            "salt: 'CC.O.O': a salt or mixture of several parts (salts=drop)",
        ),
        ({"charges": "keep"}, "CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        ({"stereo": "keep"}, "F/C=C/F", "F/C=C/F"),
        ({"stereo": "keep"}, "C[C@@H](F)Cl", "C[C@@H](F)Cl"),
        ({"isotopes": "keep"}, "[2H]C", "[2H]C"),
        ({"isotopes": "keep"}, "[13CH3:7][C@H](F)Cl", "[13CH3]C(F)Cl"),
        ({"inorganic": "keep"}, "O", "O"),
        ({}, "O", "inorganic: 'O': without carbon"),
        (
            {"most_atoms": 3},
            "CCCC",
            "large: 4 heavy atoms: too large: more than most_atoms=3 heavy atoms",
        ),
        ({}, "*CC", "placeholder: '*CC': a placeholder (*) for an atom, as in a polymer"),
    ],
)  # fmt: skip
def test_settings_change_the_standard_form(how: dict[str, Any], text: str, expected: str) -> None:
    assert one(text, **how) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not SMILES: empty"),
        ("\0junk", "'\\x00junk': not SMILES: it has characters that SMILES do not have"),
        ("CÖ", "'CÖ': not SMILES: it has characters that SMILES do not have"),
        ("CC ethane", "'CC ethane': not SMILES: looks like a name"),
        ("[Xx]C", "'[Xx]C': not SMILES: RDKit cannot parse it"),
        ("c1ccccc", "'c1ccccc': not SMILES: a ring is not closed"),
        ("C@C", "'C@C': not SMILES: RDKit cannot parse it"),
        (
            "C(C)(C)(C)(C)C",
            "'C(C)(C)(C)(C)C': Explicit valence for atom # 0 C, 5, is greater than permitted: "
            "not SMILES: an atom has more bonds than its valence permits",
        ),
        (
            "c1cccc1",
            "'c1cccc1': Can't kekulize mol. Unkekulized atoms: 0 1 2 3 4: "
            "not SMILES: an aromatic ring that has no Kekulé structure",
        ),
        ("X" * 200, f"'{'X' * 60}…': not SMILES: looks like a name"),
        ("\n\n\nnonsense\nM  END", "not a mol block that RDKit can read"),
        ("\n\n\n  0  0\nM  END", "not SMILES: empty"),
    ],
)
def test_entries_that_are_skipped(text: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert one(text) == f"unread: {why}"
    assert capfd.readouterr() == ("", "")  # RDKit's own words reach nobody


def test_texts_that_would_crash_rdkit_are_skipped() -> None:
    for text in ("C" * 40_000, "C" + "(C" * 20_000 + ")" * 20_000, "(" * 50_000):
        found = standardise(text, KEEP_ALL)
        assert isinstance(found, UnusableError)
        assert found.shown == f"{len(text):,} characters"
        assert found.why == f"too large: more than {MAX_LENGTH:,} characters"
    assert one("C(" * 1_200 + "C" + ")" * 1_200).startswith("large: 1,201 heavy atoms")


def test_peptides_of_many_atoms_are_skipped() -> None:
    peptide = Chem.MolToSmiles(Chem.MolFromSequence("G" * 125))
    assert one(peptide).startswith("large: 501 heavy atoms: ")


def test_mol_blocks_are_molecules() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("C[C@@H](F)Cl"))
    assert one(block) == "CC(F)Cl"
    assert one(block, stereo="keep") == "C[C@@H](F)Cl"
    assert one(block.replace("\n", "\r\n")) == "CC(F)Cl"


@given(st.sampled_from(KNOWN), st.sampled_from([MoleculeSettings(), KEEP_ALL]))
@settings(max_examples=150, deadline=None)
def test_doing_it_again_changes_nothing(text: str, how: MoleculeSettings) -> None:
    found = standardise(text, how)
    if isinstance(found, str):
        assert standardise(found, how) == found


@given(st.sampled_from(KNOWN))
@settings(max_examples=150, deadline=None)
def test_how_it_was_written_does_not_matter(text: str) -> None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    if mol is not None:
        shuffled = Chem.MolToSmiles(mol, doRandom=True)
        kekulised = Chem.MolToSmiles(mol, kekuleSmiles=True)
        first, *others = (
            getattr(found, "why", found)
            for found in (standardise(t, MoleculeSettings()) for t in (text, shuffled, kekulised))
        )
        assert set(others) == {first} or "not SMILES" in first


@given(st.sampled_from(KNOWN))
@settings(max_examples=150, deadline=None)
def test_the_text_is_stripped_as_rdkit_would_do_it(text: str) -> None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            return
        Chem.RemoveStereochemistry(mol)
        for atom in mol.GetAtoms():
            atom.SetIsotope(0)
        bare = Chem.MolToSmiles(Chem.RemoveHs(mol))
    settings = replace(KEEP_ALL, stereo="remove", isotopes="remove", most_atoms=10**6)
    expected = standardise(bare, settings)
    found = standardise(text, settings)
    assert getattr(found, "why", found) == getattr(expected, "why", expected)


@given(st.text("CNOPcnos()[]=#123.+-@/\\HFl%:* ", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_molecule_or_skipped_with_a_reason(text: str) -> None:
    found = standardise(text, MoleculeSettings())
    if isinstance(found, str):
        assert standardise(found, MoleculeSettings()) == found
    else:
        assert found.why
