"""What can be asked of properties, and the rows that are drawn for it."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.contract import Condition, Continuous
from gankit.errors import GankitError
from gankit_molecule.codec.property_query import Asking, kept, read_wish

CONDITION = Condition((Continuous("logp", 2.0, 0.5), Continuous("mw", 300.0, 30.0)))


@pytest.fixture(scope="module")
def asking() -> Asking:
    rows = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    rows[:, 1] = rows[:, 0] + 0.2 * rows[:, 1]  # heavier ones are greasier
    return Asking(CONDITION, rows)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("2.5", 2.5, 2.5), ("2..3", 2, 3), ("..3", -math.inf, 3), ("-1..", -1, math.inf)],
)
def test_numbers_and_ranges(text: str, low: float, high: float) -> None:
    wish = read_wish("logp", text)
    assert (wish.low, wish.high) == (low, high)


@pytest.mark.parametrize("text", ["high", "..", "3..2", "", "nan", "1..x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(GankitError, match="neither a number nor a range"):
        read_wish("logp", text)


def test_another_property_is_refused(asking: Asking) -> None:
    with pytest.raises(GankitError, match="not conditioned on 'qed'"):
        asking.draw({"qed": 0.9}, [0])


def test_an_asked_value_is_told_exactly_and_others_go_with_it(asking: Asking) -> None:
    c = asking.draw({"logp": 2.5}, range(500))
    assert torch.allclose(c[:, 0], torch.ones(500))
    assert 0.7 < float(c[:, 1].mean()) < 1.3  # as in the data, not as on average


def test_a_range_is_kept_to(asking: Asking) -> None:
    c = asking.draw({"logp": "2.25..2.5", "mw": "..330"}, range(500))
    assert bool(((c[:, 0] >= 0.5) & (c[:, 0] <= 1)).all())
    assert bool((c[:, 1] <= 1).all())
    assert float(c[:, 0].std()) > 0.05


def test_what_no_molecule_has_can_be_asked_all_the_same(asking: Asking) -> None:
    assert torch.allclose(asking.draw({"logp": 9}, range(9))[:, 0], torch.full((9,), 14.0))
    assert bool((asking.draw({"logp": "9.."}, range(9))[:, 0] == 14).all())


def test_a_row_is_a_function_of_its_seed(asking: Asking) -> None:
    assert torch.equal(asking.draw({}, range(9))[3:5], asking.draw({}, [3, 4]))
    assert len(asking.draw({}, range(300)).unique(dim=0)) > 200


def test_many_rows_are_thinned_evenly() -> None:
    c = torch.arange(50_000.0)[:, None]
    few = kept(c)
    assert len(few) == 20_000
    assert (few[0], few[-1]) == (0, 49_999)


@pytest.mark.parametrize(
    ("text", "value", "far"),
    [
        ("2..3", 2.5, 0), ("2..3", 3.0, 0), ("2..3", 4.0, 2), ("2..3", 1.0, 2), ("..3", -9.0, 0),
        ("2..", 1.5, 1), ("2", 2.05, 0), ("2", 1.95, 0), ("2", 2.3, 0.5), ("2", math.nan, math.inf),
    ],
)  # fmt: skip
def test_how_far_a_value_is_from_what_is_asked(text: str, value: float, far: float) -> None:
    assert read_wish("logp", text).miss(value, 0.5) == pytest.approx(far)
