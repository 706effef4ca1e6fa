"""Molecules as SMILES and as a data frame."""

from __future__ import annotations

from gankit_molecule.data.molecules import Molecule
from gankit_molecule.output.conversion import convert

ITEMS = [Molecule("CCO", {"activity": 3.0}), Molecule("C1CC", tries=0)]


def test_smiles():
    assert convert(ITEMS, "numpy").tolist() == ["CCO", "C1CC"]


def test_a_frame_says_what_is_valid():
    frame = convert(ITEMS, "dataframe")
    assert frame.columns.tolist() == ["smiles", "valid", "activity"]
    assert frame["valid"].tolist() == [True, False]
    scored = convert([Molecule("CCO", score=0.5)], "dataframe")
    assert scored["score"].tolist() == [0.5]
