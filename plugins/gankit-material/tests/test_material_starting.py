"""``gankit train DATA``: which data are materials."""

from __future__ import annotations

import pytest

from gankit.kit.looking import Head, look
from gankit_material.recognising import column_of_formulas, recognise

FORMULAS = ["SrTiO3", "NaCl", "Fe2O3", "CaF2", "Li2MnO4"]


@pytest.mark.parametrize(
    ("column", "cells", "there"),
    [
        ("formula", FORMULAS, True),
        ("material", ["Ca(OH)2", "K4[Fe(CN)6]", "CuSO4·5H2O"], True),
        ("x", FORMULAS, True),
        ("x", [*FORMULAS * 10, "unknown"], True),
        ("formula", ["C6H12O6", "C2H6O", "CH4"], False),  # molecules
        ("smiles", ["CCO", "CCN", "c1ccccc1"], False),
        ("smiles", ["[Na+].[Cl-]", "CC(=O)O", "BrCCBr"], False),
        ("code", ["B2", "C4", "N2"], False),
        ("code", ["K1", "K2", "U3"], False),
        ("name", ["Susan", "Robin", "Bo"], False),
        ("country", ["US", "CO", "NO", "FI"], False),
        ("answer", ["NO", "NO", "YES"], False),
        ("number", ["12", "13", "14"], False),
        ("formula", [], False),
    ],
)
def test_columns(column, cells, there):
    head = Head(["n", column], [["1", cell] for cell in cells], 3)
    assert column_of_formulas(head) == (column if there else None)


def test_files(tmp_path):
    (tmp_path / "a.txt").write_text("formula\n" + "\n".join(FORMULAS))
    (tmp_path / "b.csv").write_text(
        "id,formula\n" + "\n".join(f"{i},{f}" for i, f in enumerate(FORMULAS))
    )
    (tmp_path / "c.txt").write_text("the cat\nsat on\nthe mat\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.cif").touch()
    found = {name: recognise(look(tmp_path / name)) for name in ("a.txt", "b.csv", "c.txt", "d")}
    assert found["a.txt"].reason == "the lines of a.txt are formulas"
    assert found["b.csv"].confidence > 0.9
    assert found["b.csv"].items == 5
    assert found["c.txt"] is None
    assert found["d"].kind == "materials"


def test_a_table_of_formulas_is_trained_on_as_materials(gankit_here, tmp_path):
    rows = [
        f"{a}{n}{b}" for a in ("Na", "Ca", "Fe") for n in ("", "2") for b in ("O", "S", "F", "Cl")
    ]
    text = "\n".join(["formula,gap", *(f"{row},{i}.5" for i, row in enumerate(rows))])
    (tmp_path / "mine.csv").write_text(text)
    done = gankit_here("train", "mine.csv", "--dry-run", "units=8", "train.batch=16")
    assert done.returncode == 0, done.stderr
    assert "plugin:         material (" in done.stdout
    assert "24 materials" in done.stdout
