"""Reading: every file and object, and every way in which data can be wrong."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rdkit import Chem

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit_molecule.data import pipeline, sources
from gankit_molecule.data.locations import NCI
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.sequences import Issues, Molecules
from gankit_molecule.settings import MoleculeSettings, cache_of

SHARED = Path(__file__).parents[4].parent / "shared" / "data"
SAME = "a duplicate of an earlier molecule"
SIX = ["CCO", "c1ccccc1", "CCN", "CC(=O)O", "CCCl", "C1CC1"]


def silent(what: str, done: int, total: int) -> None: ...


def read(source: object | None, **how: Any) -> Dataset[Molecule]:
    settings = replace(MoleculeSettings(cache="none", workers=1), **how)
    return sources.read(source, settings, silent)


def smiles(source: Dataset[Molecule]) -> list[str]:
    assert isinstance(source.items, Molecules)
    return source.items.smiles()


def issues_of(source: Dataset[Molecule]) -> list[tuple[str, str]]:
    return [(p.location, p.reason) for p in source.issues]


def alkanes(n: int) -> list[str]:
    """As many molecules: chains with one oxygen, nitrogen or chlorine."""
    return [f"{'C' * (i // 3 + 1)}{('O', 'N', 'Cl')[i % 3]}" for i in range(n)]


# --- Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.smi", "a.smiles", "A.SMI", "a.ism", "a.txt", "a.smi.gz"])
@pytest.mark.parametrize("head", ["", "SMILES Name\n", "# a comment\n\n", "smiles\n"])
def test_lines_of_smiles(tmp_path: Path, name: str, head: str) -> None:
    text = head + "".join(f"{s}\tsubstance {i}\r\n" for i, s in enumerate(SIX))
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = read(tmp_path / name)
    assert smiles(found) == SIX
    assert [m.name for m in found.items] == [f"substance {i}" for i in range(6)]
    assert not found.issues
    assert found.description == f"6 molecules of {name}"


def test_lines_under_a_header_are_a_table(tmp_path: Path) -> None:
    lines = ["smiles\tzinc_id\tlogp", *(f"{s}\tZ{i}\t{i}.5" for i, s in enumerate(SIX)), "x\tZ\t1"]
    (tmp_path / "a.smi").write_text("# made by hand\n" + "\n".join(lines))
    found = read(tmp_path / "a.smi")
    assert found.items[2] == Molecule("CCN", {"logp": 2.5}, "Z2")
    assert issues_of(found) == [("a.smi, line 9 ('x')", "not SMILES: RDKit cannot parse it")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("column", ["smiles", "SMILES", "Canonical_Smiles", "structure", "Mol"])
def test_separated_tables(tmp_path: Path, delimiter: str, column: str) -> None:
    lines = [f"index{delimiter}{column}", *(f"{i}{delimiter}{s}" for i, s in enumerate(SIX))]
    file = tmp_path / ("a.tsv" if delimiter == "\t" else "a.csv")
    file.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    found = read(str(file))
    assert smiles(found) == SIX
    assert found.items[3].values == {"index": 3.0}
    assert found.description == f"6 molecules of {file.name}; with index"


def test_columns_are_numbers_or_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "smiles,name,logp,mixed,class,_synthetic,seed,nothing,\n"
        "CCO,ethanol,1.5,1,a,True,18446744073709551615,,\n"
        "CCN,,NaN,high,,False,1,NA,\n"
        'CCC,"x, y",-inf,, b ,,,,\n'
    )
    found = read(tmp_path / "a.csv")
    seed = "18446744073709551615"
    assert list(found.items) == [
        Molecule("CCO", {"logp": 1.5, "mixed": "1", "class": "a", "_synthetic": "True",
                         "seed": seed}, "ethanol"),
        Molecule("CCN", {"mixed": "high", "_synthetic": "False", "seed": "1"}),
        Molecule("CCC", {"class": "b"}, "x, y"),
    ]  # fmt: skip


def test_lines_that_do_not_fit_their_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'smiles,logp\nCCO,1\nCCN\nCCC,2,3\nCCCl,4,\n"CC\nO",5\n\nCCF,x\n,6\n'
    )
    found = read(tmp_path / "a.csv")
    assert smiles(found) == ["CCO", "CCCl", "CCF"]
    assert found.items[0].values == {"logp": "1"}
    assert issues_of(found) == [
        ("a.csv, line 3 (1 cell, not 2)", "another number of cells than the header"),
        ("a.csv, line 4 (3 cells, not 2)", "another number of cells than the header"),
        ("a.csv, line 7 ('CC\\nO')", "not SMILES: it has characters that SMILES do not have"),
        ("a.csv, line 10", "not SMILES: empty"),
    ]


def sdf(path: Path, texts: Sequence[str], **properties: Sequence[str]) -> Path:
    blocks = []
    for i, text in enumerate(texts):
        mol = Chem.MolFromSmiles(text)
        mol.SetProp("_Name", f"title {i}")
        block = Chem.MolToMolBlock(mol)
        for key, values in properties.items():
            block += f">  <{key}>  (1)\n{values[i]}\n\n" if values[i] else ""
        blocks.append(f"{block}$$$$\n")
    path.write_text("".join(blocks))
    return path


def test_sdf_keeps_its_properties(tmp_path: Path) -> None:
    file = sdf(tmp_path / "a.sdf", SIX, logP=[*"12345", ""], note=["two\nlines"] + [""] * 5)
    found = read(file)
    assert smiles(found) == SIX
    assert found.items[0] == Molecule("CCO", {"logP": 1.0, "note": "two lines"}, "title 0")
    assert found.items[5].values == {}
    assert read(file, name_key="note").items[0].name == "two lines"
    text = file.read_text()
    file.write_text(text.replace("$$$$\n", "$$$$\nno record\n$$$$\n", 1) + "\n\n")
    found = read(file)
    assert smiles(found) == SIX
    begin = text[: text.index("$$$$")].count("\n") + 2
    assert issues_of(found) == [(f"a.sdf, line {begin}", "not a mol block: it has no line M  END")]


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(tmp_path: Path, packed: bool) -> None:
    table = pa.table(
        {
            "mol": pa.array([1, 2]),
            "Smiles": pa.array(["OCC", "NCC"]).dictionary_encode(),
            "id": [7, 8],
            "x": pa.array([1, None], pa.int8()),
            "flag": [True, None],
            "vector": [[1.0], [2.0]],
            "class": pa.array(["a", None]).dictionary_encode(),
        }
    )
    file = tmp_path / "a.parquet"
    pq.write_table(table, file)
    if packed:
        data, file = file.read_bytes(), tmp_path / "a.parquet.gz"
        file.write_bytes(gzip.compress(data))
    assert list(read(file).items) == [
        Molecule("CCO", {"x": 1.0, "flag": "true", "class": "a"} | {"mol": 1.0}, "7"),
        Molecule("CCN", {"mol": 2.0}, "8"),
    ]


def test_a_folder_as_gankit_writes_it(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("smiles,generated,seed\nCCO,True,1\nOCC,True,2\nCCN,,\n")
    found = read(tmp_path)
    assert smiles(found) == ["CCO", "CCN"]
    assert issues_of(found) == [("data.csv, line 3 (the same as line 2)", SAME)]
    (tmp_path / "provenance.json").write_text("{}")
    for path in (tmp_path, tmp_path / "data.csv"):  # how many differ is to be measured
        found = read(path)
        assert smiles(found) == ["CCO", "CCO", "CCN"]
        assert found.items[1].values == {"generated": "True", "seed": "2"}


def test_a_folder_of_several_kinds(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.smi").write_text("F")
    (tmp_path / "notes.txt").write_text("no molecules here")
    (tmp_path / "a.csv").write_text("smiles,x,y\nCCO,1,1\nCCN,2,2\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"smiles,x\nCCO,high\nC1,low\n"))
    pq.write_table(pa.table({"smiles": ["CCF"], "y": [3]}), tmp_path / "deep" / "c.parquet")
    found = read(tmp_path)
    assert [(m.smiles, m.values) for m in found.items] == [
        ("CCO", {"x": "1", "y": 1.0}), ("CCN", {"x": "2", "y": 2.0}), ("CCF", {"y": 3.0}),
    ]  # fmt: skip
    assert issues_of(found) == [
        ("b.csv.gz, line 3 ('C1')", "not SMILES: a ring is not closed"),
        ("b.csv.gz, line 2 (the same as a.csv, line 2)", SAME),
    ]
    assert found.description == (
        f"3 molecules of {tmp_path.name}; skipped 2: 1 that cannot be read, 1 duplicates; with x, y"
    )


# --- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.smi", b"", "a.smi: an empty file"),
        ("a.parquet", b"", "a.parquet: an empty file"),
        ("a.csv", b"smiles\n", "a.csv: no entry there"),
        ("a.smi", b"\n\n# nothing\n", "a.smi: no entry there"),
        ("a.sdf", b"\n\n", "a.sdf: no entry there"),
        ("a.smi", b"\0junk\xff", "a.smi: not text"),
        ("a.csv", "smiles\nCCO\n".encode("utf-32"), "a.csv: not text .* in UTF-8"),
        ("a.csv", b"junk\xff\n1\n", "has no column of SMILES; it has 'junk.'. Set smiles_key"),
        ("a.csv", b"SMILE,x\nC,1\n", "has no column of SMILES; it has 'SMILE', 'x'"),
        ("a.csv", b"smiles,x,x\nC,1,1\n", "two columns named 'x'"),
        ("a.csv", b'smiles\n"' + b"C" * 200_000, "a.csv, line 2: field larger.*Fix its quotes"),
        ("a.parquet", b"junk", "a.parquet: cannot be read"),
        ("a.smi.gz", gzip.compress(b"CCO\n" * 9999, mtime=0)[:-20], "a.smi.gz: damaged or cut off"),
        (
            "a.csv.gz",
            gzip.compress(b"smiles\nCCO", mtime=0)[:15] + b"xx",
            "a.csv.gz: damaged or cut off",
        ),
        ("a.smi", b"x\ny\n", "none of 2 entries can be used; .*: a.smi, line 1 .'x'.: not SMILES"),
        ("a.smi", b"CCO\nOCC\nC(C)O\n", "all 3 entries are the same molecule, CCO. At least 2"),
        (
            "a.smi",
            b"CCO\nx\n",
            "only one molecule; skipped: 1, e.g. a.smi, line 2 .'x'.: not SMILES",
        ),
        ("a.smi", b"CCO", "a.smi: only one molecule. At least 2"),
        ("a.xlsx", b"PK", "no molecules can be read from .xlsx files. Reads .smi"),
        ("molecules", b"CCO", "no molecules can be read from such files"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GankitError, match=message) as error:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert error.value.hint
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such.smi", "no such path, and no folder"),
        ("moleculs.smi", "no such file or folder. Did you mean molecules.smi"),
        ("picture", "no such file or folder. Did you mean pictures"),
        ("empty", "the folder is empty"),
        ("pictures", "has no file of molecules \\(1 other files\\)"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "molecules.smi").write_text("CCO")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"x")
    with pytest.raises(GankitError, match=message):
        read(tmp_path / source)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"smiles_key": "smile"}, "no column 'smile'; .* Did you mean smiles"),
        ({"smiles_key": "n"}, "column 'n' holds no text"),
        ({"name_key": "titel"}, "no column 'titel'. Set name_key. Did you mean title"),
        ({"limit": 1}, "limit=1: too few"),
    ],
)
def test_settings_that_are_wrong(how: dict[str, Any], message: str) -> None:
    with pytest.raises(GankitError, match=message):
        read(pa.table({"SMILES": SIX, "title": SIX, "n": range(6)}), **how)


def test_named_columns_are_taken() -> None:
    table = pa.table({"smiles": ["x"] * 6, "Drug": SIX, "title": list("abcdef")})
    found = read(table, smiles_key="drug", name_key="title")
    assert found.items[1] == Molecule("c1ccccc1", {"smiles": "x"}, "b")


BAD = ["CCO", "C1", "[Na+].[Cl-]", "CC.CC", "*C", "C" * 101, "OCC", "", "CCN"]


def test_skipped_entries_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(["smiles,x", *(f"{s},1" for s in BAD)]))
    found = read(tmp_path / "a.csv", salts="drop")
    assert smiles(found) == ["CCO", "CCN"]
    assert issues_of(found) == [
        ("a.csv, line 3 ('C1')", "not SMILES: a ring is not closed"),
        ("a.csv, line 4 ('[Na+].[Cl-]')", "a salt or mixture of several parts (salts=drop)"),
        ("a.csv, line 5 ('CC.CC')", "a salt or mixture of several parts (salts=drop)"),
        ("a.csv, line 6 ('*C')", "a placeholder (*) for an atom, as in a polymer"),
        ("a.csv, line 7 (101 heavy atoms)", "too large: more than most_atoms=100 heavy atoms"),
        ("a.csv, line 9", "not SMILES: empty"),
        ("a.csv, line 8 (the same as line 2)", SAME),
    ]
    assert found.description == (
        "2 molecules of a.csv; skipped 7: 2 that cannot be read, 1 with a placeholder for an "
        "atom, 2 salts or mixtures, 1 of too many atoms, 1 duplicates; with x"
    )
    assert isinstance(found.issues, Issues)
    assert [(p.location, p.reason) for p in found.issues] == issues_of(found)
    assert found.issues[-1].location.startswith("a.csv, line 8")
    assert [p.location[:13] for p in found.issues[1:3]] == ["a.csv, line 4", "a.csv, line 5"]
    with pytest.raises(IndexError):
        found.issues[7]


def test_strict_refuses_all_but_duplicates(tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("\n".join(BAD))
    with pytest.raises(GankitError, match="/a.smi, line 2 .'C1'.: not SMILES: a ring .*strict"):
        read(tmp_path / "a.smi", strict=True)
    found = read(["CCO", "OCC", "CCN"], strict=True)
    assert issues_of(found) == [("item 1 (the same as item 0)", SAME)]


def test_many_duplicates_take_little() -> None:
    found = read(["C1"] + ["CCO", "OCC", "CCN"] * 1000)
    assert found.description.startswith("2 molecules of a list in memory; skipped 2,999: 1 that")
    assert len(found.issues) == 2999
    assert found.issues[0].location == "item 0 ('C1')"


# --- In memory ----------------------------------------------------------------------------------


def test_everything_in_memory_gives_the_same() -> None:
    expected = read(SIX)
    mols = [Chem.MolFromSmiles(s) for s in SIX]
    for source in (
        tuple(SIX),
        np.array(SIX),
        pd.Series(SIX),
        pl.Series(SIX),
        iter(SIX),
        mols,
        [Molecule(s) for s in SIX],
        [{"smiles": s} for s in SIX],
        pd.DataFrame({"smiles": SIX}),
        pd.DataFrame({"smiles": SIX}, dtype="string"),
        pl.DataFrame({"SMILES": SIX}),
        pa.table({"mol": [Chem.MolToMolBlock(m) for m in mols]}),
        pa.record_batch({"smiles": SIX}),
    ):
        found = read(source)
        assert smiles(found) == SIX
        assert found.fingerprint == expected.fingerprint


def test_values_in_memory() -> None:
    frame = pd.DataFrame(
        {"smiles": SIX, "name": list("abcdef"), "x": [1, 2, None, 4, 5, 6], "c": ["p", None] * 3}
    )
    wanted = [Molecule("CCO", {"x": 1.0, "c": "p"}, "a"), Molecule("c1ccccc1", {"x": 2.0}, "b"),
              Molecule("CCN", {"c": "p"}, "c")]  # fmt: skip
    for source in (
        frame,
        frame.astype({"c": "category"}),
        pl.from_pandas(frame),
        pl.from_pandas(frame).with_columns(pl.col("c").cast(pl.Categorical)),
        frame.to_dict("records"),
        pa.Table.from_pandas(frame),
        read(frame).items,
    ):
        assert list(read(source).items[:3]) == wanted
    mixed = read([{"smiles": "CCO", "x": 1}, {"smiles": "CCN", "x": "high"}, {"y": 2}])
    assert [m.values for m in mixed.items] == [{"x": "1"}, {"x": "high"}]
    assert issues_of(mixed) == [("item 2", "not SMILES: empty")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (42, "cannot read molecules from int"),
        ({"smiles": SIX}, "cannot read molecules from dict"),
        (b"CCO", "cannot read molecules from bytes"),
        ([], "the data is empty"),
        (pd.DataFrame({"smiles": []}), "the data: no entry there"),
        (pd.DataFrame({"a": ["x"] * 6}), "the data has no column of SMILES; it has 'a'"),
        (pd.DataFrame([["C", "C"]], columns=["smiles", "smiles"]), "two columns named 'smiles'"),
        (
            [None, 1.5, float("nan"), b"C"],
            "none of 4 entries can be used; the first problem: item 0: not SMILES: empty",
        ),
    ],
)
def test_objects_that_cannot_be_read(source: object, message: str) -> None:
    with pytest.raises(GankitError, match=message):
        read(source)


def test_items_that_are_no_text_are_named() -> None:
    assert issues_of(read(["CCO", 3, None, "CCN", pd.NA])) == [
        ("item 1", "not SMILES: int"),
        ("item 2", "not SMILES: empty"),
        ("item 4", "not SMILES: empty"),
    ]


# --- Limits, order, fingerprints ----------------------------------------------------------------


def test_a_limit_is_exact_where_possible() -> None:
    data = [s for i, s in enumerate(alkanes(240)) for s in ([s, s] if i % 2 else [s, f"{s}("])]
    one, two = read(data, limit=50), read(data, limit=50)
    assert len(one.items) == 50
    assert smiles(one) == smiles(two)
    assert smiles(one) == sorted(smiles(one), key=smiles(read(data)).index)  # in the data's order
    assert 5 < sum(data.index(s) > len(data) / 2 for s in smiles(one)) < 45
    assert one.fingerprint != read(data, limit=51).fingerprint
    for limit in (240, 300, 10_000):
        assert smiles(read(data, limit=limit)) == smiles(read(data))


def test_a_limit_is_drawn_before_the_work() -> None:
    calls: list[tuple[str, int, int]] = []
    settings = MoleculeSettings(cache="none", workers=1, limit=20)
    sources.read(alkanes(3000)[:280] * 20, settings, lambda *words: calls.append(words))
    assert sum(total for _, _, total in calls) < 200


def test_several_processes_give_the_same_as_one() -> None:
    data = [s for s in alkanes(270) for s in (s, s + "(")] * 4
    one, many = read(data), read(data, workers=2)
    assert smiles(one) == smiles(many)
    assert issues_of(one) == issues_of(many)


def test_the_fingerprint_is_of_content(tmp_path: Path) -> None:
    for where in ("x", "y/z"):
        (tmp_path / where).mkdir(parents=True)
        (tmp_path / where / f"{where[0]}.csv").write_text("smiles,a,b\nCCO,1,p\nCCN,,q\n")
    one = read(tmp_path / "x")
    assert read(tmp_path / "y").fingerprint == one.fingerprint
    for same in ("smiles,b,a\nOCC,p,1.0\nNCC,q,nan\n", "name,smiles,a,b\nn,CCO,1,p\nm,CCN,,q\n"):
        (tmp_path / "y/z/y.csv").write_text(same)
        assert read(tmp_path / "y").fingerprint == one.fingerprint
    for other in ("CCO,2,p\nCCN,,q", "CCO,1,p\nCCN,,", "CCN,,q\nCCO,1,p", "CCO,1,p\nCCF,,q"):
        (tmp_path / "y/z/y.csv").write_text(f"smiles,a,b\n{other}\n")
        assert read(tmp_path / "y").fingerprint != one.fingerprint
    chiral = ["C[C@@H](F)Cl", "CCO"]
    assert read(chiral, stereo="keep").fingerprint != read(chiral).fingerprint


def test_items_are_a_sequence() -> None:
    items = read(pa.table({"smiles": SIX, "x": range(6)})).items
    assert isinstance(items, Molecules)
    assert len(items) == 6
    assert items[-1] == items[5] == Molecule("C1CC1", {"x": 5.0})
    assert [m.smiles for m in items[1:4:2]] == [SIX[1], SIX[3]]
    assert [m.smiles for m in items.__getitems__(np.array([4, 0, 4]))] == [
        SIX[i] for i in (4, 0, 4)
    ]
    assert items.__getitems__([]) == []
    assert items.names_of_values() == ["x"]
    with pytest.raises(IndexError):
        items[6]


_CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8
).filter(lambda s: s == s.strip())


@given(
    st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), _CELLS), min_size=2,
             max_size=12),
    st.sampled_from(",;\t|"),
)  # fmt: skip
@examples(max_examples=40, deadline=None)
def test_tables_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str]], delimiter: str
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    texts = alkanes(len(rows))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["smiles", "x", "note"])
    writer.writerows([s, repr(x), f"t{note}"] for s, (x, note) in zip(texts, rows, strict=True))
    (folder / "a.csv").write_text(stream.getvalue(), encoding="utf-8", newline="")
    columns = {"smiles": texts, "x": [x for x, _ in rows], "note": [f"t{n}" for _, n in rows]}
    pq.write_table(pa.table(columns), folder / "a.parquet")
    expected = [
        Molecule(s, {"x": x, "note": f"t{note}"}) for s, (x, note) in zip(texts, rows, strict=True)
    ]
    for name in ("a.csv", "a.parquet"):
        assert list(read(folder / name).items) == expected


# --- The cache ----------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "MIN_CACHED", 4)
    (tmp_path / "a.csv").write_text(
        "smiles,x,c\n" + "\n".join(f"{s},{i},t{i}" for i, s in enumerate([*SIX, "C1", "OCC"]))
    )
    return tmp_path / "a.csv"


def test_standardised_molecules_are_cached(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = kept.parent / "cache"
    first = read(kept, cache=str(folder))
    (file,) = (folder / "molecules").iterdir()

    def fail(*_: Any) -> None:
        raise AssertionError("standardised again")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "standardised", fail)
        again = read(kept, cache=str(folder))
        with pytest.raises(AssertionError):
            read(kept, cache=str(folder), stereo="keep")
    for found in (again, read(kept)):
        assert list(found.items) == list(first.items)
        assert issues_of(found) == issues_of(first)
        assert found.fingerprint == first.fingerprint
        assert found.description == first.description
    whole = file.read_bytes()
    for damage in (b"", whole[:-9], whole[: len(whole) // 3], b"junk", _flipped(whole)):
        file.write_bytes(damage)
        assert list(read(kept, cache=str(folder)).items) == list(first.items)
        assert file.read_bytes() == whole
    kept.write_text(kept.read_text() + "\nCCCCCC,1,z")
    assert len(read(kept, cache=str(folder)).items) == 7
    read(SIX, cache=str(folder))
    assert len(list((folder / "molecules").iterdir())) == 3


def _flipped(whole: bytes) -> bytes:
    at = len(whole) // 6
    return whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]


def test_the_default_cache_is_in_the_users_cache(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept.parent / "xdg"))
    read(kept, cache="none")
    assert not (kept.parent / "xdg").exists()
    read(kept, cache="auto")
    assert len(list((kept.parent / "xdg/gankit/molecule/molecules").glob("*.parquet"))) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(kept.parent / "home"))
    path = cache_of(MoleculeSettings()).path("molecules", "k")
    assert path is not None
    assert path.is_relative_to(kept.parent / "home")


def test_a_cache_that_cannot_be_written(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = kept.parent / "file"
    blocked.write_text("")
    with pytest.raises(GankitError, match="cache=.*file.*: cannot be written .* set cache to none"):
        read(kept, cache=str(blocked / "x"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert len(read(kept, cache="auto").items) == 6  # the system's cache is optional


def test_few_molecules_are_not_cached(tmp_path: Path) -> None:
    read(SIX, cache=str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").rglob("*.parquet"))


# --- The built-in data, and real data -----------------------------------------------------------


def test_the_built_in_data() -> None:
    found = read(None, limit=300)
    assert len(found.items) == 300
    assert "public domain" in found.licence
    drawn = "300 molecules of RDKit's NCI file, drawn by limit=300; skipped "
    assert found.description.startswith(drawn)
    assert all(p.location.startswith(f"{NCI.name}, line ") for p in found.issues)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")
def test_moses() -> None:
    found = read(SHARED / "moses" / "train.csv.gz", limit=1000)
    assert len(found.items) == 1000
    assert not found.issues
