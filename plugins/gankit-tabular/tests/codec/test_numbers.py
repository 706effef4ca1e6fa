"""Numbers keep their precision, their step and their tails; without a generator."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.descriptions import describe_columns
from gankit_tabular.codec.fitting import fit_column
from gankit_tabular.codec.numbers import snap
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.values import decode_column, encode_column

N = 5000
RNG = np.random.default_rng(0)


def fit(values, type=None):
    array = pa.chunked_array([pa.array(values, type)])
    return fit_column("x", array, Resolution()), array


def drawn(values, type=None, n=100_000):
    """Values decoded for real codes, and for random positions within their bins."""
    fitted, array = fit(values, type)
    rng = np.random.default_rng(1)
    codes, _ = encode_column(fitted, array, rng.random(len(array)))
    many = codes[rng.permutation(np.resize(np.arange(len(codes)), n))]
    made = decode_column(fitted, many, rng.random(n), rng.random(n))
    assert made.null_count == 0
    return fitted, np.asarray(made)


TAILED = {
    "Pareto 1.1": RNG.pareto(1.1, N) + 1,
    "Pareto 0.8": RNG.pareto(0.8, N) + 1,
    "lognormal": RNG.lognormal(0, 1, N),
    "wide lognormal": RNG.lognormal(10, 2, N).round(2),
    "wider lognormal": RNG.lognormal(0, 3, N),
    "negative lognormal": -RNG.lognormal(0, 2, N),
    "one outlier": np.r_[RNG.normal(50, 5, N - 1), 1e9],
    "five outliers": np.r_[RNG.normal(50, 5, N - 5), RNG.normal(1e6, 10, 5)],
    "two clusters": np.where(RNG.random(N) < 0.9, RNG.normal(50, 5, N), RNG.normal(1e9, 1e5, N)),
    "zeros": np.where(RNG.random(N) < 0.9, 0, RNG.lognormal(8, 1.5, N)).round(2),
    "p-values": RNG.random(N) ** 6,
    "rounded p-values": np.array([float(f"{v:.3g}") for v in 10 ** RNG.uniform(-12, 0, N)]),
    "coordinates": RNG.normal(52.5, 0.05, N).round(7),
    "tiny": RNG.uniform(1e-9, 1e-7, N),
    "zipf": RNG.zipf(1.8, N).astype(float),
    "uniform": RNG.random(N),
    "Student's t, shifted": 9 + RNG.standard_t(2, N),
    "Cauchy": 1 + np.abs(RNG.standard_cauchy(N)),
    "rare amounts": np.where(RNG.random(N) < 0.98, 0, RNG.lognormal(5, 2, N)).round(2),
    "two outliers": np.r_[RNG.normal(5, 1, N - 2), 1e7, 3e7],
    "sentinels": np.r_[RNG.integers(18, 90, N - 30), [-9999] * 30].astype(float),
    "microseconds": RNG.integers(16 * 10**14, 17 * 10**14, N).astype(float),
}


@pytest.mark.parametrize("name", TAILED)
def test_mean_spread_and_quantiles_are_kept(name):
    values = TAILED[name]
    _, made = drawn(values)
    assert made.mean() == pytest.approx(values.mean(), rel=0.03)
    assert made.std() == pytest.approx(values.std(), rel=0.03)
    assert values.min() <= made.min()
    assert made.max() <= values.max()
    for level in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        # A quantile of the codec lies between those of neighbouring levels.
        near = 0.003 if level in (0.001, 0.999) else 0.005
        low, high = np.quantile(values, [max(level - near, 0), min(level + near, 1)])
        assert low <= np.quantile(made, level) <= high, level


@pytest.mark.parametrize("name", ["one outlier", "five outliers", "two clusters"])
def test_nothing_lies_in_a_gap(name):
    _, made = drawn(TAILED[name])
    assert ((made < 100) | (made > 9e5)).all()
    assert (made > 9e5).mean() == pytest.approx((TAILED[name] > 9e5).mean(), rel=0.3)


def test_both_tails_are_kept():
    values = RNG.standard_t(1.5, N)
    _, made = drawn(values)
    for level in (0.001, 0.01, 0.99, 0.999):
        assert np.quantile(made, level) == pytest.approx(np.quantile(values, level), rel=0.2)
    assert made.std() == pytest.approx(values.std(), rel=0.05)


@pytest.mark.parametrize("values", [RNG.normal(size=N), RNG.gamma(2, 3, N), RNG.normal(size=60)])
def test_ordinary_columns_have_bins_alone(values):
    fitted, _ = fit(values)
    assert not fitted.atoms
    assert len(fitted.bins) == 8


def test_a_value_that_carries_a_column_is_noted():
    fitted, _ = fit(TAILED["one outlier"])
    assert fitted.notes == ["one value is 100% of the sum"]
    other, _ = fit(TAILED["uniform"])
    assert [row["note"] for row in describe_columns([fitted, other])] == [*fitted.notes, ""]
    assert "note" not in describe_columns([other])[0]


def test_infinite_numbers_are_noted():
    values = [*range(100), math.inf, -math.inf]
    fitted, array = fit([float(v) for v in values])
    assert fitted.notes == ["2 infinite values count as missing"]
    assert fitted.missing
    zeros = np.zeros(len(array))
    again = decode_column(fitted, *encode_column(fitted, array, zeros), zeros)
    assert again.null_count == 2


def significant(value):
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


@pytest.mark.parametrize(
    ("low", "high", "digits"), [(-9, -7, 2), (-12, 0, 3), (-30, -20, 4), (-3, 3, 2), (5, 12, 3)]
)
def test_significant_digits_are_kept(low, high, digits):
    values = [float(f"{v:.{digits}g}") for v in 10 ** RNG.uniform(low, high, 2000)]
    _, made = drawn(values, n=3000)
    if high > 3:  # integers are written in full
        assert (made == np.round(made)).all()
        return
    assert max(map(significant, made.tolist())) <= digits
    assert len(np.unique(made)) > 100


STEPPED = [
    (RNG.integers(0, 500, N) * 1000, None, lambda v: v % 1000 == 0),
    (RNG.integers(0, 500, N) * 10 + 7, None, lambda v: v % 10 == 7),
    (np.round(RNG.integers(0, 500, N) * 0.05, 2), None, lambda v: round(v * 100) % 5 == 0),
    (RNG.integers(-500, 500, N) * 0.25, None, lambda v: v % 0.25 == 0),
    (RNG.integers(0, 900, N) * 86_400, pa.timestamp("s"), lambda v: v % 86_400 == 0),
    (RNG.integers(0, 900, N) * 3_600_000 + 1_800_000, pa.timestamp("ms", "UTC"),
     lambda v: v % 3_600_000 == 1_800_000),
    (RNG.integers(0, 1440, N) * 60, pa.time32("s"), lambda v: v % 60 == 0),
    (RNG.integers(0, 900, N) * 7, pa.date32(), lambda v: v % 7 == 0),
]  # fmt: skip


@pytest.mark.parametrize(("values", "type", "holds"), STEPPED)
def test_the_step_is_kept(values, type, holds):
    array = pa.array(values)
    if type is not None:
        array = array.cast(pa.int32() if type.bit_width == 32 else pa.int64()).cast(type)
    _, made = drawn(array, n=2000)
    assert all(map(holds, made.tolist()))


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (RNG.integers(0, 400, N) / 3, 3),
        (RNG.integers(-400, 400, N) / 7, 7),
        (RNG.integers(0, 400, N) / 60, 60),
        (np.deg2rad(RNG.integers(0, 360, N)), 180 / math.pi),
        ((RNG.integers(0, 400, N) / 3).round(2), 3),
        ((RNG.integers(0, 400, N) / 12).round(4), 12),
        ((RNG.integers(0, 400, N) / 3).astype("f4"), 3),
    ],
)
def test_steps_that_are_no_decimal_numbers(values, parts):
    _, made = drawn(values, n=2000)
    assert np.isin(made.astype(values.dtype).round(9), values.round(9)).mean() > 0.99
    assert np.abs(made * parts - np.round(made * parts)).max() < 0.1 * parts / 10


@pytest.mark.parametrize(
    "values", [RNG.random(N), RNG.random(N).round(2), RNG.random(40), TAILED["one outlier"]]
)
def test_no_step_where_there_is_none(values):
    assert not fit(values)[0].step


@pytest.mark.parametrize("unit", ["M", "Y"])
def test_first_days_are_kept(unit):
    months = np.datetime64("1950", unit) + RNG.integers(0, 70, N)
    days = months.astype("datetime64[D]")
    for type in (pa.date32(), pa.timestamp("us")):
        fitted, made = drawn(pa.array(days).cast(type), n=2000)
        base = "datetime64[D]" if type == pa.date32() else "datetime64[us]"
        instants = made.astype(np.int64).astype(base)
        assert (instants.astype(f"datetime64[{unit}]") == instants).all()
        assert fitted.unit.endswith(unit)


@pytest.mark.parametrize(("type", "kind"), [(pa.float32(), "f4"), (pa.float16(), "f2")])
def test_single_precision_keeps_its_decimals(type, kind):
    values = RNG.uniform(0, 100 if kind == "f4" else 1, N).round(2).astype(kind)
    _, made = drawn(pa.array(values, type), n=2000)
    texts = [str(v) for v in made.astype(kind)]
    assert max(len(t.partition(".")[2]) for t in texts) <= 2


def test_no_negative_zero():
    _, made = drawn(np.where(RNG.random(N) < 0.3, -0.0, RNG.normal(size=N).round(1)))
    assert not np.signbit(made[made == 0]).any()


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=40, max_size=120),
    st.integers(0, 9),
    st.sampled_from([1, 5, 25, 1000]),
)
def test_values_on_a_grid_survive(wholes, places, step):
    values = [w * step / 10**places for w in wholes]
    fitted, array = fit(values)
    assert snap(fitted, np.array(values)).tolist() == [v + 0.0 for v in values]
    zeros = np.full(len(values), 0.5)
    made = decode_column(fitted, *encode_column(fitted, array, zeros), zeros)
    assert np.abs(np.asarray(made) - values).max() <= 1e-6 * max(map(abs, values), default=0)


FLOATS = st.one_of(st.floats(-1e300, 1e300), st.sampled_from([math.inf, -math.inf, 0.0]))


@given(st.lists(FLOATS, min_size=1, max_size=80))
def test_any_numbers_are_fitted(values):
    fitted, array = fit(values)
    u = np.full(len(values), 0.5)
    made = decode_column(fitted, *encode_column(fitted, array, u), u)
    known = [v for v in values if math.isfinite(v)]
    again = [v for v in made.to_pylist() if v is not None]
    assert len(again) == len(known)
    if known:
        assert min(known) <= min(again)
        assert max(again) <= max(known)


def test_requested_values_lie_on_the_step():
    table = pa.table(
        {
            "price": RNG.integers(0, 500, N) * 1000,
            "day": pa.array((np.datetime64("1990", "M") + RNG.integers(0, 300, N)).astype("M8[D]")),
            "p": [float(f"{v:.2g}") for v in 10 ** RNG.uniform(-9, -7, N)],
        }
    )
    codec = TableCodec.fit(table)
    batch = codec.prepare(codec.encode(table.slice(0, 300).to_pylist(), RNG))
    where = {"price": "57000..63999", "day": "2000-01-15..2000-04-15", "p": "2e-9..5e-9"}
    codec.sample_conditions(where, range(300))
    rows = codec.decode(batch, range(300), where)
    assert {row["price"] for row in rows} <= {57_000 + 1000 * k for k in range(7)}
    assert {str(row["day"]) for row in rows} <= {"2000-02-01", "2000-03-01", "2000-04-01"}
    assert all(2e-9 <= row["p"] <= 5e-9 and significant(row["p"]) <= 2 for row in rows)
