"""Rows of one table as the sequences of their entities."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visits_and_shop import read, save, visits

from gankit.errors import GankitError
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.sequences import TABLE, read_sequences
from gankit_tabular.settings import SequenceSettings


def changed(column: int, row: int, value: str) -> list[list[str]]:
    """The visits with another value; rows count from 1."""
    rows = visits()
    rows[row][column] = value
    return rows


def test_rows_are_grouped_by_entity_and_sorted_within(tmp_path):
    file = save(visits(), tmp_path / "visits.csv")
    found = read(file, entity="patient", order="date")
    table = pd.read_csv(file, parse_dates=["date"])
    assert len(found.items) == 24
    assert [t[TABLE].column("patient")[0].as_py() for t in found.items] == [
        *dict.fromkeys(table["patient"])
    ]
    for tree in found.items:
        own = tree[TABLE].to_pandas()
        real = table[table["patient"] == own["patient"][0]].sort_values("date")
        assert list(own["weight"]) == list(real["weight"])
    assert found.facts["entities"] == "24 by patient; rows each: 1 to 5, median 3; 5 with one row"
    assert found.facts["order"] == "date, without ties"
    assert found.facts["steps"].startswith("median ")
    assert found.facts["constants"] == "sex: the same in all rows of each patient"


def test_without_an_order_that_of_the_file_counts(tmp_path):
    file = save(visits(), tmp_path / "visits.csv")
    found = read(file, entity="patient")
    table = pd.read_csv(file)
    first = found.items[0][TABLE].to_pandas()
    assert list(first["date"].astype(str)) == [
        *table[table["patient"] == first["patient"][0]]["date"]
    ]
    assert "that of the file" in found.facts["order"]


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%Y%m%d", "%m/%d/%Y"])
def test_dates_in_texts_give_the_order(tmp_path, form):
    iso = read(save(visits(), tmp_path / "iso.csv"), entity="patient", order="date")
    own = read(save(visits(form=form), tmp_path / "own.csv"), entity="patient", order="date")
    for one, two in zip(iso.items, own.items, strict=True):
        assert one[TABLE].column("weight").equals(two[TABLE].column("weight"))


def test_ties_keep_the_order_of_the_file_and_are_counted(tmp_path):
    rows = [["id", "t", "x"], *([str(i % 20), str(i // 40), str(i)] for i in range(80))]
    found = read(save(rows, tmp_path / "t.csv"), entity="id", order="t")
    assert found.items[3][TABLE].column("x").to_pylist() == [3, 23, 43, 63]
    assert found.facts["order"] == (
        "t, 40 rows tie with the one before: they keep the order of the file"
    )


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 3) | st.floats(-2, 2)), min_size=12),
    st.booleans(),
)
def test_sorting_is_that_of_pandas(rows, as_text):
    frame = pd.DataFrame(rows, columns=["e", "t"]).assign(n=range(len(rows)))
    if len(set(frame["e"])) == len(frame):
        return
    frame["e"] = frame["e"].astype(str) if as_text else frame["e"]
    found = read_sequences(Rows(pa.table(frame)), SequenceSettings("e", "t"), {})
    places = {e: i for i, e in enumerate(dict.fromkeys(frame["e"]))}
    expected = frame.assign(at=frame["e"].map(places)).sort_values(["at", "t"], kind="stable")
    assert found.trees.tables[TABLE].table.column("n").to_pylist() == list(expected["n"])
    assert found.trees.starts[TABLE].tolist() == [
        0, *np.cumsum(expected.groupby("at").size()).tolist()
    ]  # fmt: skip


def test_a_table_larger_than_memory_is_rewritten_in_a_second_file(tmp_path):
    file = save(visits(), tmp_path / "visits.csv")
    small = read(file, entity="patient", order="date")
    large = read(file, entity="patient", order="date", memory=1e-7)
    assert large.items.tables[TABLE].spool is not None
    assert large.fingerprint == small.fingerprint
    assert large.items[:].tables[TABLE].table.equals(small.items[:].tables[TABLE].table)


def test_rows_beyond_the_longest_are_said(tmp_path):
    found = read(save(visits(), tmp_path / "v.csv"), entity="patient", order="date", longest=3)
    assert found.facts["longest"].startswith(
        "13 rows, those beyond the first 3 of each patient, are left out of training"
    )


def test_what_is_missing_is_called_by_its_name(tmp_path):
    with pytest.raises(GankitError) as refused:
        read(save(visits()[:2], tmp_path / "v.csv"), entity="patient")
    assert str(refused.value).endswith(
        "has 1 usable row. At least 20 entities are needed, some with two rows or more"
    )
    rows = [["id", "t"], *([str(i % 20), str(i)] for i in range(40))]
    found = read(save(rows, tmp_path / "t.csv"), entity="id", order="t")
    assert found.facts["constants"] == "none: there are no other columns"


def test_a_constant_target_gives_the_classes_to_hold_out(tmp_path):
    file = save(visits(), tmp_path / "v.csv")
    assert set(read(file, entity="patient", order="date", target="sex").strata) == {0, 1}
    assert read(file, entity="patient", order="date").strata is None


@pytest.mark.parametrize(
    ("rows", "given", "message"),
    [
        (visits(), {"entity": "patiant"}, r"sequence.entity=patiant: the table has no such column"),
        (visits(), {"order": "day"}, r"sequence.order=day: the table has no such column"),
        (visits(), {"constants": ["sx"]}, r"sequence.constants=sx: the table has no such column"),
        (visits(), {"order": "patient"}, r"sequence.entity and another setting .* 'patient'"),
        (visits(), {"constants": ["date"]}, r"sequence.order and sequence.constants both"),
        (changed(0, 3, ""), {}, r"sequence.entity=patient: 1 row has no value, the first is row 3"),
        (changed(0, 3, "  "), {}, r"sequence.entity=patient: 1 row has no value, the first is row"),
        (changed(1, 3, ""), {}, r"sequence.order=date: 1 row has no value, the first is row 3"),
        ([[*r[:1], "", *r[2:]] if i else r for i, r in enumerate(visits())], {},
         r"sequence.order=date has no value in any row"),
        (changed(1, 3, "soon"), {}, r"has dates and other texts: row 3 has 'soon'"),
        (visits(), {"order": "sex"}, r"sequence.order=sex has texts such as '.', which have no"),
        (visits(), {"entity": "weight"}, r"sequence.entity=weight has numbers with decimals"),
        (visits(), {"constants": ["sex", "weight"]}, r"weight changes within patient P\d\d, from"),
        ([["a", "b"], *([str(i), "1"] for i in range(30))], {"entity": "a", "order": ""},
         r"sequence.entity=a: no a has two rows"),
        ([["a", "b"], *(["1", str(i)] for i in range(30))], {"entity": "a", "order": ""},
         r"sequence.entity=a: all rows are of one a"),
        (visits(7), {}, r"sequence.entity=patient: there are 7 of patient"),
        (visits(), {"target": "wieght"}, r"the table has no column 'wieght'"),
        (visits(), {"drop": ("wieght",)}, r"drop: there is no column 'wieght'"),
        (visits(), {"drop": ("patient",)}, r"sequence.entity=patient: the table has no such"),
        (visits(), {"children": ("a.csv on b",)}, r"sequence.entity and children both say"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_makes_no_sequences_is_refused_in_one_line(tmp_path, rows, given, message):
    with pytest.raises(GankitError) as refused:
        read(save(rows, tmp_path / "v.csv"), **{"entity": "patient", "order": "date", **given})
    assert re.search(message, refused.value.message)
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_a_changed_constant_is_named_with_its_row(tmp_path):
    rows = visits()
    other = next(i for i, row in enumerate(rows) if row[0] == "P04")
    rows[other][2] = "m" if rows[other][2] == "f" else "f"
    with pytest.raises(GankitError, match=r"sex changes within patient P04, from . to . in row"):
        read(save(rows, tmp_path / "v.csv"), entity="patient", order="date", constants=["sex"])


@pytest.mark.parametrize("block", [7, 2**18])
def test_columns_that_change_within_very_few_entities_are_pointed_out(tmp_path, monkeypatch, block):
    monkeypatch.setattr("gankit_tabular.data.trees.constants.AT_ONCE", block)
    rows = [["id", "t", "sex", "x"]]
    rows += [[f"P{i % 40:02d}", str(i // 40), "fm"[i % 2], str(i % 7)] for i in range(160)]
    file = tmp_path / "v.csv"
    assert not read(save(rows, file), entity="id", order="t").warnings
    rows[6][2] = "f"  # the first row of its entity: the next one differs from it
    (warning,) = read(save(rows, file), entity="id", order="t").warnings
    assert warning == (
        "sex is the same in all rows of 39 of 40 by id; it differs first in row 6: correct that "
        "row, or it is learned as changing"
    )
    for i in range(1, 6):
        rows[i + 40][2] = "?"
    assert not read(save(rows, file), entity="id", order="t").warnings


def test_entities_that_may_be_one_are_pointed_out_by_row(tmp_path):
    rows = [["id", "x"], *([f"{i % 30:03d}x", str(i)] for i in range(90))]
    rows[8][0], rows[40][0], rows[41][0] = "7x", "00a", "A"  # 7x and 007x, a and A
    (warning,) = read(save(rows, tmp_path / "v.csv"), entity="id").warnings
    assert warning == (
        "sequence.entity=id: 2 differ from another one only in capitals, leading zeros or blanks "
        "around it, such as row 38 from row 8: write them alike if they are one"
    )


def test_data_frames_make_sequences(tmp_path):
    frame = pd.read_csv(save(visits(), tmp_path / "v.csv"), parse_dates=["date"])
    found = read(frame, entity="patient", order="date")
    assert len(found.items) == 24
    assert found.items[1][TABLE].column("date").to_pylist() == sorted(
        found.items[1][TABLE].column("date").to_pylist()
    )
