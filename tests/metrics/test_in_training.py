"""What is measured while a generator is trained: failures are seen, and real items are ideal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.metrics.in_training import Reference, Rows, effective_modes

CLASSES = np.eye(4)


def mixture(n, seed, classes=4, spread=0.2, width=4):
    """``classes`` of the four corners of a simplex, with one-hot conditions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    x = np.zeros((n, width))
    x[:, :4] = CLASSES[labels]
    return Rows(x + spread * rng.normal(size=(n, width)), CLASSES[labels])


@pytest.fixture(scope="module")
def reference():
    return Reference(mixture(600, 0), mixture(200, 1), 128)


def scores(reference, x, c=None):
    return reference.compare(x, c) | reference.baselines


def test_fresh_items_score_as_their_baselines(reference):
    fresh = mixture(128, 2)
    found = scores(reference, fresh.x, fresh.c)
    assert abs(found["heldout_distance"]) < 4 * found["heldout_distance_noise"] + 0.01
    assert found["diversity"] == pytest.approx(1, abs=0.2)
    assert found["class_diversity"] == pytest.approx(1, abs=0.1)
    assert found["coverage"] == pytest.approx(found["coverage_real"], abs=0.1)
    assert found["recall"] == pytest.approx(found["recall_real"], abs=0.1)
    assert found["copying"] == pytest.approx(0.5, abs=0.1)
    real = found["condition_agreement_real"]
    assert found["condition_agreement"] == pytest.approx(real, abs=0.1)


def test_one_sample_for_all_has_no_diversity(reference):
    found = scores(reference, np.zeros((128, 4)), mixture(128, 2).c)
    assert found["diversity"] < 0.2
    assert found["class_diversity"] < 1e-6
    assert found["coverage"] < 0.1
    assert found["heldout_distance"] > 0.3


def test_a_lost_mode_is_a_distance_and_less_diversity(reference):
    some = mixture(128, 2, classes=2)
    found = scores(reference, some.x, some.c)
    assert found["diversity"] < 0.75
    assert found["class_diversity"] == pytest.approx(1, abs=0.1)
    assert found["heldout_distance"] > 10 * found["heldout_distance_noise"]


def test_a_collapse_within_each_class_is_seen(reference):
    c = mixture(128, 2).c
    found = scores(reference, c + 1e-3, c)
    assert found["class_diversity"] < 0.01
    assert found["condition_agreement"] > 0.9


def test_a_condition_that_is_ignored_is_seen(reference):
    fresh = mixture(128, 2)
    rolled = np.roll(fresh.c, 64, axis=0)
    assert abs(scores(reference, fresh.x, rolled)["condition_agreement"]) < 0.2


def test_copies_of_training_items_are_seen(reference):
    train = mixture(600, 0)
    found = scores(reference, train.x[:128], train.c[:128])
    assert found["copying"] == 1
    near = train.x[:128] + 1e-3
    assert scores(reference, near, train.c[:128])["copying"] > 0.95


def test_samples_without_detail_are_no_copies():
    """They are near everything, which is no sign of copying in itself."""
    reference = Reference(mixture(600, 0, width=40), mixture(200, 1, width=40), 128)
    assert reference.compare(mixture(128, 2, spread=0.05, width=40).x, None)["copying"] < 0.6


def test_few_held_out_items_leave_out_what_needs_them():
    reference = Reference(mixture(100, 0), mixture(10, 1), 64)
    fresh = mixture(64, 2)
    found = scores(reference, fresh.x, fresh.c)
    assert not {"heldout_distance", "copying", "heldout_distance_noise"} & found.keys()
    assert {"diversity", "class_diversity", "coverage"} <= found.keys()


def test_conditions_that_cannot_be_read_off_items_are_left_out():
    rng = np.random.default_rng(0)
    noise = [Rows(rng.normal(size=(n, 3)), CLASSES[rng.integers(0, 4, n)]) for n in (400, 100)]
    assert "condition_agreement" not in Reference(*noise, 64).compare(noise[1].x, noise[1].c)


def test_continuous_conditions_are_read_off():
    rng = np.random.default_rng(0)

    def made(n):
        x = rng.normal(size=(n, 3))
        return Rows(x, x[:, :1] + 0.1 * rng.normal(size=(n, 1)))

    reference, fresh = Reference(made(400), made(100), 64), made(64)
    found = reference.compare(fresh.x, fresh.c)
    assert found["condition_agreement"] > 0.9
    assert "class_diversity" not in found


@given(n=st.integers(3, 60), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_effective_modes_are_between_one_and_the_samples(n, seed):
    x = np.random.default_rng(seed).normal(size=(n, 2))
    for width in (1e-6, 0.3, 1e6):
        assert 1 - 1e-9 <= effective_modes(x, width) <= n + 1e-9
    assert effective_modes(x, 1e6) == pytest.approx(1)
    assert effective_modes(np.arange(n)[:, None] * 1.0, 1e-3) == pytest.approx(n)


@pytest.mark.parametrize("train", [np.zeros((0, 2)), np.zeros((1, 2)), np.full((9, 2), np.nan)])
def test_no_reference_without_items(train):
    with pytest.raises(GankitError, match="training items"):
        Reference(Rows(train), Rows(np.zeros((0, 2))), 16)


@pytest.mark.parametrize("items", [2, 3, 7])
def test_items_that_are_all_the_same_are_no_error(items):
    same = np.ones((items, 2))
    found = Reference(Rows(same), Rows(np.ones((40, 2))), 16).compare(np.zeros((16, 2)), None)
    assert all(np.isfinite(v) for v in found.values())
