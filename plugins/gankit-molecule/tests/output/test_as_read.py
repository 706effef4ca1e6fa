"""Real molecules leave as they were read: text for text, cell for cell, block for block."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rdkit import Chem

from gankit.contract import Provenance, Sample
from gankit_molecule.data import sources
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.output import formats as output
from gankit_molecule.settings import MoleculeSettings

PROVENANCE = Provenance("gankit 0.1", "molecule-001", "2030-01-02T03:04:05Z", "type")
TABLE = (
    "chembl_id,SMILES,pIC50,batch,flag,note,empty\n"
    'C-1,C[C@H](N)C(=O)O,6.50,00501,FALSE,"a, b",\n'
    "C-2,CC(=O)[O-].[Na+],NA,00502,TRUE, spaced ,\n"
    'C-3,OCC,1e-3,12345678901234567890,,"two\nlines",\n'
)


def passed_through(source: object, target: Path, format: str, generated: int = 2) -> Path:
    """What augment writes: all molecules of a source, then generated ones."""
    settings = replace(MoleculeSettings(cache="none", workers=1))
    items = sources.read(source, settings, lambda *_: None).items
    real = [Sample(item, -1, {}, real=True) for item in items]
    made = [Sample(Molecule("CCCl"), i, {"pIC50": 5.25}) for i in range(generated)]
    output.write(iter([*real, *made]), target, PROVENANCE, format)
    (file,) = target.iterdir()
    return file


def rows_of(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def test_a_table_keeps_its_columns_and_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    rows = rows_of(passed_through(tmp_path / "a.csv", tmp_path / "out", "csv"))
    wanted = list(csv.reader(io.StringIO(TABLE, newline="")))
    assert [row[:7] for row in rows[:4]] == wanted
    made = dict(zip(rows[0], rows[4], strict=True))
    assert made["SMILES"] == "CCCl"
    assert made["chembl_id"].startswith("generated-")
    assert made["pIC50"] == "5.25"
    assert [row[rows[0].index("generated")] for row in rows[1:]] == ["false"] * 3 + ["true"] * 2


def test_columns_named_like_ours_keep_their_cells(tmp_path: Path) -> None:
    text = "smiles,name,qed,generated,seed\nCCO,a,0.50,False,\nCCN,b,0.6,True,0007\n"
    (tmp_path / "a.csv").write_text(text)
    rows = rows_of(passed_through(tmp_path / "a.csv", tmp_path / "out", "csv", 1))
    assert [row[:5] for row in rows[:3]] == list(csv.reader(io.StringIO(text)))
    made = dict(zip(rows[0], rows[3], strict=True))
    assert (made["generated"], made["seed"], made["qed"]) == ("true", "0", "")
    assert float(made["qed_computed"]) > 0
    again = passed_through(tmp_path / "a.csv", tmp_path / "parquet", "parquet", 1)
    assert pq.read_table(again).column("generated").to_pylist() == [False, True, True]


@pytest.mark.parametrize("format", ["smi", "csv", "sdf", "parquet"])
def test_lines_keep_their_text(tmp_path: Path, format: str) -> None:
    lines = ["C[C@H](N)C(=O)O L-alanine", "CC(=O)[O-].[Na+] sodium acetate", "OCC |$;;x$| c 3"]
    (tmp_path / "a.smi").write_text("\n".join(lines) + "\n")
    file = passed_through(tmp_path / "a.smi", tmp_path / "out", format)
    if format == "smi":
        assert file.read_text().splitlines()[2:5] == lines
        return
    texts = ["C[C@H](N)C(=O)O", "CC(=O)[O-].[Na+]", "OCC |$;;x$|"]
    if format == "csv":
        assert [row[0] for row in rows_of(file)[1:4]] == texts
    elif format == "parquet":
        assert pq.read_table(file).column("smiles").to_pylist()[:3] == texts
    else:
        mols = list(Chem.SDMolSupplier(str(file)))
        assert [mol.GetProp("smiles") for mol in mols[:3]] == texts
        assert Chem.MolToSmiles(mols[0]) == "C[C@H](N)C(=O)O"
        assert "." in Chem.MolToSmiles(mols[1])


@pytest.mark.parametrize("format", ["sdf", "sdf3d"])
def test_mol_blocks_and_fields_stay(tmp_path: Path, format: str) -> None:
    records = []
    for i, smiles in enumerate(["C[C@H](F)Cl", "CC(=O)[O-].[Na+]"]):
        mol = Chem.MolFromSmiles(smiles)
        mol.SetProp("_Name", f"title {i}")
        block = Chem.MolToMolBlock(mol, forceV3000=bool(i))
        records.append(f"{block}>  <ID>\n00{i}\n\n>  <note>\ntwo\nlines {i}\n\n")
    (tmp_path / "a.sdf").write_text("$$$$\n".join(records) + "$$$$\n")
    file = passed_through(tmp_path / "a.sdf", tmp_path / "out", format)
    found = file.read_text().split("$$$$\n")
    assert all(have.startswith(text) for have, text in zip(found, records, strict=False))
    mols = list(Chem.SDMolSupplier(str(file)))
    assert [mol.GetProp("generated") for mol in mols] == ["false"] * 2 + ["true"] * 2


def test_stereochemistry_of_blocks_is_in_tables(tmp_path: Path) -> None:
    mol = Chem.MolFromSmiles("C[C@H](F)Cl")
    (tmp_path / "a.sdf").write_text(
        f"{Chem.MolToMolBlock(mol)}$$$$\n{Chem.MolToMolBlock(Chem.MolFromSmiles('CC'))}$$$$\n"
    )
    rows = rows_of(passed_through(tmp_path / "a.sdf", tmp_path / "out", "csv"))
    assert rows[1][rows[0].index("smiles")] == "C[C@H](F)Cl"


def test_parquet_keeps_types_and_values(tmp_path: Path) -> None:
    table = pa.table(
        {
            "number": pa.array([2**60 + 1, 7], pa.int64()),
            "Smiles": ["C[C@H](N)C(=O)O", "OCC"],
            "day": pa.array([1, 20_000], pa.date32()),
            "at": pa.array([1, 2**60 + 1], pa.timestamp("ns")),
            "price": pa.array(["1.25", "3.50"]).cast(pa.decimal128(10, 2)),
            "vector": [[1.0], None],
            "flag": [True, None],
            "code": ["0012", "0013"],
            "pIC50": pa.array([1, 2], pa.int16()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = pq.read_table(passed_through(tmp_path / "a.parquet", tmp_path / "out", "parquet"))
    for name in table.column_names:
        assert found.column(name)[:2].to_pylist()[0] == table.column(name).to_pylist()[0], name
        if name != "pIC50":  # generated molecules have 5.25 there
            assert found.schema.field(name).type in (table.schema.field(name).type, pa.string())
    assert found.column_names[:9] == table.column_names
    assert found.column("pIC50").to_pylist() == [1, 2, 5.25, 5.25]


_CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)


@given(st.lists(st.tuples(_CELL, _CELL), min_size=2, max_size=6))
@examples(max_examples=30, deadline=None)
def test_any_cells_leave_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    rows = [["a", "smiles", "b"], *([a, "C" * (i + 2), b] for i, (a, b) in enumerate(cells))]
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    found = rows_of(passed_through(folder / "a.csv", folder / "out", "csv", 0))
    assert [row[:3] for row in found] == rows


def test_columns_that_a_format_has_no_place_for_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    items = sources.read(
        tmp_path / "a.csv", MoleculeSettings(cache="none", workers=1), lambda *_: None
    ).items
    real = [Sample(item, -1, {}, real=True) for item in items]
    made = output.write(real, tmp_path / "smi", PROVENANCE, "smi")
    assert "left out (pIC50, batch, flag, note, empty)" in made.warnings[0]
    assert not output.write(real, tmp_path / "csv", PROVENANCE, "csv").warnings


def test_rows_of_a_data_frame(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"x": 1, "smiles": "OCC", "t": "a"}, {"smiles": "CCN", "t": ""}]
    found = rows_of(passed_through(rows, tmp_path / "out", "csv", 0))
    assert [row[:3] for row in found] == [["x", "smiles", "t"], ["1", "OCC", "a"], ["", "CCN", ""]]
