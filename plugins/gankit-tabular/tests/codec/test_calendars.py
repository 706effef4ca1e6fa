"""Dates keep their place in the month, quarter and week; also in requests, and as text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.fitting import fit_column
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.values import decode_column, encode_column

N = 3000
RNG = np.random.default_rng(0)
START = np.datetime64("2000", "M")


def month(days):
    return days.astype("M8[M]")


MONTHS = START + RNG.integers(1, 250, N)
WORKING = np.busday_offset("2015-01-01", RNG.integers(0, 2000, N), roll="forward")
KINDS = {
    "last days of months": (MONTHS.astype("M8[D]") - 1, lambda d: month(d + 1) == d + 1),
    "the 15th": (MONTHS.astype("M8[D]") + 14, lambda d: month(d) + np.timedelta64(14, "D") == d),
    "quarters": (
        (START + 3 * RNG.integers(1, 80, N)).astype("M8[D]"),
        lambda d: (month(d) == d) & (month(d).astype(int) % 3 == 0),
    ),
    "ends of quarters": (
        (START + 3 * RNG.integers(1, 80, N)).astype("M8[D]") - 1,
        lambda d: (month(d + 1) == d + 1) & (month(d + 1).astype(int) % 3 == 0),
    ),
    "ends of years": (
        (np.datetime64("1950", "Y") + RNG.integers(1, 80, N)).astype("M8[D]") - 1,
        lambda d: (d + 1).astype("M8[Y]") == d + 1,
    ),
    "working days": (WORKING, np.is_busday),
    "no Mondays": (
        np.busday_offset("2015-01-01", RNG.integers(0, 2000, N), "forward", "0111111"),
        lambda d: np.is_busday(d, "0111111"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("type", [pa.date32(), pa.timestamp("s"), pa.timestamp("us", "UTC")])
@pytest.mark.parametrize("kind", KINDS)
def test_dates_keep_to_the_calendar(kind, type):
    days, holds = KINDS[kind]
    array = pa.chunked_array([pa.array(days).cast(pa.timestamp("s")).cast(type)])
    column = fit_column("x", array, Resolution())
    codes, _ = encode_column(column, array, RNG.random(N))
    made = decode_column(column, codes, RNG.random(N), RNG.random(N))
    unit = "D" if type == pa.date32() else type.unit
    again = np.asarray(made).astype(np.int64).astype(f"M8[{unit}]")
    assert (again.astype("M8[D]") == again).all()
    assert holds(again.astype("M8[D]")).all()
    assert np.abs(again.astype("M8[D]").astype(int) - days.astype(int)).mean() < 2000


def test_times_on_working_days():
    instants = WORKING.astype("M8[s]") + RNG.integers(0, 86_400, N).astype("m8[s]")
    array = pa.chunked_array([pa.array(instants)])
    column = fit_column("x", array, Resolution())
    codes, _ = encode_column(column, array, RNG.random(N))
    made = np.asarray(decode_column(column, codes, RNG.random(N), RNG.random(N)))
    again = made.astype(np.int64).astype("M8[s]")
    assert np.is_busday(again.astype("M8[D]")).all()
    assert len(np.unique(made.astype(np.int64) % 86_400)) > 1000


def test_few_or_all_days_rule_out_no_weekday():
    for days in (np.arange(60), RNG.integers(0, 4000, N)):
        array = pa.chunked_array([pa.array(days.astype("M8[D]"))])
        assert not fit_column("x", array, Resolution()).weekdays


def test_requested_dates_keep_to_the_calendar():
    table = pa.table({name: pa.array(days) for name, (days, _) in KINDS.items()})
    codec = TableCodec.fit(table)
    batch = codec.prepare(codec.encode(table.slice(0, 200).to_pylist(), RNG))
    for name, (_, holds) in KINDS.items():
        codec.sample_conditions({name: "2017-01..2018-12"}, range(200))
        rows = codec.decode(batch, range(200), {name: "2017-01..2018-12"})
        days = np.array([row[name] for row in rows], "M8[D]")
        assert holds(days).all(), name
        assert ((days >= np.datetime64("2017")) & (days < np.datetime64("2019"))).all()
