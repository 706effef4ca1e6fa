"""Random numbers that are functions of a seed: independent of their neighbours, and uniform."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit import seeds
from gankit.seeds import normal, shuffled, uniform


def test_a_draw_depends_on_its_seed_alone():
    some = [7, 3, 2**40]
    for draw in (lambda some: uniform(some, 5), lambda some: normal(some, 6)):
        alone = np.concatenate([draw([seed]) for seed in some])
        assert (draw(some) == alone).all()


@pytest.mark.parametrize("width", [1, 7, 600])
def test_a_latent_does_not_depend_on_how_many_are_drawn(width, monkeypatch):
    together = normal(range(3, 300), width, 2)
    monkeypatch.setattr(seeds, "_CACHED", 1)
    assert (normal(range(3, 300), width, 2) == together).all()
    assert (normal(np.arange(3, 300), width, 2) == together).all()


@pytest.mark.parametrize("some", [range(2**63 - 3, 2**63), range(10, 0, -3), range(0)])
def test_a_range_of_seeds_is_its_seeds(some):
    assert (uniform(some, 4) == uniform(np.array(some, np.uint64), 4)).all()


def test_a_wider_latent_has_another_shape_only():
    assert normal(range(4), 5).shape == (4, 5)
    assert normal(range(4), 0).shape == (4, 0)
    assert normal(range(4), 6).dtype == np.float32


@pytest.mark.parametrize("some", [range(20_000), range(0, 20_000 * 1024, 1024)])
def test_normals_are_normal_and_independent(some):
    from scipy.stats import kstest

    z = normal(some, 8).astype(np.float64)
    assert kstest(z.ravel(), "norm").pvalue > 1e-3
    # Between places of an item and between items that follow each other, and of their squares.
    for v in (z, z**2):
        pairs = np.corrcoef(np.concatenate([v[1:], v[:-1]], 1).T) - np.eye(16)
        assert np.abs(pairs).max() < 5 / np.sqrt(len(z))


def test_streams_are_uniform_and_independent():
    u = np.stack([uniform(range(20_000), stream) for stream in (0, 1, 2, 1000)])
    assert ((u >= 0) & (u < 1)).all()
    assert np.abs(u.mean(1) - 0.5).max() < 0.01
    assert np.abs(np.corrcoef(u) - np.eye(4)).max() < 5 / np.sqrt(20_000)


def test_streams_share_nothing_with_latents():
    u, z = uniform(range(20_000), 0), normal(range(20_000), 4).T
    assert np.abs(np.corrcoef([u, *z])[0, 1:]).max() < 5 / np.sqrt(20_000)


def test_an_order_of_any_length_needs_no_memory():
    n = 10**12
    at = np.arange(5 * n - 2000, 5 * n + 2000)
    drawn = shuffled(n, 3, at)
    assert len(set(drawn[:2000].tolist())) == 2000
    assert drawn.min() >= 0
    assert drawn.max() < n
    assert abs(drawn.mean() / n - 0.5) < 0.03
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.06


@pytest.mark.parametrize("n", [3, 4, 7])
def test_every_order_is_as_likely_as_another(n):
    epochs = 20_000
    orders = shuffled(n, 5, np.arange(n * epochs)).reshape(epochs, n)
    assert len(np.unique(orders, axis=0)) > 0.95 * math.factorial(n)
    for place in orders.T:
        assert (abs(np.bincount(place) / epochs - 1 / n) < 0.02).all()
