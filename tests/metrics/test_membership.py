"""Likelihoods that tell members, or do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.metrics.membership import Likelihoods, membership_auc, white_box_score


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_area_is_the_share_of_pairs_in_the_right_order(rng: np.random.Generator) -> None:
    found = Likelihoods(rng.integers(0, 9, 60), rng.integers(2, 9, 80))  # with ties
    pairs = [(a < b) + (a == b) / 2 for a in found.members for b in found.others]
    assert membership_auc(found)[0] == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_the_error_is_the_spread_over_draws(rng: np.random.Generator, shift: float) -> None:
    def drawn() -> tuple[float, float]:
        return membership_auc(Likelihoods(rng.normal(size=150), shift + rng.normal(size=100)))

    areas, errors = np.array([drawn() for _ in range(500)]).T
    assert areas.mean() == pytest.approx(0.5 * (1 + math.erf(shift / 2)), abs=0.01)
    assert errors.mean() == pytest.approx(areas.std(), rel=0.15)


def test_likelier_members_are_told_and_what_is_impossible_is_least_likely() -> None:
    told = Likelihoods(np.arange(5.0), np.array([6, 7, np.inf, np.nan]))
    assert membership_auc(told) == (1.0, 0.0)
    assert membership_auc(Likelihoods(told.others, told.members)) == (0.0, 0.0)
    assert membership_auc(Likelihoods(np.zeros(5), np.zeros(4))) == (0.5, 0.0)
    assert all(map(math.isnan, membership_auc(Likelihoods(np.zeros(1), np.zeros(4)))))


def test_the_score_states_its_numbers_and_other_models(rng: np.random.Generator) -> None:
    found = Likelihoods(rng.normal(size=40), rng.normal(size=30))
    score = white_box_score(found, 3, {"memory": Likelihoods(np.zeros(40), np.ones(30))})
    assert (score.n_real, score.n_generated, score.split, score.seed) == (40, 30, "train", 3)
    assert (score.value, score.error) == membership_auc(found)
    assert score.baselines == {"memory": 1.0}
    assert score.lower_is_better
    assert score.real_baseline is None
