"""Associations against closed forms; and pictures that hold for odd tables too."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ElementTree

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from gankit_tabular.evaluation.associations import associations
from gankit_tabular.modality import TabularModality, TabularSettings
from gankit_tabular.output.preview import SHOWN, write_preview

SVG = "{http://www.w3.org/2000/svg}"


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.round(-x + rng.normal(size=n), 1)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(v)) for v in 100 + 20 * x]
    word = np.array(["<low>", "mid", "high & dry"])[np.digitize(x, [-0.5, 0.5])].tolist()
    y = [None if v > 1.5 else v for v in y]
    return pa.table({"x": x, "y": y, "day": days, "word": word, "yes": (x > 0).tolist()})


def texts(file):
    tree = ElementTree.parse(file)
    return [e.text or "" for e in tree.iter() if e.tag in (f"{SVG}text", f"{SVG}title")]


# --- Associations -------------------------------------------------------------------------------


def test_numbers_have_spearmans_correlation():
    t = table().select(["x", "day"])
    found = associations(t, ["x", "day"])
    days = [d.toordinal() for d in t["day"].to_pylist()]
    assert found[0, 1] == found[1, 0] == pytest.approx(spearmanr(t["x"], days)[0])
    assert np.diag(found) == pytest.approx(1)


def test_categories_by_closed_forms():
    n = 600
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, n)
    # A renaming, a coin that agrees in 3 of 4 rows, and something else altogether.
    coin, twin = a % 2, np.where(rng.random(n) < 0.25, 1 - a % 2, a % 2)
    columns = {"a": a, "b": (a + 1) % 3, "coin": coin, "twin": twin, "other": rng.integers(0, 5, n)}
    t = pa.table({name: [f"w{v}" for v in c] for name, c in columns.items()})
    found = associations(t, list(columns))
    assert found[0, 1] == pytest.approx(1)
    # V of two binary columns is their correlation; the correction is of order 1/n.
    assert found[2, 3] == pytest.approx(np.corrcoef(coin, twin)[0, 1], abs=0.01)
    assert found[0, 4] < 0.1


def test_a_number_and_a_category():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 800)
    t = pa.table(
        {
            "group": [f"g{v}" for v in group],
            "fixed": group.astype(float),
            "free": rng.normal(size=800),
            "half": group + rng.normal(0, group.std(), 800),
            "none": [1.0] * 800,
        }
    )
    found = associations(t, t.column_names)[0]
    assert found[1] == pytest.approx(1)
    assert found[2] < 0.1
    assert found[3] == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert associations(t, ["fixed", "none"])[0, 1] != associations(t, ["fixed", "none"])[0, 1]


# --- Pictures -----------------------------------------------------------------------------------


def test_a_picture_names_every_column_and_both_kinds_of_rows(tmp_path):
    file = write_preview(table(100, 1), table(), tmp_path / "p.svg")
    said = texts(file)
    assert "100 generated rows beside 400 real ones" in said
    assert {*table().column_names, "<low>", "high & dry"} <= set(said)
    for title in ("Columns", "Associations", "Pairs that go together"):
        assert title in said
    assert "trainedAlgorithmicData" in file.read_text()
    shares = [t for t in said if t.startswith("<low>: ")]
    low, real = (t["word"].to_pylist().count("<low>") / len(t) for t in (table(100, 1), table()))
    assert shares == [f"<low>: {low:.1%}, real {real:.1%}"]
    assert any(t.startswith("missing ") and ", real " in t for t in said)


def test_whole_numbers_fill_bars_evenly(tmp_path):
    even = pa.table({"n": list(range(50)) * 4, "w": ["a", "b"] * 100})
    bars = [t for t in texts(write_preview(even, even, tmp_path / "p.svg")) if " to " in t]
    shares = {t.split(": ")[1] for t in bars[:15]}
    assert shares == {"6.0%, real 6.0%"}  # three numbers of fifty


def test_without_real_rows(tmp_path):
    said = texts(write_preview(table(), None, tmp_path / "p.svg"))
    assert "400 generated rows" in said
    assert not any("real" in t for t in said)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows(tmp_path, rows):
    some = table().slice(0, rows)
    assert texts(write_preview(some, None, tmp_path / "p.svg"))
    assert texts(write_preview(some, table(), tmp_path / "p.svg"))


def test_odd_columns(tmp_path):
    odd = pa.table(
        {
            "nothing": pa.array([None] * 40, pa.float64()),
            "null": pa.nulls(40),
            "one": ["same"] * 40,
            "name": [f"row {i}" for i in range(40)],
            "x": list(range(40)),
        }
    )
    said = texts(write_preview(odd, odd, tmp_path / "p.svg"))
    assert "35 others" in said
    assert "Associations" not in said  # only x varies, and is no name


def test_a_wide_table(tmp_path):
    wide = pa.table({f"c{i}": np.random.default_rng(i).normal(size=50) for i in range(SHOWN + 3)})
    said = texts(write_preview(wide, wide, tmp_path / "p.svg"))
    assert said[0].endswith("3 more columns are not shown")
    assert f"c{SHOWN - 1}" in said
    assert f"c{SHOWN}" not in said


def test_types_that_differ_meet(tmp_path):
    """As when generated rows are read back from a text file."""
    real = table()
    text = real.set_column(0, "x", real["x"].cast(pa.string())).drop_columns(["yes"])
    said = texts(write_preview(text, real, tmp_path / "p.svg"))
    assert "x" in said
    assert "yes" not in said


def test_the_modality_shows_training_rows_evenly(tmp_path):
    modality = TabularModality()
    source = modality.read(table(20_000), TabularSettings(), lambda *_: None)
    items = [dict(source.items[i]) for i in range(10)]
    file = modality.preview_beside(items, source.items, tmp_path / "p")
    assert file == tmp_path / "p.svg"
    assert "10 generated rows beside 5,000 real ones" in texts(file)
