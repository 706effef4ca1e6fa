"""Every generated row honours every rule: whatever the networks make, and whatever is asked."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gankit.contract import Batch, CodecState
from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.constraints import rules
from gankit_tabular.codec.number_formats import number_formats, read_columns
from gankit_tabular.modality import TabularModality, TabularSettings

FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def fitted(table, *constraints, **more):
    """A codec, after the journey to JSON and back that a stored run makes."""
    codec = TableCodec.fit(table.to_pylist(), table.schema, 8, {}, constraints, **more)
    state = codec.state()
    state.config = json.loads(json.dumps(state.config))
    return TableCodec.load(state)


def generated(codec, where=None, seeds=range(64), noise=0):
    """Rows from random tensors in which, as the generator does it, what c asks is as asked."""
    where, n = where or {}, len(seeds)
    draw = torch.Generator().manual_seed(noise)
    x = torch.rand(n, codec.layout.shape[0], generator=draw)
    c = codec.sample_conditions(where, seeds)
    for b in codec.blocks:
        block = slice(b.start, b.start + b.codes)
        told = c[:, block].any(1)
        x[told, block] = c[told, block]
    rows = codec.decode(Batch(x, c), seeds)
    return rows, codec.settle(rows, where, seeds)


def printed(value):
    """The number that a file shows."""
    return Decimal(str(value))


def holds(text, row):
    """Whether a row honours a linear rule, by the numbers that a file would show."""
    left, sign, right = next(
        text.partition(f" {s} ") for s in ("<=", ">=", "<", ">", "=") if f" {s} " in text
    )

    def value(side):
        parts = side.replace("- ", "-").replace("+ ", "").split()
        total = None
        for part in parts:
            cell = row.get(part.lstrip("-"), part.lstrip("-"))
            if cell is None:
                return None
            if isinstance(cell, str | int | float):
                cell = printed(cell)
            total = cell if total is None else total - cell if part[0] == "-" else total + cell
        return total

    a, b = value(left), value(right)
    if a is None or b is None:
        return True
    return {"<=": a <= b, ">=": a >= b, "<": a < b, ">": a > b, "=": a == b}[sign.strip()]


def refusal(codec, where):
    """What is said of something that cannot be asked."""
    try:
        codec.sample_conditions(where, range(64))
    except GankitError as error:
        return str(error)
    return ""


def check(text, rows):
    for row in rows:
        assert holds(text, row), (text, row)


# --- Single rules -------------------------------------------------------------------------------


def orders(n=300, seed=0):
    rng = np.random.default_rng(seed)
    price = rng.lognormal(3, 1, n).round(2)
    tax, discount = (price * 0.19).round(2), (rng.random(n) * price / 2).round(2)
    total = np.round(price + tax - discount, 2)
    start = (np.datetime64("2024-01-01", "s") + rng.integers(0, 10**7, n)).tolist()
    spans = [datetime.timedelta(seconds=int(s)) for s in rng.integers(0, 10**6, n)]
    end = [v + s for v, s in zip(start, spans, strict=True)]
    return pa.table(
        {
            "price": price,
            "tax": tax,
            "discount": discount,
            "total": total,
            "start": start,
            "end": [None if i % 7 == 0 else v for i, v in enumerate(end)],
            "shop": rng.choice(["A", "B", "C"], n).tolist(),
        }
    )  # fmt: skip


SUM = "total = price + tax - discount"


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
def test_sums_and_spans(where):
    codec = fitted(orders(), SUM, "start <= end", "price >= 0", "0.01 <= tax")
    for noise in range(3):
        for rows in generated(codec, where, noise=noise):
            check(SUM, rows)
            check("start <= end", rows)
            check("price >= 0", rows)
            assert all(round(row[k], 2) == row[k] for row in rows for k in ("price", "total"))
        for name, asked in where.items():
            wish = codec._wishes({name: asked})[name]
            for row in rows:
                value = row[name]
                if isinstance(value, datetime.datetime):
                    value = (value - datetime.datetime(1970, 1, 1)).total_seconds() * 1e6
                assert wish.fits(value), (name, asked, row)


def test_what_follows_is_not_modelled_but_can_be_told():
    codec = fitted(orders(), SUM, "start <= end")
    named = {c.name: c for c in codec.columns}
    assert named["total"].computed
    assert named["end"].computed
    modelled = {codec.columns[b.column].name for b in codec.blocks}
    assert modelled == {"price", "tax", "discount", "start", "shop", "~distance of end"}
    c = codec.sample_conditions({"total": "50..60"}, range(20))
    assert c[:, : codec.width].sum() == 0
    assert (c[:, codec.width :].sum(1) == 1).all()


def test_encoding_and_decoding_give_the_rows_back():
    table = orders()
    table = table.append_column("town", [[f"t{v}" for v in table["shop"].to_pylist()]])
    codec = fitted(table, SUM, "start <= end", "together: shop, town")
    stored = codec.encode(table.to_pylist(), np.random.default_rng(0))
    rows = codec.decode(codec.prepare(stored), range(len(table)))
    for row, real in zip(rows, table.to_pylist(), strict=True):
        assert row["shop"] == real["shop"]
        assert row["town"] == real["town"]
        assert (row["end"] is None) == (real["end"] is None)
    assert np.corrcoef([r["total"] for r in rows], table["total"].to_pylist())[0, 1] > 0.98


def test_an_asked_end_keeps_distances_and_an_asked_total_proportions():
    codec = fitted(orders(), "start <= end", "total = price + tax - discount")
    _, late = generated(codec, {"end": "2024-04-01.."})
    spans = [(r["end"] - r["start"]).total_seconds() for r in late if r["end"]]
    assert max(spans) <= 10**6
    assert all(r["end"] >= datetime.datetime(2024, 4, 1) for r in late)


def test_a_missing_value_frees_the_others():
    rng = np.random.default_rng(0)
    a = [None if v < 0.3 else float(round(v, 2)) for v in rng.random(200)]
    b = [None if i % 3 == 0 else (v or 0) + i % 5 for i, v in enumerate(a)]
    codec = fitted(pa.table({"a": a, "b": b, "s": ["x", "y"] * 100}), "a <= b")
    rows, asked = generated(codec, {"a": "missing"})
    check("a <= b", rows)
    assert any(row["a"] is None for row in rows)
    assert any(row["b"] is None for row in rows)
    assert all(row["a"] is None for row in asked)
    assert any(row["b"] is not None for row in asked)


@pytest.mark.parametrize(
    "type",
    [
        pa.int8(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(),
        pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", tz="Europe/Oslo"), pa.time32("s"),
        pa.duration("ms"),
    ],
)  # fmt: skip
def test_inequalities_of_every_type(type):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, 200)
    b = a + rng.integers(1, 20, 200)
    scale = 86_400_000 if type == pa.date64() else 1
    whole = pa.int32() if type.bit_width == 32 else pa.int64()
    columns = {
        n: pa.array(v * scale).cast(whole).cast(type) if pa.types.is_temporal(type)
        else pa.array(v).cast(type)
        for n, v in {"a": a, "b": b}.items()
    }  # fmt: skip
    table = pa.table({**columns, "s": ["x", "y"] * 100})
    codec = fitted(table, "a < b")
    for rows in generated(codec, {"s": "x"}):
        assert all(row["a"] < row["b"] for row in rows)
        assert pa.Table.from_pylist(rows, schema=table.schema).schema == table.schema


def test_instants_of_two_zones_and_dates_with_datetimes():
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


def test_true_floats_add_up_as_printed():
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(2, 1, 400), rng.normal(0, 3, 400)
    table = pa.table({"a": a, "b": b, "total": a + b})
    codec = fitted(table, "total = a + b")
    for rows in generated(codec, {"b": "-1..1"}):
        check("total = a + b", rows)
    assert len({row["a"] for row in rows}) > 20


def test_a_whole_total_of_parts_with_decimals():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 400, 300) / 4
    b = np.ceil(a) + rng.integers(0, 9, 300) - a
    table = pa.table({"total": (a + b).astype(int), "a": a, "b": b})
    codec = fitted(table, "total = a + b")
    for rows in generated(codec, {"total": "20..50"}):
        check("total = a + b", rows)
        assert all(isinstance(row["total"], int) for row in rows)


def test_a_system_that_must_be_searched():
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


# --- Any rules ----------------------------------------------------------------------------------


@st.composite
def ruled_tables(draw):
    """A table of numbers with rules that it honours, and something to ask of it."""
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
    # Ranges that all hold one full row can be had together; others perhaps.
    row, where = draw(st.one_of(st.none(), st.integers(0, n - 1))), {}
    for name in draw(st.lists(st.sampled_from(sorted(table)), max_size=3, unique=True)):
        one, two = (draw(st.integers(0, n - 1)) for _ in range(2))
        low, high = sorted(table[name][i] for i in (one if row is None else row, two))
        asked = [f"{low}..{high}", f"{low}..", f"..{high}"]
        where[name] = draw(st.sampled_from([*asked, f"{table[name][one if row is None else row]}"]))
    return pa.table(columns), found, where, row is not None and not missing


@FEW
@given(ruled_tables(), st.integers(0, 1000))
def test_any_linear_rules(case, noise):
    table, found, where, possible = case
    rules.check(rules.parse(found, {f.name: f.type for f in table.schema}), table)
    codec = fitted(table, *found)
    for rows in generated(codec, {}, noise=noise):
        for text in found:
            check(text, rows)
    refused = refusal(codec, where)
    if refused:
        assert "lies there" in refused or (not possible and "impossible" in refused)
        return
    _, rows = generated(codec, where, noise=noise)
    for text in found:
        check(text, rows)
    for name, asked in where.items():
        wish = codec._wishes({name: asked})[name]
        assert all(wish.fits(row[name]) for row in rows), (name, asked)


# --- Combinations -------------------------------------------------------------------------------


def places(n=600, cities=150):
    rng = np.random.default_rng(1)
    city = rng.zipf(1.5, n).clip(max=cities)
    return pa.table(
        {
            "country": [f"c{v % 7}" for v in city],
            "city": [f"t{v}" for v in city],
            "zone": [None if v % 9 == 0 else int(v % 3) for v in city],
            "age": rng.integers(18, 90, n),
        }
    )


@pytest.mark.parametrize(
    "where",
    [{}, {"country": "c1"}, {"city": "t1|t8"}, {"country": "c1|c2", "zone": "1"},
     {"country": "c2", "age": "30..40"}, {"zone": "missing"}],
)  # fmt: skip
def test_only_combinations_that_there_are(where):
    table = places()
    known = {(r["country"], r["city"], r["zone"]) for r in table.to_pylist()}
    codec = fitted(table, "together: country, city", "together: city, zone")
    for rows in generated(codec, where, seeds=range(300)):
        assert {(r["country"], r["city"], r["zone"]) for r in rows} <= known
    for name, asked in where.items():
        wish = codec._wishes({name: asked})[name]
        assert all(wish.fits(row[name]) for row in rows)
    if not where:
        assert len({r["city"] for r in rows}) > 40


def test_a_combination_that_there_is_not():
    codec = fitted(places(), "together: country, city")
    with pytest.raises(GankitError, match="country=c1, city=t2: no value of the data lies there"):
        codec.sample_conditions({"country": "c1", "city": "t2"}, [0])


# --- Keys ---------------------------------------------------------------------------------------


def keyed(n=400):
    rng = np.random.default_rng(2)
    return pa.table(
        {
            "id": [f"K-{i:04d}x" for i in range(n)],
            "number": rng.permutation(n) + 1,
            "far": rng.choice(np.arange(100_000, 999_999), n, replace=False),
            "order": [i // 4 for i in range(n)],
            "line": [i % 4 + 1 for i in range(n)],
            "shop": ["ABCDEFGHIJ"[i % 10] for i in range(n)],
            "year": [1900 + 2 * (i // 10) for i in range(n)],
            "age": rng.integers(18, 90, n),
        }
    )


KEYS = ("unique: id", "unique: number", "unique: far", "unique: order, line", "unique: shop, year")


def test_keys_are_unique_whatever_the_blocks():
    codec = fitted(keyed(), *KEYS)
    rows = []
    for start in range(0, 384, 32):
        rows += generated(codec, seeds=range(start, start + 32), noise=start)[1]
    for names in (("id",), ("number",), ("far",), ("order", "line"), ("shop", "year")):
        assert len({tuple(r[n] for n in names) for r in rows}) == len(rows), names
    assert {len(r["id"]) for r in rows} == {7}
    alone = generated(codec, seeds=[77], noise=5)[1][0]
    for name in ("id", "number", "far", "shop", "year"):
        assert alone[name] == rows[77][name]


def test_a_part_of_a_key_can_be_asked_for():
    codec = fitted(keyed(), *KEYS)
    rows = generated(codec, {"shop": "B", "line": "2", "year": "1910..1939"}, range(30))[1]
    assert {r["shop"] for r in rows} == {"B"}
    assert {r["line"] for r in rows} == {2}
    assert all(1910 <= r["year"] <= 1939 for r in rows)
    assert len({r["year"] for r in rows}) == 30
    codec = fitted(keyed(), *KEYS)
    with pytest.raises(GankitError, match="unique: shop, year: 80 rows, and only 79 values"):
        generated(codec, {"shop": "B"}, range(80))


def test_keys_beside_real_ones():
    table = keyed()
    codec = fitted(table, *KEYS)
    real = table.to_pylist()
    before = generated(codec, seeds=range(300))[1]
    codec.reserve([{**row, "number": row["number"] + 1000} for row in real])
    rows = generated(codec, seeds=range(300))[1]
    for names in (("id",), ("far",), ("order", "line"), ("shop", "year")):
        mine = {tuple(r[n] for n in names) for r in rows}
        assert not mine & {tuple(r[n] for n in names) for r in real}, names
        assert len(mine) == 300
    assert min(r["number"] for r in rows) == 1401
    # 400 of 900,000 numbers are taken: most keys are as they were.
    assert sum(a["far"] == b["far"] for a, b in zip(before, rows, strict=True)) > 290


def test_too_many_rows_for_a_key():
    codec = fitted(keyed(), "unique: far")
    rows = keyed().slice(0, 2).to_pylist()
    codec.settle(rows, {}, [0, 899_999])
    with pytest.raises(GankitError, match="unique: far: 900,001 rows, and only 900,000 values"):
        codec.settle(rows, {}, [0, 900_000])


def test_a_run_from_before_rules_loads():
    codec = fitted(orders())
    new = ("ordered", "format", "hidden", "computed", "joint")
    old = [{k: v for k, v in c.items() if k not in new} for c in codec.state().config["columns"]]
    again = TableCodec.load(CodecState({"columns": old}))
    assert codec.state().config == {"columns": codec.state().config["columns"]}
    assert again.layout == codec.layout
    assert generated(again, {"price": "20..30"}) == generated(codec, {"price": "20..30"})


# --- What is no rule ----------------------------------------------------------------------------

TABLE = orders(40)


def learned(table, said):
    modality = TabularModality()
    found = modality.read(table, said, lambda *_: None)
    return modality.fit_codec(found.items, said, lambda *_: None)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["start <= ent"], r"no column 'ent'\. Did you mean end"),
        (["shop <= price"], "shop holds texts"),
        (["price"], "it has 0 of <, <="),
        (["price < tax < total"], "it has 2 of"),
        (["price <"], "a side is empty"),
        (["price = price"], "each column must be there once"),
        (["price <= start"], "is a"),
        (["start = end + start"], "do not add up|once"),
        (["together: shop"], "1 different columns of 1"),
        (["unique: shop, shop"], "1 different columns of 2"),
        (["unique: nr"], "no column 'nr'"),
        (["price tax <= total"], "no column|stands where"),
        (["price >= 0", "price < 0"], "rows break it|contradict"),
        (["price < tax", "tax < price"], "rows break it"),
        (["together: shop, price", SUM], "'price' in arithmetic and"),
        (["price >= 1000000"], r"40 of 40 rows break it, the first is row 1 \(price=\d"),
    ],
)
def test_bad_rules_are_refused_in_one_line(texts, said):
    with pytest.raises(GankitError, match=said) as raised:
        learned(TABLE, TabularSettings(constraints=tuple(texts)))
    assert "\n" not in str(raised.value)


def test_rules_that_contradict_each_other_without_a_row_to_say_so():
    table = pa.table({"a": [1.0, None] * 20, "b": [None, 2.0] * 20, "c": [1.0, 2.0] * 20})
    with pytest.raises(GankitError, match="contradict each other: 'a < b', 'b < a'"):
        fitted(table, "a < b", "c >= 0", "b < a")


def test_the_first_bad_row_is_named_and_a_missing_value_is_none():
    table = pa.table({"a": [1, 2, None, 4], "b": [2, None, 3, 3], "k": ["x", "y", "y", "x"]})
    types = {f.name: f.type for f in table.schema}
    with pytest.raises(GankitError, match=r"1 of 4 rows break it, the first is row 4 \(a=4, b=3\)"):
        rules.check(rules.parse(["a <= b"], types), table)
    with pytest.raises(GankitError, match=r"2 of 4 rows break it, the first is row 3 \(k=y\)"):
        rules.check(rules.parse(["unique: k"], types), table)


def test_names_with_signs_spaces_and_quotes():
    table = pa.table({"hours-per-week": [1, 2], "a b": [3, 4], "a < b": [1, 1], "x,y": [1, 2]})
    types = {f.name: f.type for f in table.schema}
    found = rules.parse(
        ["hours-per-week <= a b", '"a < b", "x,y" >= 0', "a b = hours-per-week + 2"], types
    )
    assert [r.terms for r in found] == [
        (("hours-per-week", 1), ("a b", -1)),
        (("a < b", -1),),
        (("x,y", -1),),
        (("a b", 1), ("hours-per-week", -1)),
    ]
    rules.check(found, table)


def test_units_in_rules():
    table = pa.table(
        {
            "net": [f"{v / 10:.1f} kg" for v in range(100, 200)],
            "gross": [f"{v / 10 + v % 7:.1f} kg" for v in range(100, 200)],
            "s": ["x", "y"] * 50,
        }
    )
    values = pa.table(read_columns(table, number_formats(table, {})))
    rules.check(rules.parse(["net <= gross"], {f.name: f.type for f in values.schema}), values)
    codec = fitted(table, "net <= gross")
    for rows in generated(codec, {"gross": "15..16"}):
        for row in rows:
            net, gross = (float(row[n].removesuffix(" kg")) for n in ("net", "gross"))
            assert net <= gross
    assert all(15 <= float(row["gross"].removesuffix(" kg")) <= 16 for row in rows)
