"""One row as a picture."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ElementTree

from gankit_tabular.modality import TabularModality
from gankit_tabular.output.row import SHOWN

SVG = "{http://www.w3.org/2000/svg}"


def texts(row):
    rendering = TabularModality().render(row, None)
    assert rendering.suffix == ".svg"
    elements = ElementTree.fromstring(rendering.content).iter(f"{SVG}text")
    return [e.text for e in elements]


def test_names_and_values_are_escaped():
    row = {
        "<b>name</b>": "a & b",
        "x": 0.1 + 0.2,
        "n": 7,
        "flag": True,
        "none": None,
        "at": datetime.datetime(2024, 1, 2, 3),
        "lines": "one\ntwo",
    }
    assert texts(row) == [
        *("<b>name</b>", "a & b", "x", "0.3", "n", "7", "flag", "true", "none", "missing"),
        *("at", "2024-01-02 03:00:00", "lines", "one two"),
    ]


def test_long_texts_and_many_columns_are_shortened():
    long = texts({"n" * 500: "v" * 500})
    assert all(len(t) < 70 and t.endswith("…") for t in long)
    many = texts({f"c{i}": i for i in range(SHOWN + 3)})
    assert len(many) == 2 * SHOWN + 2
    assert many[-2:] == ["…", "3 more"]


def test_an_empty_row():
    assert texts({}) == []
