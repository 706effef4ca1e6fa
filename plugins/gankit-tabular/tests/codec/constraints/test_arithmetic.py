"""Sums, inequalities and bounds: every row follows them, with any requested values."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.constraints.validation import check_rows
from gankit_tabular.formats.columns import column_formats, read_columns

FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SUM = "total = price + tax - discount"


def matches(codec, name, requested, value):
    """Whether a value of a row is the requested one."""
    if isinstance(value, datetime.datetime):
        value = (value - datetime.datetime(1970, 1, 1)).total_seconds() * 1e6
    return codec.conditions.queries({name: requested})[name].matches(value)


# --- Single rules -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"total": "50..60"},
        {"total": "30"},
        {"price": "20..30"},
        {"total": "20..40", "tax": "3..5"},
        {"total": "20..40", "tax": "3..5", "price": "18..30"},
        {"shop": "A|B", "discount": "..2"},
        {"end": "2024-02-01..2024-02-03"},
        {"end": "2024-02-01..2024-02-03", "start": "2024-01-30..2024-02-02"},
        {"end": "missing", "total": "100.."},
    ],
)
def test_sums_and_spans(where, orders, fitted, generated, check):
    codec = fitted(orders, SUM, "start <= end", "price >= 0", "0.01 <= tax")
    for noise in range(3):
        for rows in generated(codec, where, noise=noise):
            check(SUM, rows)
            check("start <= end", rows)
            check("price >= 0", rows)
            assert all(round(row[k], 2) == row[k] for row in rows for k in ("price", "total"))
        for name, requested in where.items():
            for row in rows:
                assert matches(codec, name, requested, row[name]), (name, requested, row)


def test_computed_columns_are_conditions_only(orders, fitted):
    codec = fitted(orders, SUM, "start <= end")
    named = {c.name: c for c in codec.columns}
    assert named["total"].computed
    assert named["end"].computed
    modelled = {codec.columns[b.column].name for b in codec.blocks}
    assert modelled == {"price", "tax", "discount", "start", "shop", "~distance of end"}
    c = codec.sample_conditions({"total": "50..60"}, range(20))
    assert c[:, : codec.width].sum() == 0
    assert (c[:, codec.width :].sum(1) == 1).all()


def test_decoding_inverts_encoding(orders, fitted):
    table = orders.append_column("town", [[f"t{v}" for v in orders["shop"].to_pylist()]])
    codec = fitted(table, SUM, "start <= end", "together: shop, town")
    stored = codec.encode(table.to_pylist(), np.random.default_rng(0))
    rows = codec.decode(codec.prepare(stored), range(len(table)))
    for row, real in zip(rows, table.to_pylist(), strict=True):
        assert row["shop"] == real["shop"]
        assert row["town"] == real["town"]
        assert (row["end"] is None) == (real["end"] is None)
    assert np.corrcoef([r["total"] for r in rows], table["total"].to_pylist())[0, 1] > 0.98


def test_a_requested_end_keeps_distances_and_a_requested_total_proportions(
    orders, fitted, generated
):
    codec = fitted(orders, "start <= end", SUM)
    _, late = generated(codec, {"end": "2024-04-01.."})
    spans = [(r["end"] - r["start"]).total_seconds() for r in late if r["end"]]
    assert max(spans) <= 10**6
    assert all(r["end"] >= datetime.datetime(2024, 4, 1) for r in late)


def test_a_missing_value_breaks_no_rule(fitted, generated, check):
    rng = np.random.default_rng(0)
    a = [None if v < 0.3 else float(round(v, 2)) for v in rng.random(200)]
    b = [None if i % 3 == 0 else (v or 0) + i % 5 for i, v in enumerate(a)]
    codec = fitted(pa.table({"a": a, "b": b, "s": ["x", "y"] * 100}), "a <= b")
    rows, missing = generated(codec, {"a": "missing"})
    check("a <= b", rows)
    assert any(row["a"] is None for row in rows)
    assert any(row["b"] is None for row in rows)
    assert all(row["a"] is None for row in missing)
    assert any(row["b"] is not None for row in missing)


@pytest.mark.parametrize(
    "type",
    [
        pa.int8(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(),
        pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", tz="Europe/Oslo"), pa.time32("s"),
        pa.duration("ms"),
    ],
)  # fmt: skip
def test_inequalities_of_every_type(type, fitted, generated):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, 200)
    b = a + rng.integers(1, 20, 200)
    scale = 86_400_000 if type == pa.date64() else 1
    stored = pa.int32() if type.bit_width == 32 else pa.int64()
    columns = {
        n: pa.array(v * scale).cast(stored).cast(type) if pa.types.is_temporal(type)
        else pa.array(v).cast(type)
        for n, v in {"a": a, "b": b}.items()
    }  # fmt: skip
    table = pa.table({**columns, "s": ["x", "y"] * 100})
    codec = fitted(table, "a < b")
    for rows in generated(codec, {"s": "x"}):
        assert all(row["a"] < row["b"] for row in rows)
        assert pa.Table.from_pylist(rows, schema=table.schema).schema == table.schema


def test_timestamps_of_two_zones_and_dates_with_timestamps(fitted, generated):
    table = pa.table(
        {
            "day": pa.array(range(19000, 19100), pa.date32()),
            "at": pa.array([d * 86_400_000 + d for d in range(19000, 19100)], pa.timestamp("ms")),
            "left": pa.array(range(100), pa.timestamp("s", tz="Asia/Tokyo")),
            "right": pa.array([i * 1000 + 5 for i in range(100)], pa.timestamp("ms", tz="UTC")),
        }
    )  # fmt: skip
    codec = fitted(table, "day <= at", "left < right")
    for rows in generated(codec, {"at": "2022-02-01..2022-02-20"}):
        for row in rows:
            assert datetime.datetime.combine(row["day"], datetime.time()) <= row["at"]
            assert row["left"] < row["right"]
    with pytest.raises(GankitError, match="time zone"):
        fitted(table, "at < right")


def test_arbitrary_floats_add_up_as_printed(fitted, generated, check):
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(2, 1, 400), rng.normal(0, 3, 400)
    table = pa.table({"a": a, "b": b, "total": a + b})
    codec = fitted(table, "total = a + b")
    for rows in generated(codec, {"b": "-1..1"}):
        check("total = a + b", rows)
    assert len({row["a"] for row in rows}) > 20


def test_an_integer_total_of_terms_with_decimals(fitted, generated, check):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 400, 300) / 4
    b = np.ceil(a) + rng.integers(0, 9, 300) - a
    table = pa.table({"total": (a + b).astype(int), "a": a, "b": b})
    codec = fitted(table, "total = a + b")
    for rows in generated(codec, {"total": "20..50"}):
        check("total = a + b", rows)
        assert all(isinstance(row["total"], int) for row in rows)


def test_a_system_that_needs_the_search(fitted, generated, check):
    rng = np.random.default_rng(0)
    net = rng.integers(0, 100, 300)
    tax = (net * rng.random(300)).astype(int)
    table = pa.table({"total": net + tax, "net": net, "tax": tax})
    codec = fitted(table, "tax <= net", "total = net + tax")
    for where in ({}, {"total": "10"}, {"total": "11", "tax": "5"}, {"tax": "40..", "net": "..50"}):
        for rows in generated(codec, where, seeds=range(30)):
            check("tax <= net", rows)
            check("total = net + tax", rows)
    with pytest.raises(GankitError, match="total=11, tax=6: impossible under 'tax <= net'"):
        codec.sample_conditions({"total": "11", "tax": "6"}, [0])


def test_formatted_numbers(fitted, generated):
    table = pa.table(
        {
            "net": [f"{v / 10:.1f} kg" for v in range(100, 200)],
            "gross": [f"{v / 10 + v % 7:.1f} kg" for v in range(100, 200)],
            "s": ["x", "y"] * 50,
        }
    )
    values = pa.table(read_columns(table, column_formats(table, {})))
    check_rows(parse_rules(["net <= gross"], {f.name: f.type for f in values.schema}), values)
    codec = fitted(table, "net <= gross")
    for rows in generated(codec, {"gross": "15..16"}):
        for row in rows:
            net, gross = (float(row[n].removesuffix(" kg")) for n in ("net", "gross"))
            assert net <= gross
    assert all(15 <= float(row["gross"].removesuffix(" kg")) <= 16 for row in rows)


# --- Any rules ----------------------------------------------------------------------------------


@st.composite
def ruled_tables(draw):
    """A table of numbers, rules that it follows, and requested values."""
    decimals = draw(st.integers(0, 2))
    n = draw(st.integers(20, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    width = draw(st.sampled_from([3, 40, 5000]))

    def drawn():
        return rng.integers(0, width, n) / 10**decimals

    table, found = {"a": drawn(), "b": drawn(), "c": drawn(), "d": drawn()}, []
    kinds = draw(st.sets(st.sampled_from(["chain", "sum", "bound", "cap"]), min_size=1))
    if "chain" in kinds:
        table["b"] = table["a"] + table["b"]
        table["e"] = table["b"] + drawn() + 1
        found += ["a <= b", "b < e"]
    if "sum" in kinds:
        table["sum"] = np.round(table["a"] + table["c"] - table["d"], decimals)
        found += ["sum = a + c - d"]
    if "bound" in kinds:
        found += ["d >= 0", f"c < {width}"]
    if "cap" in kinds and "sum" not in kinds:
        table["cap"] = table["c"] + table["d"] + drawn()
        found += ["c + d <= cap"]
    table = {name: np.round(values, decimals) for name, values in table.items()}
    missing = draw(st.sets(st.sampled_from(sorted(table)), max_size=2))
    columns = {
        name: pa.array(values, mask=(rng.random(n) < 0.2) if name in missing else None)
        for name, values in table.items()
    }
    # Ranges that all contain the values of one complete row are possible together.
    row, where = draw(st.one_of(st.none(), st.integers(0, n - 1))), {}
    for name in draw(st.lists(st.sampled_from(sorted(table)), max_size=3, unique=True)):
        one, two = (draw(st.integers(0, n - 1)) for _ in range(2))
        low, high = sorted(table[name][i] for i in (one if row is None else row, two))
        ranges = [f"{low}..{high}", f"{low}..", f"..{high}"]
        where[name] = draw(
            st.sampled_from([*ranges, f"{table[name][one if row is None else row]}"])
        )
    return pa.table(columns), found, where, row is not None and not missing


def refusal(codec, where):
    """The error for impossible requests; empty for possible ones."""
    try:
        codec.sample_conditions(where, range(64))
    except GankitError as error:
        return str(error)
    return ""


@FEW
@given(case=ruled_tables(), noise=st.integers(0, 1000))
def test_any_linear_rules(fitted, generated, check, case, noise):
    table, found, where, possible = case
    check_rows(parse_rules(found, {f.name: f.type for f in table.schema}), table)
    codec = fitted(table, *found)
    for rows in generated(codec, {}, noise=noise):
        for text in found:
            check(text, rows)
    if refused := refusal(codec, where):
        assert "no such value" in refused or (not possible and "impossible" in refused)
        return
    _, rows = generated(codec, where, noise=noise)
    for text in found:
        check(text, rows)
    for name, requested in where.items():
        assert all(matches(codec, name, requested, row[name]) for row in rows), (name, requested)
