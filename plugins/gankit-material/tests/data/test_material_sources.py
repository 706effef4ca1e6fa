"""Reading files and objects: what is taken, what is skipped and said."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from gankit.contract import quiet
from gankit.errors import GankitError
from gankit_material.data.items import Material
from gankit_material.data.sources import read
from gankit_material.settings import MaterialSettings

LINES = "SrTiO3\nNaCl\nCaF2\nFe2O3\n"


def formulas(dataset):
    return [item.formula for item in dataset.items]


def read_text(folder, name, text, **settings):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, MaterialSettings(**settings), quiet)


def test_the_built_in_data_has_formulas_and_a_property():
    found = read(None, MaterialSettings(), quiet)
    assert len(found.items) == 8000
    assert set(found.items[0].values) == {"seebeck"}
    assert found.licence.startswith("CC0")
    assert not found.issues


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", LINES),
        ("a.txt", "formula\n" + LINES),
        ("a.txt", "# of my own\n\n" + LINES),
        ("a.csv", LINES),
        ("a.csv", "formula\n" + LINES),
        ("a.csv", "id;composition;x\n1;SrTiO3;2\n2;NaCl;3\n3;CaF2;1\n4;Fe2O3;0\n"),
        ("a.tsv", "Formula\tx\nSrTiO3\t2\nNaCl\t3\nCaF2\t1\nFe2O3\t0\n"),
        ("a.csv", "\ufeffstuff,x\nSrTiO3,2\nNaCl,3\nCaF2,1\nFe2O3,0\n"),
        ("a.jsonl", "".join(f'{{"formula": "{f}"}}\n' for f in LINES.split())),
        (
            "a.csv.gz",
            gzip.compress(("formula,x\n" + LINES.replace("\n", ",1\n")).encode(), mtime=0),
        ),
        ("a.json", json.dumps([{"formula": f} for f in LINES.split()])),
        ("a.json", json.dumps({"materials": [{"formula": f} for f in LINES.split()]})),
        ("a.txt.gz", gzip.compress(LINES.encode(), mtime=0)),
    ],
)
def test_lists_and_tables(tmp_path, name, text):
    assert formulas(read_text(tmp_path, name, text)) == LINES.split()


def test_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"formula": LINES.split(), "gap": [3.2, 5.0, None, 2.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", MaterialSettings(), quiet)
    assert formulas(found) == LINES.split()
    assert [dict(item.values) for item in found.items][1:3] == [{"gap": 5.0}, {}]


@pytest.mark.parametrize("thing", [LINES.split(), [{"formula": f} for f in LINES.split()]])
def test_objects_in_memory(thing):
    assert formulas(read(thing, MaterialSettings(), quiet)) == LINES.split()


def test_materials_in_memory_keep_their_values():
    materials = [
        Material({"Na": 1, "Cl": 1}, {"gap": 5.0}),
        Material({"K": 1, "Cl": 1}, {"gap": 4.5}),
    ]
    found = read(materials, MaterialSettings(), quiet)
    assert [dict(item.values) for item in found.items] == [{"gap": 5.0}, {"gap": 4.5}]


def test_nan_is_sodium_nitride_and_a_missing_number_is_missing(tmp_path):
    found = read_text(tmp_path, "a.csv", "formula,gap\nNaN,1.5\nNaCl,NaN\nKCl,2.5\n")
    assert formulas(found) == ["NaN", "NaCl", "KCl"]
    assert "gap" not in found.items[1].values


def test_what_cannot_be_used_is_listed_with_its_row(tmp_path):
    text = "formula\nSrTiO3\nXx2O\nNaCl\nNa+\nFe0O3\n\nCa(OH\nC60H122\nLiCoTeHSON\n"
    found = read_text(tmp_path, "a.csv", text)
    assert formulas(found) == ["SrTiO3", "NaCl"]
    listed = {issue.location.partition(", ")[2]: issue.reason for issue in found.issues}
    assert listed["line 3"] == "'Xx2O': there is no element Xx"
    assert "charge" in listed["line 5"]
    assert "count of Fe is 0" in listed["line 6"]
    assert listed["line 9"] == "a count above most=20"
    assert listed["line 10"] == "more than elements=5 elements"
    assert "skipped 6 entries" in found.description
    assert any("6 of 8 entries were skipped" in warning for warning in found.warnings)


def test_one_unusable_entry_is_an_error_with_strict(tmp_path):
    with pytest.raises(GankitError, match="a.csv, line 3: 'Xx': there is no element Xx"):
        read_text(tmp_path, "a.csv", "formula\nNaCl\nXx\nKCl\n", strict=True)


def test_fractions_are_exact_or_skipped_or_rounded_and_said(tmp_path):
    text = "formula\nNaCl\nFe0.7Ni0.3\nAl0.917Mg0.083\nKCl\n"
    found = read_text(tmp_path, "a.csv", text)
    assert formulas(found) == ["NaCl", "Fe7Ni3", "KCl"]
    assert found.facts["fractions"] == "1 formulas scaled to integers, exactly"
    assert "fractions=round" in found.issues[0].reason
    rounded = read_text(tmp_path, "a.csv", text, fractions="round")
    assert len(rounded.items) == 4
    assert rounded.facts["rounded"].startswith("1 formulas")
    assert any("approximated" in warning for warning in rounded.warnings)


def test_isotopes_are_hydrogen_or_skipped_and_said(tmp_path):
    text = "NaD\nLiH\nKCl\n"
    found = read_text(tmp_path, "a.txt", text)
    assert formulas(found) == ["NaH", "LiH", "KCl"]
    assert found.facts["isotopes"].endswith(" in 1 formula")
    assert formulas(read_text(tmp_path, "a.txt", text, isotopes="skip")) == ["LiH", "KCl"]


def test_the_same_formula_is_merged_and_counted(tmp_path):
    text = "formula,e\nFe2O3,-1.0\nNaCl,-2\nFe4O6,-1.5\nO3Fe2,-0.5\n"
    found = read_text(tmp_path, "a.csv", text)
    assert formulas(found) == ["Fe2O3", "NaCl"]
    assert found.items[0].values["e"] == -1.0
    assert found.facts["same formula"].startswith("2 of the skipped entries; the first kept")
    low = read_text(tmp_path, "a.csv", text, lowest="e")
    assert low.items[0].values["e"] == -1.5
    assert len(read_text(tmp_path, "a.csv", text, same="keep").items) == 4


def test_generated_files_keep_equal_formulas(tmp_path):
    (tmp_path / "provenance.json").write_text('{"generated": true}')
    text = "formula,requested_gap,seed\nNaCl,5,0\nNaCl,4,1\nKCl,3,2\n"
    found = read_text(tmp_path, "a.csv", text)
    assert formulas(found) == ["NaCl", "NaCl", "KCl"]
    assert [item.values for item in found.items] == [{"gap": 5}, {"gap": 4}, {"gap": 3}]


@pytest.mark.parametrize(
    ("name", "text", "settings", "message"),
    [
        ("a.csv", "", {}, "a table without rows|no formula there"),
        ("a.csv", "formula,x\n", {}, "a table without rows"),
        ("a.csv", "a,b\n1,2\n3,4\n", {}, "no column of formulas among 'a', 'b'"),
        ("a.csv", "formula\nNaCl\nKCl\n", {"column": "nosuch"}, "there is no such column"),
        ("a.csv", "formula\nNaCl\n", {}, "only one formula"),
        ("a.txt", "hello\nworld\n", {}, "no usable formula; a.txt, line 1: 'hello'"),
        ("a.csv", b"formula\nNaCl\nK\xff\xfeCl\n", {}, "not UTF-8"),
        ("a.csv.gz", b"no gzip", {}, "cannot be read"),
        ("a.parquet", b"PAR1", {}, "not a readable Parquet"),
        ("a.doc", "NaCl", {}, "no materials can be read from .doc"),
        ("a.csv", "formula,e\nNaCl,1\nKCl,2\n", {"conditions": ("gap",)}, "no column 'gap'"),
        ("a.csv", "formula,e\nNaCl,hi\nKCl,2\n", {"conditions": ("e",)}, "not a column of numbers"),
        (
            "a.csv",
            "formula,e\nNaCl,\nKCl,2\n",
            {"conditions": ("e",)},
            "no value in the column 'e'",
        ),
        ("a.jsonl", "[1]\n", {}, "not a JSON object"),
        ("a.json", "{", {}, "not readable JSON"),
        ("a.json", "{}", {}, "not a list of objects"),
        ("a.csv", "formula,formula\nNaCl,KCl\n", {}, "two columns named 'formula'"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, name, text, settings, message):
    with pytest.raises(GankitError, match=message):
        read_text(tmp_path, name, text, **settings)


def test_a_missing_path_and_an_empty_folder(tmp_path):
    with pytest.raises(GankitError, match="no such file"):
        read(tmp_path / "nowhere.csv", MaterialSettings(), quiet)
    with pytest.raises(GankitError, match="no file of formulas or CIF"):
        read(tmp_path, MaterialSettings(), quiet)


def test_a_folder_leaves_out_what_gankit_wrote(tmp_path):
    (tmp_path / "a.csv").write_text("formula\nNaCl\nKCl\n")
    (tmp_path / "b.csv").write_text("formula\nLiF\nLiCl\n")
    (tmp_path / "b.csv.provenance.json").write_text('{"generated": true}')
    found = read(tmp_path, MaterialSettings(), quiet)
    assert formulas(found) == ["NaCl", "KCl"]
    assert "left out" in found.facts


def test_labels_and_their_classes(tmp_path):
    text = "formula,kind\nNaCl,salt\nKCl,salt\nFe2O3,oxide\n"
    found = read_text(tmp_path, "a.csv", text, label="kind")
    assert Counter(item.label for item in found.items) == {"salt": 2, "oxide": 1}
    assert list(found.strata) == ["salt", "salt", "oxide"]


def test_rows_are_kept_as_they_were_read(tmp_path):
    found = read_text(tmp_path, "a.csv", "id,formula,e\n007,Fe4 O6,1.50\n008,NaCl,2.00\n")
    assert found.items[0].notes["row"] == {"id": "007", "formula": "Fe4 O6", "e": "1.50"}


def test_the_fingerprint_is_of_the_content(tmp_path):
    one = read_text(tmp_path, "a.csv", "formula,e\nNaCl,1\nKCl,2\n")
    other = read_text(tmp_path, "b.csv", "formula,e\nNaCl,1\nKCl,2\n")
    changed = read_text(tmp_path, "c.csv", "formula,e\nNaCl,1\nKCl,3\n")
    assert one.fingerprint == other.fingerprint != changed.fingerprint


def test_columns_that_are_no_numbers_are_named(tmp_path):
    text = "kind,formula,e\noxide,SrTiO3,1.5\nhalide,NaCl,\noxide,MgO,abc\nhalide,KCl,inf\n"
    found = read_text(tmp_path, "a.csv", text)
    said = {row["column"]: (row["type"], row["use"]) for row in found.table}
    assert said["kind"] == ("text", "not used")
    assert said["e"] == ("1 of 3 are numbers", "not used")
    assert list(said) == ["formula", "kind", "e"]
