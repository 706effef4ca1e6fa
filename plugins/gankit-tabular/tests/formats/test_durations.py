"""Durations are read, and written in the same form."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.formats.columns import column_format, load_format
from gankit_tabular.formats.durations import DurationFormat, duration_format


@pytest.mark.parametrize(
    "texts",
    [
        ["0:00:05", "25:10:00", "7:59:59"],
        ["00:00:05", "25:10:00", "107:59:59"],
        ["72:15", "25:00", "0:05"],
        ["1:05.20", "0:59.99", "3:00.00"],
        ["-1:30:00", "30:00:00"],
        ["2 days 03:00:00", "-1 days +23:59:59", "0 days 00:00:00"],
        ["0 days 03:00:00.250000", "1 days 00:00:00.000001"],
        ["PT4H30M", "PT0H5M"],
        ["PT5M", "PT1H30M", "PT2H", "P1DT2H"],
        ["PT1.5S", "PT20.25S", "PT3S"],
    ],
)
def test_texts_come_back(texts):
    form = column_format(pa.chunked_array([texts]), cells=True)
    assert isinstance(form, DurationFormat)
    assert load_format(form.state()) == form
    values = [form.read(text) for text in texts]
    assert [form.write(value) for value in values] == texts
    assert pa.types.is_duration(form.read_column(pa.chunked_array([texts])).type)


@pytest.mark.parametrize("texts", [["10:30", "11:45"], ["16:9", "4:3"], ["1:75:00", "2:00:00"]])
def test_other_texts_are_no_durations(texts):
    form = column_format(pa.chunked_array([texts]), cells=True)
    assert not isinstance(form, DurationFormat)


@given(st.lists(st.integers(0, 10**7), min_size=2), st.sampled_from(["clock", "days", "iso"]))
def test_any_duration_comes_back(values, way):
    written = DurationFormat(way, parts="DHMs" if way == "iso" else "")
    texts = [written.write(value) for value in values]
    form = duration_format(pa.chunked_array([texts]))
    assert form is not None
    assert [form.read(text) for text in texts] == values
    assert [form.read(form.write(value)) for value in values] == values


def test_missing_marks():
    form = duration_format(pa.chunked_array([["1:00:00", "-", "30:00:00"]]), ["-"])
    assert form is not None
    assert form.marks == ("-",)
    assert form.read_column(pa.chunked_array([["-"]])).null_count == 1
