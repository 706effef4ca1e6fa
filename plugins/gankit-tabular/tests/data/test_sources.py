"""Tables from files and memory; damage is reported."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from gankit.contract import Fitting, quiet
from gankit.errors import GankitError
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.sources import fingerprint, read_table
from gankit_tabular.modality import TabularModality, TabularSettings

ROWS = [{"a": i, "b": f"w{i % 3}", "c": i / 4} for i in range(30)]
TABLE = pa.Table.from_pylist(ROWS)
CSV = "a,b,c\n" + "".join(f"{r['a']},{r['b']},{r['c']}\n" for r in ROWS)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "t.tsv").write_text(CSV.replace(",", "\t"))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    with pa.output_stream(str(tmp_path / "t.csv.zst"), compression="zstd") as stream:
        stream.write(CSV.encode())
    lines = [f'{{"a": {r["a"]}, "b": "{r["b"]}", "c": {r["c"]}}}\n' for r in ROWS]
    (tmp_path / "t.jsonl").write_text("".join(lines))
    pyarrow.parquet.write_table(TABLE, tmp_path / "t.parquet")
    pyarrow.feather.write_feather(TABLE, tmp_path / "t.feather")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.csv.gz", "t.csv.zst", "t.jsonl", "t.parquet", "t.feather"]
)
def test_every_format_gives_the_same_table(files, name):
    table, issues = read_table(str(files / name))
    assert table.to_pylist() == ROWS
    assert not issues
    assert fingerprint(Rows(table)) == fingerprint(Rows(TABLE))


def test_objects_in_memory():
    assert read_table(ROWS)[0].to_pylist() == ROWS
    assert read_table(TABLE)[0].to_pylist() == ROWS


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frame = pytest.importorskip(library).DataFrame(ROWS)
    assert read_table(frame)[0].to_pylist() == ROWS


def test_excel(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["a", "b", "c"], *(list(r.values()) for r in ROWS), [None, None, None]]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    table, _ = read_table(str(tmp_path / "t.xlsx"))
    assert [{**r, "c": float(r["c"])} for r in table.to_pylist()] == ROWS
    (tmp_path / "bad.xlsx").write_bytes(b"junk")
    with pytest.raises(GankitError, match="bad.xlsx"):
        read_table(str(tmp_path / "bad.xlsx"))


def test_records_with_different_keys():
    table, _ = read_table([{"b": 1}, {"a": 2}] * 15)
    assert table.to_pylist()[:2] == [{"b": 1, "a": None}, {"b": None, "a": 2}]


def test_an_iterator_of_records():
    assert read_table(row for row in ROWS)[0].to_pylist() == ROWS


@pytest.mark.parametrize("source", [7, ["a", "b"], {"a": [1]}])
def test_objects_that_are_not_a_table(source):
    with pytest.raises(GankitError, match=f"data of type {type(source).__name__} is not a table"):
        read_table(source)


def test_a_folder_is_one_table(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("a,b\n2,y\n")
    assert read_table(str(tmp_path))[0].to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_skipped_lines_are_reported(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2\n3,y,z\n4,w\n")
    table, issues = read_table(str(tmp_path / "t.csv"))
    assert table.num_rows == 2
    assert [p.location for p in issues] == ["t.csv, line 3", "t.csv, line 4"]
    assert "1 value, not 2" in issues[0].reason


@pytest.mark.parametrize("text", ["", "NA", "?", "NaN"])
def test_texts_for_missing_values(tmp_path, text):
    (tmp_path / "t.csv").write_text(f"a,b\n1,x\n{text},{text}\n")
    assert read_table(str(tmp_path / "t.csv"))[0].to_pylist()[1] == {"a": None, "b": None}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "cannot read"),
        ("t.csv", b"a,a\n1,2\n", "two columns named 'a'"),
        ("t.parquet", b"junk", "t.parquet"),
        ("t.xyz", b"junk", "is not a supported table"),
        ("t.jsonl", b"{]", "t.jsonl"),
    ],
)
def test_files_that_are_not_a_table(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GankitError, match=message):
        read_table(str(tmp_path / name))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "d"}, "no column 'd'"),
        ({"drop": ("aa",)}, "no column 'aa'"),
        ({"numbers": ("x",)}, "no column 'x'"),
    ],
)
def test_settings_that_name_no_column(settings, message):
    with pytest.raises(GankitError, match=message):
        TabularModality().read(ROWS, TabularSettings(**settings), lambda *_: None)


def test_one_row_and_constant_columns(tmp_path):
    modality = TabularModality()
    with pytest.raises(GankitError, match="the table has 1 usable row. At least 20 are needed"):
        modality.read(ROWS[:1], TabularSettings(), lambda *_: None)
    same = modality.read([{"a": 1}] * 30, TabularSettings(), lambda *_: None)
    with pytest.raises(GankitError, match="no column varies"):
        modality.fit_codec(same.items, TabularSettings(), Fitting())
    keys = modality.read([{"id": f"K-{i}"} for i in range(60)], TabularSettings(), lambda *_: None)
    with pytest.raises(GankitError, match=r'except identifiers \(id\).*categories=\["id"\]'):
        modality.fit_codec(keys.items, TabularSettings(), Fitting())


def _warned(source):
    return TabularModality().read(source, TabularSettings(), quiet).warnings


def test_columns_named_like_those_of_gankit_are_left_out_aloud_unless_they_are(files):
    lines = CSV.splitlines()
    as_data = files / "named.csv"
    as_data.write_text("".join(f"{x},{'_seed' if not i else i % 4}\n" for i, x in enumerate(lines)))
    (warning,) = _warned(str(as_data))
    assert warning.startswith("left out: _seed (the name of gankit's own column); rename")
    marks = ["_seed,_synthetic", *("7,true" if i % 2 else ",false" for i in range(len(ROWS)))]
    as_data.write_text("".join(f"{x},{m}\n" for x, m in zip(lines, marks, strict=True)))
    assert _warned(str(as_data)) == []
    own = TABLE.append_column("_seed", pa.array(range(len(ROWS))))
    assert _warned(own.append_column("_synthetic", pa.array([True] * len(ROWS)))) == []
    other = own.append_column("_synthetic", pa.array(["no"] * len(ROWS)))
    assert _warned(other)[0].startswith("left out: _seed, _synthetic (the names of gankit's own")
