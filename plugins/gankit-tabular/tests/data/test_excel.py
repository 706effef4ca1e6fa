"""Excel workbooks: places, sheets, types and formulas."""

from __future__ import annotations

import datetime
import re

import pytest

from gankit.errors import GankitError
from gankit_tabular.modality import TabularModality, TabularSettings

openpyxl = pytest.importorskip("openpyxl")


def workbook(file, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(file)


def read(file, **given):
    return TabularModality().read(file, TabularSettings(**given), lambda *_: None)


def test_an_index_column_keeps_its_place(tmp_path):
    rows = [[i, i % 3, f"w{i % 2}"] for i in range(30)]
    workbook(tmp_path / "t.xlsx", {"one": [[None, "a", "b"], *rows]})
    found = read(tmp_path / "t.xlsx")
    assert found.items[4] == {"column_1": 4, "a": 1, "b": "w0"}
    assert 'drop=["column_1"]' in found.warnings[0]


def test_empty_columns_and_rows(tmp_path):
    rows = [[i, None, f"w{i % 2}"] for i in range(30)]
    sheet = [[None], ["a", None, "b"], *rows[:10], [None], *rows[10:], [None], [None]]
    workbook(tmp_path / "t.xlsx", {"one": sheet})
    found = read(tmp_path / "t.xlsx")
    assert len(found.items) == 30
    assert found.items[12] == {"a": 12, "b": "w0"}
    assert found.warnings == ["1 empty row between others: left out"]


@pytest.mark.parametrize("sheet", ["second one", "2"])
def test_sheets(tmp_path, sheet):
    one = [["a"], *[[i] for i in range(30)]]
    two = [["b"], *[[i] for i in range(25)]]
    workbook(tmp_path / "t.xlsx", {"first": one, "second one": two})
    found = read(tmp_path / "t.xlsx")
    assert found.facts["sheet"] == "first; not read: second one"
    assert 'sheet="second one"' in found.warnings[0]
    assert len(read(tmp_path / "t.xlsx", sheet=sheet).items) == 25
    with pytest.raises(GankitError, match=re.escape("sheet='secnd': no such sheet")):
        read(tmp_path / "t.xlsx", sheet="secnd")


def test_types_and_formulas(tmp_path):
    day = datetime.datetime(2020, 1, 1)
    rows = [
        [day + datetime.timedelta(i), day + datetime.timedelta(hours=i), "007", i if i % 2 else "x",
         i % 2 == 0, f"=A{i + 2}"]
        for i in range(30)
    ]  # fmt: skip
    workbook(tmp_path / "t.xlsx", {"one": [["d", "t", "s", "m", "b", "f"], *rows]})
    found = read(tmp_path / "t.xlsx")
    types = [str(f.type) for f in found.items.table.schema]
    assert types == ["date32[day]", "timestamp[us]", "string", "string", "bool", "string"]
    assert found.items[1]["s"] == "007"
    assert found.items[1]["m"] == "1"
    assert any("15 texts" in w and "15 numbers" in w and "'x'" in w for w in found.warnings)
    assert any("30 cells have formulas" in w for w in found.warnings)


def test_titles_above_the_table_are_said_and_left_out(tmp_path):
    rows = [
        ["Sales 2020"],
        [],
        ["when", "what", "much"],
        *([i, "ab"[i % 2], i / 4] for i in range(30)),
    ]
    workbook(tmp_path / "t.xlsx", {"one": rows})
    found = read(tmp_path / "t.xlsx")
    assert found.items.table.column_names == ["when", "what", "much"]
    assert len(found.items) == 30
    assert any("row 3" in w and "Sales 2020" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("names", "taken"),
    [(["Empty", "Data"], "Data"), (["Test", "Train"], "Train"), (["A", "B"], "A")],
)
def test_the_sheet_that_is_read(tmp_path, names, taken):
    full = [["n", "y"], *([i, "ab"[i % 2]] for i in range(30))]
    sheets = {name: [] if name == "Empty" else [["other", "y"], *full[1:]] for name in names}
    workbook(tmp_path / "t.xlsx", sheets | {taken: full})
    found = read(tmp_path / "t.xlsx")
    assert found.items.table.column_names == ["n", "y"]
    assert found.facts["sheet"].startswith(taken)


def test_merged_cells_are_said(tmp_path):
    rows = [["g", "n"], *([f"g{i // 10}", i] for i in range(30))]
    workbook(tmp_path / "t.xlsx", {"one": rows})
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    for start in (2, 12, 22):
        book["one"].merge_cells(f"A{start}:A{start + 9}")
    book.save(tmp_path / "t.xlsx")
    assert any(
        "3 areas of merged cells, such as A2:A11" in w for w in read(tmp_path / "t.xlsx").warnings
    )
