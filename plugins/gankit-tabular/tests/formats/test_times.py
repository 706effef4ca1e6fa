"""Dates and times in texts of one pattern."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.formats.columns import column_format, load_format
from gankit_tabular.formats.times import TimeFormat, time_format

MOMENTS = st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2900, 1, 1))


def texts(values):
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("column", "pattern", "kind"),
    [
        (["04/11/2018", "25/12/2018"], "%d/%m/%Y", "date32[day]"),
        (["04/13/2018", "11/02/2018"], "%m/%d/%Y", "date32[day]"),
        (["4/13/2018", "11/2/2018"], "%-m/%-d/%Y", "date32[day]"),
        (["31.12.2020 10:00", "01.01.2021 23:59"], "%d.%m.%Y %H:%M", "timestamp[s]"),
        (["2020-01-31T10:00:00Z", "2021-02-28T23:59:59Z"], "%Y-%m-%dT%H:%M:%S%z", None),
        (["2020/01/31", "2021/02/28"], "%Y/%m/%d", "date32[day]"),
        (["31-Jan-2020", "28-Feb-2021"], "%d-%b-%Y", "date32[day]"),
        (["January 31, 2020", "May 2, 2021"], "%B %-d, %Y", "date32[day]"),
        (["20200131", "20210228"], "%Y%m%d", "date32[day]"),
        (["10:30", "23:59"], "%H:%M", "time32[s]"),
        (["1:30 PM", "11:05 AM"], "%-I:%M %p", "time32[s]"),
        (["10:30:00.5", "23:59:01.25"], "%H:%M:%S.%f", "time32[ms]"),
        (["2020-01", "2021-12"], "%Y-%m", "date32[day]"),
        (["31.12.99", "01.02.05"], "%d.%m.%y", "date32[day]"),
    ],
)
def test_patterns(column, pattern, kind):
    form = time_format(texts(column))
    assert form is not None
    assert form.pattern == pattern
    assert kind is None or str(form.type) == kind
    assert [form.write(form.read(t)) for t in column] == column
    assert load_format(form.state()) == form
    assert form.read_column(texts([*column, None])).type == form.type


@pytest.mark.parametrize(
    "column",
    [
        ["2020-02-30"], ["13/13/2020"], ["1.2.3"], ["25:00"], ["10.0.0.1"], ["SKU-2020"],
        ["2020"], ["04/11/2018", "soon"], ["+49 30 1234"], ["K-01"], [None], ["1/2"],
    ],
)  # fmt: skip
def test_texts_that_are_no_dates(column):
    assert time_format(texts(column)) is None


def test_integers_that_are_all_dates():
    days = [20160131, 20160201, 20161231, None]
    form = column_format(pa.chunked_array([days]))
    assert isinstance(form, TimeFormat)
    read = form.read_column(pa.chunked_array([days]))
    assert read.to_pylist()[0] == datetime.date(2016, 1, 31)
    back = form.write_column([16831, None], 0, pa.int64())
    assert back.to_pylist() == [20160131, None]
    assert column_format(pa.chunked_array([[20160131, 20160132, 20160201]])) is None


def test_the_constant_part_is_the_day():
    months = [f"01/{m:02d}/2018" for m in range(1, 13)]
    assert time_format(texts(months)).pattern == "%d/%m/%Y"
    assert time_format(texts(["01/02/2018", "03/04/2018"])).ambiguous


@given(
    st.lists(
        MOMENTS,
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["%d.%m.%Y", "%Y-%m-%d %H:%M", "%d/%b/%Y %H:%M:%S", "%Y%m%d%H%M%S"]),
)
def test_any_pattern_reproduces_its_texts(moments, pattern):
    column = [f"{m:{pattern}}" for m in moments]
    form = time_format(texts(column))
    assert form is not None
    assert [form.write(form.read(t)) for t in column] == column


@pytest.mark.parametrize(
    "texts",
    [
        ["2020-W01", "2020-W53", "2021-W40"],
        ["2020-W01-1", "2020-W53-7"],
        ["1990Q1", "2004Q4"],
        ["Q1 2020", "Q3 2021"],
    ],
)
def test_weeks_and_quarters(texts):
    form = time_format(pa.chunked_array([texts]))
    assert form is not None
    assert [form.write(form.read(text)) for text in texts] == texts


def test_no_week_54_and_no_fifth_quarter():
    assert time_format(pa.chunked_array([["2020-W54", "2020-W01"]])) is None
    assert time_format(pa.chunked_array([["2020Q5", "2020Q1"]])) is None
