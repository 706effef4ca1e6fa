"""One SMILES a molecule, however it was written; and what is no molecule, said."""

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
def test_what_is_made_equal(text: str, expected: str) -> None:
    assert one(text) == expected


@pytest.mark.parametrize(
    ("how", "text", "expected"),
    [
        ({"salts": "keep"}, "[Na+].CC(=O)[O-]", "CC(=O)[O-].[Na+]"),
        ({"salts": "drop"}, "CC.O.O", "salt: a salt or mixture of 3 parts"),
        ({"charges": "keep"}, "CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        ({"stereo": "keep"}, "F/C=C/F", "F/C=C/F"),
        ({"stereo": "keep"}, "C[C@@H](F)Cl", "C[C@@H](F)Cl"),
        ({"isotopes": "keep"}, "[2H]C", "[2H]C"),
        ({"isotopes": "keep"}, "[13CH3:7][C@H](F)Cl", "[13CH3]C(F)Cl"),
        ({"inorganic": "keep"}, "O", "O"),
        ({}, "O", "inorganic: without carbon"),
        ({}, "[Na+].[Cl-]", "inorganic: without carbon"),
        ({"most_atoms": 3}, "CCCC", "large: 4 heavy atoms: more than most_atoms=3"),
        ({}, "*CC", "placeholder: a placeholder (*) for an atom"),
    ],
)  # fmt: skip
def test_what_the_settings_decide(how: dict[str, Any], text: str, expected: str) -> None:
    assert one(text, **how) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no SMILES: empty"),
        ("\0junk", "no SMILES: '\\x00junk'"),
        ("CÖ", "no SMILES: 'CÖ'"),
        ("CC ethane", "no SMILES: 'CC ethane'"),
        ("[Xx]C", "no SMILES: '[Xx]C'"),
        ("c1ccccc", "no SMILES: 'c1ccccc'"),
        ("C@C", "no SMILES: 'C@C'"),
        (
            "C(C)(C)(C)(C)C",
            "no SMILES: 'C(C)(C)(C)(C)C' (Explicit valence for atom # 0 C, 5, is greater than "
            "permitted)",
        ),
        ("c1cccc1", "no SMILES: 'c1cccc1' (Can't kekulize mol. Unkekulized atoms: 0 1 2 3 4)"),
        ("Q" * 200, f"no SMILES: '{'Q' * 60}…'"),
        ("\n\n\nnonsense\nM  END", "no mol block that RDKit can read"),
        ("\n\n\n  0  0\nM  END", "no SMILES: empty"),
    ],
)
def test_what_is_no_molecule(text: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert one(text) == f"unread: {why}"
    assert capfd.readouterr() == ("", "")  # RDKit's own words reach nobody


def test_what_would_end_the_process_is_left_out() -> None:
    for text in ("C" * 40_000, "C" + "(C" * 20_000 + ")" * 20_000, "(" * 50_000):
        found = standardise(text, KEEP_ALL)
        assert isinstance(found, UnusableError)
        assert found.why == f"{len(text):,} characters: more than {MAX_LENGTH:,}"
    assert one("C(" * 1_200 + "C" + ")" * 1_200).startswith("large: 1,201 heavy atoms")


def test_peptides_of_many_atoms_are_left_out() -> None:
    peptide = Chem.MolToSmiles(Chem.MolFromSequence("G" * 125))
    assert one(peptide) == "large: 501 heavy atoms: more than most_atoms=100"


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
            str(standardise(t, MoleculeSettings())) for t in (text, shuffled, kekulised)
        )
        assert set(others) == {first} or "no SMILES" in first


@given(st.sampled_from(KNOWN))
@settings(max_examples=150, deadline=None)
def test_the_text_loses_what_rdkit_would_remove(text: str) -> None:
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
    assert str(standardise(text, settings)) == str(expected)


@given(st.text("CNOPcnos()[]=#123.+-@/\\HFl%:* ", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_molecule_or_said_to_be_none(text: str) -> None:
    found = standardise(text, MoleculeSettings())
    if isinstance(found, str):
        assert standardise(found, MoleculeSettings()) == found
    else:
        assert found.why
