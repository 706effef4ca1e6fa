"""Copies of training items are found, and fresh samples are not taken for copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.metrics import memorisation_scores
from gankit.metrics.memorisation import closer_probability


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_fresh_samples_look_like_held_out_ones(rng: np.random.Generator) -> None:
    train, fresh, heldout = (rng.normal(size=(n, 4)) for n in (500, 400, 400))
    scores = memorisation_scores(train, fresh, heldout)
    assert scores["nearest_train_ratio"] == pytest.approx(1.0, abs=0.1)
    assert scores["copies"] == pytest.approx(0.01, abs=0.02)
    assert scores["closer_to_train"] == pytest.approx(0.5, abs=0.06)
    assert abs(scores["data_copying_z"]) < 3


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_copies_are_caught(rng: np.random.Generator, noise: float) -> None:
    train, fresh, heldout = (rng.normal(size=(n, 4)) for n in (500, 300, 300))
    copied = train[:100] + noise * rng.normal(size=(100, 4))
    generated = np.concatenate([fresh[:200], copied])
    scores = memorisation_scores(train, generated, heldout)
    assert scores["copies"] == pytest.approx(1 / 3, abs=0.02)
    assert scores["closer_to_train"] > 0.6
    assert scores["data_copying_z"] < -5
    everything = memorisation_scores(train, copied, heldout)
    assert everything["nearest_train_ratio"] < 1e-3
    assert everything["copies"] == everything["closer_to_train"] == 1.0


def test_samples_off_the_data_are_no_copies(rng: np.random.Generator) -> None:
    train, heldout = rng.normal(size=(300, 4)), rng.normal(size=(300, 4))
    scores = memorisation_scores(train, heldout + 10.0, heldout)
    assert scores["nearest_train_ratio"] > 5
    assert scores["copies"] == 0.0
    assert scores["data_copying_z"] > 10


def test_held_out_data_is_its_own_baseline(rng: np.random.Generator) -> None:
    train, heldout = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    assert memorisation_scores(train, heldout, heldout) == pytest.approx(
        {"nearest_train_ratio": 1.0, "copies": 0.01, "closer_to_train": 0.5, "data_copying_z": 0.0}
    )


def test_data_that_repeats_itself(rng: np.random.Generator) -> None:
    train = rng.integers(0, 3, size=(400, 2)).astype(float)  # nine distinct rows
    scores = memorisation_scores(train, train[:50], train[50:100])
    assert scores["nearest_train_ratio"] == 1.0
    assert scores["copies"] == 1.0  # and so does the baseline
    assert scores["closer_to_train"] == 0.5
    off = memorisation_scores(train, train[:50] + 0.5, train[50:100])
    assert off["nearest_train_ratio"] == float("inf")


def test_z_is_that_of_the_rank_test(rng: np.random.Generator) -> None:
    mannwhitneyu = pytest.importorskip("scipy.stats").mannwhitneyu
    train, generated, heldout = (rng.normal(size=(n, 2)) for n in (50, 40, 30))
    z = memorisation_scores(train, 0.8 * generated, heldout)["data_copying_z"]

    def nearest(a: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None] - train[None], axis=2).min(axis=1)

    test = mannwhitneyu(
        nearest(0.8 * generated),
        nearest(heldout),
        method="asymptotic",
        use_continuity=False,
        alternative="less",
    )
    from scipy.stats import norm

    assert norm.cdf(z) == pytest.approx(test.pvalue, rel=1e-6)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
)
def test_probability_counts_pairs(a: list[int], b: list[int]) -> None:
    pairs = [1.0 if i < j else 0.5 if i == j else 0.0 for i in a for j in b]
    found = closer_probability(np.array(a, dtype=float), np.array(b, dtype=float))
    assert found == pytest.approx(np.mean(pairs))
