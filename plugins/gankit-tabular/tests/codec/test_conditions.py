"""Every row has the requested values, for any column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.contract import Batch
from gankit.errors import GankitError
from gankit.seeds import uniform
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.networks.one_shot import Generator


@pytest.fixture(scope="module")
def codec():
    rng = np.random.default_rng(0)
    n = 2000
    degree = rng.integers(0, 5, n)
    table = pa.table(
        {
            "age": rng.integers(17, 91, n),
            "degree": [f"d{v}" for v in degree],
            "years": degree * 2 + 8,
            "rare": np.where(rng.random(n) < 0.002, "yes", "no").tolist(),
            "gain": np.where(rng.random(n) < 0.8, 0, rng.integers(100, 99999, n)),
        }
    )
    return TableCodec.fit(table)


def sampled(codec, where, n=500):
    torch.manual_seed(0)
    generator = Generator(codec.blocks, codec.conditions.width, 8, 16, 2, 0.2).eval()
    c = codec.sample_conditions(where, range(n))
    z = torch.randn(n, 8 + codec.width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        x = generator(z, c)
    return codec.decode(Batch(x, c), range(n), where)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"rare": "yes"}, lambda r: r["rare"] == "yes"),
        ({"degree": "d3"}, lambda r: r["degree"] == "d3"),
        ({"degree": "d1|d2"}, lambda r: r["degree"] in ("d1", "d2")),
        ({"years": "12"}, lambda r: r["years"] == 12 and r["degree"] == "d2"),
        ({"age": "30..40"}, lambda r: 30 <= r["age"] <= 40),
        ({"age": "33..34"}, lambda r: 33 <= r["age"] <= 34),
        ({"age": "85.."}, lambda r: r["age"] >= 85),
        ({"age": "42"}, lambda r: r["age"] == 42),
        ({"gain": "0"}, lambda r: r["gain"] == 0),
        ({"gain": "1..", "rare": "yes"}, lambda r: r["gain"] >= 1 and r["rare"] == "yes"),
    ],
)
def test_every_row_has_the_requested_values(codec, where, holds):
    rows = sampled(codec, where)
    assert all(map(holds, rows)), next(r for r in rows if not holds(r))


def test_rare_categories_and_numbers_between_bins():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "town": [f"t{v}" for v in rng.zipf(1.3, 3000).clip(max=2000)],
            "x": rng.integers(0, 50, 3000) * 7,
            "flag": rng.random(3000) < 0.5,
        }
    )
    codec = TableCodec.fit(table, kinds={"town": "category"})
    rare = codec.columns[0].groups[0][-1][0]
    for row in sampled(codec, {"town": f"{rare}|t1", "x": "10..13", "flag": "false"}):
        assert row["town"] in (rare, "t1")
        assert 10 <= row["x"] <= 13
        assert row["flag"] is False
    assert {r["town"] for r in sampled(codec, {"town": rare})} == {rare}


def test_dates_are_requested_in_iso_format():
    days = pa.array(range(19000, 19400), pa.date32())
    table = pa.table(
        {"day": days, "at": days.cast(pa.timestamp("ms", tz="UTC")), "x": ["a", "b"] * 200}
    )
    codec = TableCodec.fit(table)
    rows = sampled(codec, {"day": "2022-03-01..2022-03-09", "at": "2022-05-01T12:00Z.."})
    assert {row["day"].isoformat() for row in rows} <= {f"2022-03-0{d}" for d in range(1, 10)}
    assert min(row["at"].isoformat() for row in rows) >= "2022-05-01T12:00"
    assert all(r["day"].isoformat() == "2022-03-05" for r in sampled(codec, {"day": "2022-03-05"}))
    with pytest.raises(GankitError, match=r"Write day=2024-01-31, day=2024-01-31\.\.2024"):
        codec.sample_conditions({"day": "March"}, [0])


def test_an_interval_is_filled(codec):
    ages = [row["age"] for row in sampled(codec, {"age": "30..40"}, 2000)]
    assert set(ages) == set(range(30, 41))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"degre": "d1"}, "Did you mean degree"),
        ({"degree": "d9"}, "no such value"),
        ({"age": "old"}, "neither a number nor a range"),
        ({"age": "200..300"}, "the data has no such value"),
        ({"age": "inf"}, "neither a number nor a range"),
        ({"age": "40..30"}, "40 is greater than 30"),
    ],
)
def test_invalid_requests(codec, where, message):
    with pytest.raises(GankitError, match=message):
        codec.sample_conditions(where, [0])


def test_conditions_are_one_hot_and_other_columns_open(codec):
    torch.manual_seed(0)
    stored = codec.encode(
        [{"age": 20, "degree": "d1", "years": 10, "rare": "no", "gain": 0}] * 900, None
    )
    c = codec.prepare(stored).c
    for _, block in codec.layout.condition.blocks():
        assert set(c[:, block].sum(1).tolist()) == {0.0, 1.0}
    assert 0.45 < float((c.sum(1) == 0).float().mean()) < 0.65


def test_uniform_numbers_are_uniform_and_depend_on_their_seed_alone():
    u = uniform(range(10_000), 3)
    assert abs(u.mean() - 0.5) < 0.02
    assert abs(np.quantile(u, 0.9) - 0.9) < 0.02
    assert uniform([7], 3)[0] == u[7]
    assert abs(np.corrcoef(u, uniform(range(10_000), 4))[0, 1]) < 0.05


@pytest.mark.parametrize("where", [{"age": "33..60"}, {"degree": "d1|d2", "rare": "yes|no"}])
def test_conditions_are_drawn_with_the_probability_that_they_state(codec, where):
    c, log_r = codec.propose_conditions(where, range(4000), 0)
    _, which, counts = c.unique(dim=0, return_inverse=True, return_counts=True)
    stated = torch.zeros(len(counts), dtype=log_r.dtype).scatter_(0, which, log_r).exp()
    assert stated.sum() == pytest.approx(1, abs=0.01)
    assert (stated - counts / 4000).abs().max() < 0.03


def test_one_number_among_many_is_matched_by_those_of_its_cell():
    values = np.random.default_rng(0).normal(size=4000)
    codec = TableCodec.fit(pa.table({"x": values}), TWO_DIGITS)
    (column,) = codec.columns
    wanted = float(np.sort(values)[2000]) + 1e-9
    where = {"x": str(wanted)}
    c, _ = codec.propose_conditions(where, range(50), 0)
    batch = Batch(c, c)
    assert codec.matches(batch, range(50), where).all()
    made = codec.decode(batch, range(50), where).table["x"].to_pylist()
    assert made == pytest.approx([wanted] * 50)
    assert not codec.matches(batch, range(50), {"x": str(wanted + 1)}).any()
    assert column.exact[0] == []


def test_a_combination_that_no_row_has_is_refused(codec):
    with pytest.raises(GankitError, match="degree=d1, years=8: the data has no such combination"):
        codec.sample_conditions({"degree": "d1", "years": "8"}, [0])


def test_a_category_of_many_values_determines_another_one():
    rng = np.random.default_rng(0)
    zip_ = rng.integers(0, 600, 4000)
    flag = np.where(rng.random(4000) < 0.001, "yes", "no")
    places = {"zip": [f"z{v}" for v in zip_], "state": [f"s{v % 20}" for v in zip_], "flag": flag}
    codec = TableCodec.fit(pa.table({**places, "once": [f"o{i % 3990}" for i in range(4000)]}),
                           TWO_DIGITS, {"once": "category"})  # fmt: skip
    assert codec.named["state"].derived_from == "zip"
    assert not codec.named["flag"].derived_from  # once has it by chance
    c, _ = codec.propose_conditions({"state": "s7"}, range(300), 0)
    batch = Batch(c[:, : codec.width], c)
    assert codec.matches(batch, range(300), {"state": "s7"}).all()
    rows = codec.decode(batch, range(300), {"state": "s7"})
    made = [int(v[1:]) for v in rows.table["zip"].to_pylist()]
    assert {v % 20 for v in made} == {7}
    assert len(set(made)) > 20
    with pytest.raises(GankitError, match="no such combination"):
        codec.sample_conditions({"state": "s7", "zip": "z8"}, [0])
