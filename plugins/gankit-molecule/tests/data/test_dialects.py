"""Files as people have them: headers, delimiters, encodings, columns, and texts of other kinds."""

from __future__ import annotations

import bz2
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit.workflows.reading import by_reason
from gankit_molecule.data import sources
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings

BENZOIC = "InChI=1S/C7H6O2/c8-7(9)6-4-2-1-3-5-6/h1-5H,(H,8,9)"
ETHANOL = "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3"


def read(source: object, **how: Any) -> Dataset[Molecule]:
    settings = replace(MoleculeSettings(cache="none", workers=1), **how)
    return sources.read(source, settings, lambda *_: None)


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def found(source: Dataset[Molecule]) -> list[tuple[str, str]]:
    return [(m.smiles, m.name) for m in source.items]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO mol 1\nCCN mol 2\n", [("CCO", "mol 1"), ("CCN", "mol 2")]),
        ("CCO\tmol 1\r\nCCN\tmol 2\r\n", [("CCO", "mol 1"), ("CCN", "mol 2")]),
        ("CCO,mol 1\nCCN;mol 2\n", [("CCO", "mol 1"), ("CCN", "mol 2")]),
        ("Compound here\nCCO a\nCCN b\n", [("CCO", "a"), ("CCN", "b")]),
        ("smiles title\nCCO ethyl alcohol\nCCN b\n", [("CCO", "ethyl alcohol"), ("CCN", "b")]),
        ("name,smiles\na,CCO\nb,CCN\n", [("CCO", "a"), ("CCN", "b")]),
        ("mol1 CCO\nmol2 CCN\nmol3 CC=O\n", [("CCO", "mol1"), ("CCN", "mol2"), ("CC=O", "mol3")]),
        ("# by hand\n\nCCO |$;;x$| a 1\n\nCCN\n", [("CCO", "a 1"), ("CCN", "")]),
        (f"{BENZOIC} b\n{ETHANOL}\n", [("O=C(O)c1ccccc1", "b"), ("CCO", "")]),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(read(file(tmp_path, "a.smi", text))) == expected


def test_a_damaged_first_line_is_no_header(tmp_path: Path) -> None:
    for first in ("C1CC bad", "CC( bad", "c1ccccc", "C(C)(C)(C)(C)C x"):
        data = read(file(tmp_path, "a.smi", f"{first}\nCCO a\nCCN b\nCCC c\n"))
        assert [issue.location.split(" (")[0] for issue in data.issues] == ["a.smi, line 1"], first
        assert "header" not in data.facts


def test_a_header_is_said(tmp_path: Path) -> None:
    data = read(file(tmp_path, "a.smi", "Molecule Name\nCCO a\nCCN b\n"))
    assert data.facts["header"] == "line 1, 'Molecule Name'"


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_tables_whatever_their_delimiter(tmp_path: Path, delimiter: str, suffix: str) -> None:
    lines = ["id SMILES activity", "a CCO 1.5", "b CCN 2.5", "c CCC 3"]
    text = "\n".join(lines).replace(" ", delimiter)
    data = read(file(tmp_path, f"a.{suffix}", text))
    assert found(data) == [("CCO", "a"), ("CCN", "b"), ("CCC", "c")]
    assert [m.values["activity"] for m in data.items] == [1.5, 2.5, 3.0]


def test_decimal_commas_and_missing_marks(tmp_path: Path) -> None:
    text = "smiles;x;y;z;code\nCCO;1,5;1,234;-;0012\nCCN;n/a;2,345;7;0013\nCCC;2;3,456;8;0014\n"
    first, second, third = read(file(tmp_path, "a.csv", text)).items
    assert first.values == {"x": 1.5, "y": "1,234", "code": "0012"}  # 1,234 may be either
    assert second.values == {"y": "2,345", "z": 7.0, "code": "0013"}
    assert third.values["x"] == 2.0


def test_a_column_of_molecules_is_found_by_its_content(tmp_path: Path) -> None:
    data = read(file(tmp_path, "a.csv", "sex,drug\nF,CCO\nN,CCN\nC,CCCl\n"))
    assert [m.smiles for m in data.items] == ["CCO", "CCN", "CCCl"]
    assert data.facts["molecules"] == "column 'drug', found by its content"
    data = read(file(tmp_path, "b.csv", "structure,mymol\na.png,CCO\nb.png,CCN\nc.png,CCCl\n"))
    assert [m.smiles for m in data.items] == ["CCO", "CCN", "CCCl"]
    assert "column 'structure' holds no molecules but 'mymol' does" in data.warnings[0]
    data = read(file(tmp_path, "c.csv", "smiles,canonical_smiles\nOCC,CCO\nNCC,CCN\nClCC,CCCl\n"))
    assert "'smiles' and 'canonical_smiles' hold molecules" in data.warnings[0]
    data = read(file(tmp_path, "d.csv", f'n,InChI\nb,"{BENZOIC}"\nc,"{ETHANOL}"\n'))
    assert [m.smiles for m in data.items] == ["O=C(O)c1ccccc1", "CCO"]
    assert data.facts["InChI"] == "2 read"
    with pytest.raises(GankitError, match="has no column of SMILES"):
        read(file(tmp_path, "e.csv", "grade,sex\nC,F\nN,F\nO,F\n"))


def test_a_table_without_a_header_loses_no_line(tmp_path: Path) -> None:
    data = read(file(tmp_path, "a.csv", "CCO,1\nCCN,2\nCCCl,3\n"))
    assert [m.values for m in data.items] == [{"column 2": float(i)} for i in (1, 2, 3)]
    assert "the first line is data, not a header" in data.warnings[0]


def test_an_index_without_a_name_keeps_its_place(tmp_path: Path) -> None:
    data = read(file(tmp_path, "a.csv", ",smiles,x\n0,CCO,5\n1,CCN,6\n"))
    assert [dict(m.values) for m in data.items] == [
        {"column 1": 0.0, "x": 5.0},
        {"column 1": 1.0, "x": 6.0},
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    data = read(file(tmp_path, "a.smi", "CCO éthanol\nCCN ümin\n".encode(encoding)))
    assert found(data) == [("CCO", "éthanol"), ("CCN", "ümin")]
    assert any("2 lines are not UTF-8" in w for w in data.warnings) == (encoding == "latin-1")


@pytest.mark.parametrize(("suffix", "pack"), [("bz2", bz2.compress), ("xz", lzma.compress)])
def test_other_compression(tmp_path: Path, suffix: str, pack: Any) -> None:
    data = read(file(tmp_path, f"a.smi.{suffix}", pack(b"CCO a\nCCN b\n")))
    assert found(data) == [("CCO", "a"), ("CCN", "b")]


def test_records_without_their_end_are_separated(tmp_path: Path) -> None:
    mols = [Chem.MolFromSmiles(text) for text in ("CCO", "CCN")]
    blocks = [Chem.MolToMolBlock(mol, forceV3000=i == 1) for i, mol in enumerate(mols)]
    text = "".join(f"{block}> <x>\n{i}\n\n" for i, block in enumerate(blocks))
    data = read(file(tmp_path, "a.sdf", text))
    assert [m.smiles for m in data.items] == ["CCO", "CCN"]
    assert [dict(m.values) for m in data.items] == [{"x": 0.0}, {"x": 1.0}]
    assert data.facts["format"] == "SDF V2000"
    for i, block in enumerate(blocks):
        file(tmp_path, f"mols/{i}.mol", block)
    assert [m.smiles for m in read(tmp_path / "mols").items] == ["CCO", "CCN"]


OTHERS = {
    "50-78-2": "a CAS number",
    "aspirin": "a name",
    "2-acetoxybenzoic acid": "a name",
    "BSYNRYMUTXBXSQ-UHFFFAOYSA-N": "an InChIKey",
    "CCO>>CC=O": "a reaction",
    "CC.O>[Pd]>CCO": "a reaction",
    "[#6]~[#7]": "a SMARTS pattern",
    "[C;H2]C": "a SMARTS pattern",
    "{[$]CC[$]}": "a polymer",
    "MKTAYIAKQR": "a sequence of amino acids",
    ">sp|P01308|INS": "a FASTA file",
    "C9H8O4": "a molecular formula",
    "[C][=C][Ring1]": "SELFIES",
    "[C][C][O]": "SELFIES",
    "3.5": "a number",
    "C1CC": "a ring is not closed",
    "CC(": "a parenthesis",
    "*CC*": "a placeholder",
    "InChI=1S/C7H6O2": "an InChI that RDKit cannot read",
    "[CH-]1C=CC=C1.[CH-]1C=CC=C1.[Fe+2]": "a metal complex",
    "CC1=[O+][Be]2([O+]=C(C)C1)[O+]=C(C)CC(=[O+]2)C": "an organometallic compound",
}


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_are_named_and_quoted(text: str) -> None:
    data = read(["CCO", "CCN", text, text])
    assert len(data.issues) == 2
    assert repr(text) in data.issues[0].location
    (reason,) = by_reason(data.issues)
    assert OTHERS[text] in reason.reason
    assert reason.count == 2


def test_reasons_are_worded_alike() -> None:
    bad = ["C1CC", "C1CCCC", "C" * 120, "C" * 130, "CC(C)(C)(C)C", "CCC(C)(C)(C)CO", "CCO", "OCC"]
    data = read(["CCO", "CCN", *bad])
    assert {r.count for r in by_reason(data.issues)} == {2}
    assert len(by_reason(data.issues)) == 4


def test_splits_of_a_folder_and_of_a_column(tmp_path: Path) -> None:
    for name in ("train", "test", "valid"):
        file(tmp_path, f"a/{name}.csv", f"smiles\n{'CCO' if name == 'train' else 'CCF'}\nCC\n")
    file(tmp_path, "a/runs/x/run.toml", "")
    file(tmp_path, "a/runs/x/made.smi", "CCCCCCC\n")
    data = read(tmp_path / "a")
    assert [m.smiles for m in data.items] == ["CCO", "CC"]
    assert data.facts["split"] == "train; left out: test (1 file), valid (1 file)"
    assert data.facts["left out"] == "1 file of runs or written by gankit"
    for name in ("train", "test"):
        file(tmp_path, f"b/{name}/part.smi", f"{'CCO' if name == 'train' else 'CCF'}\nCC\n")
    assert [m.smiles for m in read(tmp_path / "b").items] == ["CCO", "CC"]
    text = "smiles,SPLIT\nCCO,train\nCC,train\nCCF,test\nCCCl,test_scaffolds\n"
    data = read(file(tmp_path, "c.csv", text), strict=True)
    assert [m.smiles for m in data.items] == ["CCO", "CC"]
    assert [r.count for r in by_reason(data.issues)] == [2]


def test_what_was_read_is_said(tmp_path: Path) -> None:
    text = "smiles,x,c\nC[C@H](N)C(=O)O,1,a\nCC(=O)[O-].[Na+],2,b\nOCC,,a\nCCO,9,a\n[13CH3]N,4,\n"
    data = read(file(tmp_path, "a.csv", text))
    assert data.facts == {
        "format": "table, separated by commas",
        "molecules": "column 'smiles'",
        "salts": "counter-ions and solvents cut from 1",
        "charges": "1 neutralised",
        "stereo": "removed from 1 (stereo=keep keeps it)",
        "isotopes": "removed from 1",
        "tautomers": "as they are",
    }
    assert [(row["column"], row["type"]) for row in data.table[:3]] == [
        ("SMILES", "up to 11 characters"), ("x", "number"), ("c", "text, 2 different")]  # fmt: skip
    assert [row["use"] for row in data.table[:3]] == ["", "none (set conditions)", ""]


def test_quoted_lines(tmp_path: Path) -> None:
    text = '"CCO" "mol 1"\n"CCN" "mol 2"\n"CCCl",third\n"CC#N"\n'
    names = [("CCO", "mol 1"), ("CCN", "mol 2"), ("CCCl", "third"), ("CC#N", "")]
    assert found(read(file(tmp_path, "a.smi", text))) == names
