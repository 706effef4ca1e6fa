"""Requested values are read as the column's own."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.periods import parse_period
from gankit_tabular.codec.queries import parse_query

N = 1000
DAY = 86_400


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(0)
    days = rng.integers(3000, 19_000, N)
    money = rng.lognormal(6, 1, N)
    table = pa.table(
        {
            "joined": pa.array(days.astype("i4")).cast(pa.date32()),
            "at": pa.array(days * DAY + rng.integers(0, DAY, N)).cast(pa.timestamp("s", "UTC")),
            "open": pa.array(rng.integers(0, DAY, N).astype("i4")).cast(pa.time32("s")),
            "wait": pa.array(rng.integers(0, DAY, N)).cast(pa.duration("s")),
            "age": rng.integers(18, 90, N),
            "price": [f"${v:,.2f}" for v in money],
            "euro": [f"{v:,.2f} €".translate(str.maketrans(",.", ".,")) for v in money],
            "share": [f"{v}%" for v in rng.integers(0, 101, N)],
            "weight": [f"{v:.1f} kg" for v in rng.normal(70, 10, N)],
            "member": rng.random(N) < 0.5,
            "place": rng.choice([" x", "a|b", "c=d", "in..out", 'say "no"', "missing"], N).tolist(),
        }
    )
    return {c.name: c for c in TableCodec.fit(table).columns}


def day(text):
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days


def test_dates(columns):
    def span(text):
        return parse_query(columns["joined"], text).span

    assert span("1990..2000") == (day("1990-01-01"), day("2000-12-31"))
    assert span("1995") == (day("1995-01-01"), day("1995-12-31"))
    assert span("2020-03") == (day("2020-03-01"), day("2020-03-31"))
    assert span("2019-12..2020-02") == (day("2019-12-01"), day("2020-02-29"))
    assert span("2020-03-05") == (day("2020-03-05"),) * 2
    assert span("..1999") == (-math.inf, day("1999-12-31"))
    assert span("1999..") == (day("1999-01-01"), math.inf)


def test_instants(columns):
    def span(text):
        return parse_query(columns["at"], text).span

    start = day("2020-03-05") * DAY
    assert span("2020-03-05") == (start, start + DAY - 1)
    assert span("2020") == (day("2020-01-01") * DAY, day("2021-01-01") * DAY - 1)
    assert span("2020-03-05 10:30") == (start + 37_800, start + 37_859)
    assert span("2020-03-05T10:30:05Z") == (start + 37_805,) * 2
    assert span("2020-03-05 10:30+02:00") == (start + 30_600, start + 30_659)


def test_times_and_durations(columns):
    assert parse_query(columns["open"], "08:30..17:00").span == (30_600, 61_259)
    assert parse_query(columns["open"], "8:30:10").span == (30_610, 30_610)
    assert parse_query(columns["wait"], "90s..2h").span == (90, 7200)
    assert parse_query(columns["wait"], "1.5 min").span == (90, 90)


@pytest.mark.parametrize(
    ("name", "text", "span"),
    [
        ("price", "$100..$200", (100, 200)),
        ("price", "100..200", (100, 200)),
        ("price", "$1,234.50", (1234.5, 1234.5)),
        ("price", "1,234", (1234, 1234)),
        ("price", "1234.5", (1234.5, 1234.5)),
        ("price", "-$5..", (-5, math.inf)),
        ("euro", "1.234 €", (1234, 1234)),
        ("euro", "1.234..1.999", (1234, 1999)),
        ("euro", "1234.5", (1234.5, 1234.5)),
        ("euro", "3,5..7,25 €", (3.5, 7.25)),
        ("share", "12%", (12, 12)),
        ("share", "5..12%", (5, 12)),
        ("weight", "60 kg..72.5 kg", (60, 72.5)),
        ("weight", "60..72.5", (60, 72.5)),
        ("age", "1e1..40", (10, 40)),
    ],
)
def test_numbers_with_and_without_their_unit(columns, name, text, span):
    assert parse_query(columns[name], text).span == span


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("joined", "12345", "neither a date nor a range. Write joined=2024-01-31"),
        ("joined", "2020-13", "neither a date"),
        ("joined", "inf", "neither a date"),
        ("joined", "2001..1999", "2001 is greater than 1999"),
        ("at", "nan..", "neither a date"),
        ("open", "8", "neither a time of day nor a range. Write open=08:30"),
        ("open", "25:00", "neither a time of day"),
        ("wait", "90", "neither a duration nor a range. Write wait=90s"),
        ("age", "inf", "neither a number"),
        ("age", "nan", "neither a number"),
        ("age", "1e999", "neither a number"),
        ("age", "-inf..40", "neither a number"),
        ("age", "..", "neither a number"),
        ("age", "12%", "neither a number"),
        ("price", "€100", "neither a number"),
        ("price", "1,2,3", "neither a number"),
        ("weight", "60 lb", "neither a number nor a range. Write weight="),
    ],
)
def test_what_is_no_value_of_the_column(columns, name, text, message):
    with pytest.raises(GankitError, match=message):
        parse_query(columns[name], text)


def test_the_range_is_named():
    codec = TableCodec.fit(
        pa.table({"age": list(range(18, 91)) * 2, "at": pa.array(range(10_000, 10_146)).cast(
            pa.int32()).cast(pa.date32())})
    )  # fmt: skip
    for where, hint in (
        ({"age": "200..300"}, "Its values are about 10 to 90"),
        ({"at": "2035"}, "Its values are about 1997-05 to 1997-10"),
    ):
        with pytest.raises(GankitError, match=hint):
            codec.sample_conditions(where, [0])


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("x", {" x"}),
        (" x", {" x"}),
        ("a|b", {"a|b"}),
        ('"a|b"|c=d', {"a|b", "c=d"}),
        ("in..out", {"in..out"}),
        ('say "no"', {'say "no"'}),
        ('x|say "no"', {" x", 'say "no"'}),
        ("missing", {"missing"}),
    ],
)
def test_names_with_signs(columns, text, among):
    query = parse_query(columns["place"], text)
    assert set(query.among) == among
    assert not query.missing


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "1", "True"])
def test_truth_values_in_any_spelling(columns, text):
    assert parse_query(columns["member"], text).among == (True,)


@given(st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1)))
def test_periods_contain_their_days(date):
    number = (date - datetime.date(1970, 1, 1)).days
    texts = (f"{date.year}", f"{date:%Y-%m}", f"{date}")
    for t, scale in ((pa.date32(), 1), (pa.timestamp("us"), DAY * 10**6)):
        spans = [parse_period(text, t) for text in texts]
        assert all(low <= number * scale <= high for low, high in spans)
        sizes = [(high - low + 1) / scale for low, high in spans]
        assert sizes[0] in (365, 366)
        assert 28 <= sizes[1] <= 31
        assert sizes[2] == 1


@given(st.text(max_size=12))
def test_any_text_is_a_period_or_none(text):
    for t in (pa.date32(), pa.timestamp("ns"), pa.time64("us"), pa.duration("ms")):
        parse_period(text, t)
