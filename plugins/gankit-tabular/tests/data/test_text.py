"""Delimited text files: dialect, encoding, header and types are detected, and doubts reported."""

from __future__ import annotations

import bz2
import datetime
import gzip

import pyarrow as pa
import pytest

from gankit.errors import GankitError
from gankit_tabular.data import files
from gankit_tabular.data.dialect import schema_dialect
from gankit_tabular.formats.columns import typed_table
from gankit_tabular.modality import TabularModality, TabularSettings

ROWS = [f"{i};{i % 40};Zürich" for i in range(30)]
SEMICOLONS = "\n".join(["id;age;city", *ROWS]) + "\n"
PLAIN = "a,b\n" + "".join(f"{i},x{i % 3}\n" for i in range(30))


@pytest.fixture
def read(tmp_path):
    def one(content: str | bytes, name: str = "t.csv", **given: object):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        settings = TabularSettings(**given)
        return TabularModality().read(tmp_path / name, settings, lambda *_: None)

    return one


def columns(found):
    return {f.name: str(f.type) for f in found.items.table.schema}


# --- Delimiters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv"])
def test_the_delimiter_is_found_out(read, delimiter, name):
    found = read(SEMICOLONS.replace(";", delimiter), name)
    assert columns(found) == {"id": "int64", "age": "int64", "city": "string"}
    assert "detected" in found.facts["format"]
    assert not found.warnings


def test_decimal_commas_do_not_hide_semicolons(read):
    found = read("id;price\n" + "".join(f"{i};{i},5\n" for i in range(30)))
    assert list(columns(found)) == ["id", "price"]


@pytest.mark.parametrize("delimiter", ["\\t", "\t", "tab"])
def test_a_tab_may_be_escaped(read, delimiter):
    found = read(SEMICOLONS.replace(";", "\t"), delimiter=delimiter)
    assert list(columns(found)) == ["id", "age", "city"]


def test_one_column_full_of_delimiters_is_doubted(read):
    found = read(SEMICOLONS, delimiter=",")
    assert "delimiter=';'" in found.warnings[0]


def test_a_blank_after_each_delimiter_belongs_to_it(read):
    found = read("a, b\n" + "".join(f"{i}, x{i % 2}\n" for i in range(30)))
    assert found.items[1] == {"a": 1, "b": "x1"}
    assert schema_dialect(found.items.table.schema.metadata).blank


# --- Encodings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"]
)
def test_the_encoding_is_found_out(read, encoding):
    found = read(SEMICOLONS.encode(encoding))
    assert found.items[0] == {"id": 0, "age": 0, "city": "Zürich"}
    assert bool(found.warnings) == (encoding in ("cp1252", "latin-1"))


def test_undecodable_bytes_are_counted(read):
    found = read(SEMICOLONS.encode("cp1252"), encoding="utf-8")
    assert found.items[0]["city"] == "Z\ufffdrich"
    assert found.warnings[0].startswith("30 ")
    assert "encoding=cp1252" in found.warnings[0]


def test_one_broken_line_does_not_change_the_encoding(read):
    content = SEMICOLONS.encode().replace("3;3;Zürich".encode(), b"3;3;Z\xfcrich")
    found = read(content)
    assert [row["city"] for row in found.items][:5:2] == ["Zürich"] * 3
    assert "\ufffd" in found.items[3]["city"]
    assert found.warnings


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_files(read, suffix, pack):
    assert len(read(pack(PLAIN.encode()), f"t.csv.{suffix}").items) == 30


# --- Headers ------------------------------------------------------------------------------------


def test_an_unnamed_column_keeps_its_place(read):
    found = read(",a,b\n" + "".join(f"{i},{i % 3},x\n" for i in range(30)))
    assert found.items[4] == {"column_1": 4, "a": 1, "b": "x"}
    assert 'drop=["column_1"]' in found.warnings[0]


def test_row_names_without_a_header(read):
    found = read('"a" "b"\n' + "".join(f'"{i}" {i % 3} "x y"\n' for i in range(30)), "t.txt")
    assert found.items[4] == {"column_1": 4, "a": 1, "b": "x y"}
    assert "row names" in found.warnings[0]


def test_a_delimiter_at_the_end_of_every_line(read):
    found = read("a,b\n" + "".join(f"{i},{i % 3},\n" for i in range(30)))
    assert found.items[4] == {"a": 4, "b": 1}
    assert "left out" in found.warnings[0]


def test_a_header_that_looks_like_data(read):
    found = read("".join(f"{i},{i + 1}.5,x{i}\n" for i in range(30)))
    assert "looks like data" in found.warnings[0]
    assert not read("year,1990,1991\n" + "a,1,2\n" * 30).warnings


def test_names_are_stripped_like_the_users(read):
    found = read("a ,b\n" + "".join(f"{i},x\n" for i in range(30)), target="a")
    assert list(columns(found)) == ["a", "b"]
    assert schema_dialect(found.items.table.schema.metadata).names == {"a": "a "}


# --- Types --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2"], "int64"), (["1", ""], "int64"), (["NA", "7"], "int64"),
        (["1.5", "2"], "double"), (["1.0", "2.5"], "double"), (["67.30", "1.00"], "double"),
        (["1e-08", "2.5"], "double"), (["true", "false"], "bool"), (["2020-01-31"], "date32[day]"),
        (["2020-01-01 10:00:00.123"], "timestamp[ms]"),
        (["2020-01-01 10:00:00"], "timestamp[s]"),
        (["02139", "1"], "string"), (["TRUE"], "string"), (["+5"], "string"), (["1e3"], "string"),
        (["0x10"], "string"), ([" 5"], "string"), (["1", "NA", ""], "string"),
        (["12345678901234567890"], "string"), (["1.50", "1.5"], "string"), (["-0"], "double"),
        (["31.12.2020"], "string"), (["1,5"], "string"), (["?", "x"], "string"),
    ],
)  # fmt: skip
def test_a_type_is_taken_only_if_cells_are_written_back(read, cells, kind):
    lines = [f'"{cells[i % len(cells)]}",{i}' for i in range(30)]
    assert columns(read("\n".join(["x,n", *lines])))["x"] == kind


def test_points_beside_decimal_commas_separate_thousands(read):
    lines = [f"{i},5;{1 + i}.{i:03d};{i % 3}" for i in range(30)]
    found = read("\n".join(["a;b;c", *lines]))
    values = typed_table(found.items.table)
    assert values["b"].to_pylist()[2] == 3002
    assert values["a"].to_pylist()[2] == 2.5
    again = read("\n".join(["a;b;c", *lines]).replace(",", "."))
    assert again.items[2]["b"] == 3.002


def test_missing_values_as_pandas_names_them(read):
    text = "a,b\n" + "".join(
        f"{'-' if i % 5 == 0 else i},{('n/a', 'NA', 'k')[i % 3]}\n" for i in range(30)
    )
    found = read(text, na_values=("-",))
    assert columns(found)["a"] == "int64"
    assert found.items[0]["a"] is None
    assert "- (1 column)" in found.facts["missing values"]
    found = read(text, na_values=("-", "n/a"), keep_default_na=False)
    assert found.items[0]["b"] is None
    assert found.items[1]["b"] == "NA"


def test_files_of_a_folder_share_their_types(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n" + "1,2\n" * 20)
    (tmp_path / "2.csv").write_text("a,b\n" + "x,02\n" * 20)
    found = TabularModality().read(tmp_path, TabularSettings(), lambda *_: None)
    assert found.items[0] == {"a": "1", "b": "2"}
    assert found.items[39] == {"a": "x", "b": "02"}


def test_ambiguous_dates_are_said(read):
    lines = [f"0{i % 9 + 1}/0{i % 8 + 1}/2018,{i % 28 + 1}/1/2018" for i in range(60)]
    found = read("\n".join(["d,e", *lines]))
    assert [w for w in found.warnings if "'d'" in w]
    assert not [w for w in found.warnings if "'e'" in w]


def test_the_classes_of_the_target(read):
    found = read(PLAIN, target="b")
    assert len(set(found.strata)) == 3
    assert read(PLAIN, target="a").strata is None


# --- What is no table ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"), ("\n\n", "is empty"), (" \n", "is empty"), ("a,b\n", "0 usable rows"),
        ("a,b", "0 usable rows"), ("a,b\n" + "1,2,3\n" * 30, "Name every column"),
        ("a,b,c\n" + "1,2\n" * 30, "it has 2 values, not 3"), (b"a,b\n1,\0\n" * 30, "NUL bytes"),
        ("a,a\n" + "1,2\n" * 30, "two columns named 'a'"),
        ("1,1\n" + "1,2\n" * 30, "add a line of column names"),
        ('a,b\n1,"x\n' + "1,2\n" * 30, "1 usable row"),
    ],
)  # fmt: skip
def test_one_line_for_files_that_are_no_table(read, content, message):
    with pytest.raises(GankitError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("t.csv", {"delimiter": "::"}, "delimiter='::' is not one character"),
        ("t.csv", {"delimiter": '"'}, "is not one character"),
        ("t.csv", {"encoding": "klingon"}, "unknown encoding"),
        ("t.csv.gz", {}, "cannot read"),
        ("t.xls", {}, "an old Excel workbook"),
        ("t.ods", {}, "an OpenDocument spreadsheet"),
        ("t.zip", {}, "a zip archive"),
        ("t.csv", {"drop": ("a", "b")}, "no columns"),
        ("t.csv", {"drop": ("c",)}, "no column 'c'"),
    ],
)
def test_one_line_for_settings_and_kinds_of_files(read, name, given, message):
    with pytest.raises(GankitError, match=message):
        read(PLAIN, name, **given)


def test_dates_are_no_identifiers(read):
    text = "d,e\n" + "".join(f"{datetime.date(2020, 1, i % 28 + 1)},{i}\n" for i in range(30))
    with pytest.raises(GankitError, match="only texts and integers"):
        read(text, identifiers=("d",))


def test_notes_and_output_in_a_folder_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text(PLAIN)
    (tmp_path / "README.txt").write_text("about these data")
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "run.toml").write_text('[run]\nplugin = "tabular"\n')
    (tmp_path / "runs" / "one" / "metrics.jsonl").write_text('{"samples": 1}\n')
    found = TabularModality().read(tmp_path, TabularSettings(), lambda *_: None)
    assert len(found.items) == 30
    assert found.facts["files left out"].startswith("2:")
    assert [issue.reason for issue in found.issues] == ["part of a gankit run: left out"]


def test_too_little_memory_is_not_the_file_s_fault(tmp_path):
    def parts():
        raise pa.ArrowMemoryError("malloc of size 67108864 failed")
        yield

    with pytest.raises(MemoryError, match="malloc"):
        list(files._guarded(tmp_path / "t.csv", parts()))
