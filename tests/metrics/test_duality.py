"""The duality gap from values of the game."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.metrics.duality import duality_gap, duality_score


def test_the_gap_is_the_difference_of_means():
    above, below = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0])
    gap, error = duality_gap(above, below)
    assert gap == pytest.approx(1.5)
    assert error == pytest.approx(math.sqrt(1 / 3 + 0.5 / 2))


@pytest.mark.parametrize("few", [np.zeros(0), np.zeros(1)])
def test_one_pair_says_nothing(few):
    assert all(math.isnan(v) for v in duality_gap(few, np.zeros(9)))


def test_as_a_score():
    score = duality_score(np.ones(5), np.zeros(4), seed=3)
    assert (score.name, score.value, score.error) == ("duality_gap", 1.0, 0.0)
    assert (score.n_real, score.n_generated, score.seed) == (5, 4, 3)
    assert score.lower_is_better
    assert score.real_baseline is None
