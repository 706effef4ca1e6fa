"""Constraints on properties, and rows of conditions that meet them."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.contract import Condition, Continuous
from gankit.errors import GankitError
from gankit_molecule.codec.property_query import PropertyQuery, parse_constraint, subsample

CONDITION = Condition((Continuous("logp", 2.0, 0.5), Continuous("mw", 300.0, 30.0)))


@pytest.fixture(scope="module")
def query() -> PropertyQuery:
    rows = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    rows[:, 1] = rows[:, 0] + 0.2 * rows[:, 1]  # heavier ones are greasier
    return PropertyQuery(CONDITION, rows)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("2.5", 2.5, 2.5), ("2..3", 2, 3), ("..3", -math.inf, 3), ("-1..", -1, math.inf)],
)
def test_numbers_and_ranges(text: str, low: float, high: float) -> None:
    found = parse_constraint("logp", text)
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize("text", ["high", "..", "inf", "-inf..inf", "", "nan", "1..nan", "1..x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(GankitError, match="neither a number nor a range"):
        parse_constraint("logp", text)


def test_a_reversed_range_is_named() -> None:
    with pytest.raises(GankitError, match=r"logp=40\.\.30: 40 is greater than 30"):
        parse_constraint("logp", "40..30")


def test_another_property_is_refused(query: PropertyQuery) -> None:
    with pytest.raises(GankitError, match="not conditioned on 'qed'"):
        query.sample({"qed": 0.9}, [0])


def test_a_requested_value_is_exact_and_others_follow_it(query: PropertyQuery) -> None:
    c = query.sample({"logp": 2.5}, range(500))
    assert torch.allclose(c[:, 0], torch.ones(500))
    assert 0.7 < float(c[:, 1].mean()) < 1.3  # as in the data, not as on average


def test_a_range_is_kept_to(query: PropertyQuery) -> None:
    c = query.sample({"logp": "2.25..2.5", "mw": "..330"}, range(500))
    assert bool(((c[:, 0] >= 0.5) & (c[:, 0] <= 1)).all())
    assert bool((c[:, 1] <= 1).all())
    assert float(c[:, 0].std()) > 0.05


def test_values_that_no_molecule_has_can_be_requested(query: PropertyQuery) -> None:
    assert torch.allclose(query.sample({"logp": 9}, range(9))[:, 0], torch.full((9,), 14.0))
    assert bool((query.sample({"logp": "9.."}, range(9))[:, 0] == 14).all())


def test_a_row_is_a_function_of_its_seed(query: PropertyQuery) -> None:
    assert torch.equal(query.sample({}, range(9))[3:5], query.sample({}, [3, 4]))
    assert len(query.sample({}, range(300)).unique(dim=0)) > 200


def test_many_rows_are_subsampled_evenly() -> None:
    c = torch.arange(50_000.0)[:, None]
    few = subsample(c)
    assert len(few) == 20_000
    assert (few[0], few[-1]) == (0, 49_999)


@pytest.mark.parametrize(
    ("text", "value", "far"),
    [
        ("2..3", 2.5, 0), ("2..3", 3.0, 0), ("2..3", 4.0, 2), ("2..3", 1.0, 2), ("..3", -9.0, 0),
        ("2..", 1.5, 1), ("2", 2.05, 0), ("2", 1.95, 0), ("2", 2.3, 0.5), ("2", math.nan, math.inf),
    ],
)  # fmt: skip
def test_the_distance_of_a_value_from_a_constraint(text: str, value: float, far: float) -> None:
    assert parse_constraint("logp", text).distance(value, 0.5) == pytest.approx(far)
