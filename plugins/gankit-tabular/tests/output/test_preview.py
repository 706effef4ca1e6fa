"""Previews, also of unusual tables."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ElementTree

import numpy as np
import pyarrow as pa
import pytest

from gankit.contract import Fitting
from gankit_tabular.modality import TabularModality, TabularSettings
from gankit_tabular.output.preview import SHOWN, draw_preview

SVG = "{http://www.w3.org/2000/svg}"


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.round(-x + rng.normal(size=n), 1)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(v)) for v in 100 + 20 * x]
    word = np.array(["<low>", "mid", "high & dry"])[np.digitize(x, [-0.5, 0.5])].tolist()
    y = [None if v > 1.5 else v for v in y]
    return pa.table({"x": x, "y": y, "day": days, "word": word, "yes": (x > 0).tolist()})


def texts(svg):
    elements = ElementTree.fromstring(svg).iter()
    return [e.text or "" for e in elements if e.tag in (f"{SVG}text", f"{SVG}title")]


def test_a_preview_shows_every_column_and_both_kinds_of_rows():
    svg = draw_preview(table(100, 1), table())
    shown = texts(svg)
    assert "100 generated rows and 400 real rows" in shown
    assert {*table().column_names, "<low>", "high & dry"} <= set(shown)
    for title in ("Columns", "Associations", "Most correlated pairs"):
        assert title in shown
    assert "trainedAlgorithmicData" in svg
    shares = [t for t in shown if t.startswith("<low>: ")]
    low, real = (t["word"].to_pylist().count("<low>") / len(t) for t in (table(100, 1), table()))
    assert shares == [f"<low>: {low:.1%}, real {real:.1%}"]
    assert any(t.startswith("missing ") and ", real " in t for t in shown)


def test_integers_fill_bars_evenly():
    even = pa.table({"n": list(range(50)) * 4, "w": ["a", "b"] * 100})
    bars = [t for t in texts(draw_preview(even, even)) if " to " in t]
    shares = {t.split(": ")[1] for t in bars[:15]}
    assert shares == {"6.0%, real 6.0%"}  # three numbers of fifty


def test_without_real_rows():
    shown = texts(draw_preview(table()))
    assert "400 generated rows" in shown
    assert not any("real" in t for t in shown)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows(rows):
    some = table().slice(0, rows)
    assert texts(draw_preview(some))
    assert texts(draw_preview(some, table()))


def test_unusual_columns():
    odd = pa.table(
        {
            "nothing": pa.array([None] * 40, pa.float64()),
            "null": pa.nulls(40),
            "one": ["same"] * 40,
            "name": [f"row {i}" for i in range(40)],
            "x": list(range(40)),
        }
    )
    shown = texts(draw_preview(odd, odd))
    assert "40 others" in shown  # each of one row
    assert "Associations" not in shown  # only x varies without being an identifier


def test_values_of_few_rows_are_not_shown():
    rare = table(400)
    words = ["low"] * 390 + ["secret-word"] * 4 + [f"secret-{i}" for i in range(6)]
    amounts = [10.0, 20.0] * 198 + [8_675_309.25, -31_415.5, 27_182.8, 16_180.3]
    few = [1, 2, 3, 4] * 99 + [73_198_461] * 4
    rare = rare.append_column("words", [words]).append_column("amount", [amounts])
    rare = rare.append_column("few", [few])
    svg = draw_preview(rare, rare)
    for value in ("secret", "8,675,309", "8675309", "31,415", "27,182", "16,180", "73,198,461"):
        assert value not in svg
    assert "7 others: 2.5%, real 2.5%" in texts(svg)


def test_a_wide_table():
    wide = pa.table({f"c{i}": np.random.default_rng(i).normal(size=50) for i in range(SHOWN + 3)})
    shown = texts(draw_preview(wide, wide))
    assert shown[0].endswith("3 more columns are not shown")
    assert f"c{SHOWN - 1}" in shown
    assert f"c{SHOWN}" not in shown


def test_types_that_differ():
    """As when generated rows are read from a text file."""
    real = table()
    text = real.set_column(0, "x", real["x"].cast(pa.string())).drop_columns(["yes"])
    shown = texts(draw_preview(text, real))
    assert "x" in shown
    assert "yes" not in shown


def test_training_rows_are_evenly_spaced():
    modality = TabularModality()
    source = modality.read(table(20_000), TabularSettings(), lambda *_: None)
    codec = modality.fit_codec(source.items, TabularSettings(), Fitting())
    items = [dict(source.items[i]) for i in range(10)]
    for given in (codec, None):
        preview = modality.preview(items, given, source.items)
        assert preview.suffix == ".svg"
        assert "10 generated rows and 5,000 real rows" in texts(preview.content)
