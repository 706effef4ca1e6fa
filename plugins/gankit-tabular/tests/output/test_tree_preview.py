"""Pictures of entities and trees."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ElementTree

import pytest
from tree_data import patients, shop

from gankit_tabular.output.tree_preview import draw_trees

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    elements = ElementTree.fromstring(svg).iter()
    return [e.text or "" for e in elements if e.tag in (f"{SVG}text", f"{SVG}title")]


def test_entities_over_real_quantiles():
    made, real = patients(40, 1), patients(120)
    svg = draw_trees([*made], real)
    shown = texts(svg)
    about = [f"{len(t)} {w} entities (patient), {len(t.tables['visits'])} rows"
             for t, w in ((made, "generated"), (real, "real"))]  # fmt: skip
    assert "; ".join(about) in shown
    for part in ("visits per patient", "weight", "state", "day (difference)", "Associations"):
        assert part in shown
    assert any(t.startswith("From row to row: 5 generated") for t in shown)
    assert any(t.endswith("of real rows") for t in shown)
    assert "trainedAlgorithmicData" in svg
    assert not any(t.startswith("P0") for t in shown)  # no names of patients


def test_no_real_row_is_shown():
    """Axes end at round values, and places of few rows have no quantile."""
    real = patients(120)
    svg = draw_trees([*patients(40, 1)], real)
    for row in real.tables["visits"].table.to_pylist()[:50]:
        assert str(row["weight"]) not in texts(svg)
    few = draw_trees([*patients(40, 1)], patients(12))
    assert "of real rows" not in few
    assert "#cccccc" not in few


def test_tables_with_their_parents():
    shown = texts(draw_trees([*shop(60, 1)], shop(100)))
    for part in ("orders per customers", "items per orders", "orders.channel", "price"):
        assert part in shown


@pytest.mark.parametrize("make", [patients, shop])
def test_without_real_ones(make):
    shown = texts(draw_trees([*make(30)]))
    assert not any("real" in t and "real rows" not in t for t in shown)
    assert draw_trees([*make(1)])  # the smallest


def test_a_date_is_an_axis():
    shown = texts(draw_trees([*patients(30)], patients(60)))
    days = [t for t in shown if t.startswith("202") and len(t) == 10]
    assert all(datetime.date.fromisoformat(t) for t in days)
    assert len(days) >= 2
