"""Scheduled values, and the average's decay."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.engine.ema import ema_decay
from gankit.engine.schedules import Ramp, ever_positive, schedule


def test_constant():
    assert schedule(0.3, 100)(0) == schedule(0.3, 100)(10**9) == 0.3


def test_a_pair_is_a_cosine_over_the_burn_in():
    value = schedule((2.0, 0.2), burn_in=1000)
    assert value(0) == 2.0
    assert value(500) == pytest.approx(1.1)
    assert value(250) == pytest.approx(0.2 + 1.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert value(1000) == value(10**9) == pytest.approx(0.2)


def test_linear_ramp_after_a_wait():
    value = schedule(Ramp(1.0, 0.0, over=100, after=50, shape="linear"), burn_in=0)
    assert [value(t) for t in (0, 50, 100, 150, 200)] == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_no_burn_in_is_the_end_value():
    assert schedule((1.0, 0.1), burn_in=0)(0) == pytest.approx(0.1)


@given(st.floats(0, 10), st.floats(0, 10), st.integers(1, 10**6), st.integers(0, 10**7))
def test_stays_between_its_ends(start, stop, over, samples):
    value = schedule((start, stop), over)(samples)
    assert min(start, stop) - 1e-9 <= value <= max(start, stop) + 1e-9


def test_ever_positive():
    assert ever_positive((0.0, 1.0))
    assert ever_positive(Ramp(1, 0))
    assert not ever_positive(0.0)
    assert not ever_positive((0.0, 0.0))


def test_ema_half_life():
    """After half_life samples an old weight counts half, for any batch."""
    assert ema_decay(100, 1000) ** 10 == pytest.approx(0.5)
    assert ema_decay(64, 0) == 0
