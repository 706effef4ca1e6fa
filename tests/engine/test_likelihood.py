"""The likelihood of items under a generator that samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from vectors import MLP, VectorCodec

from gankit.engine.likelihood import negative_log_likelihoods
from gankit.engine.sampling.sampler import Sampler

ITEMS = [(k / 7, k % 3) for k in range(150)]


def sampler(codec, likelihood):
    return Sampler(
        *(MLP(4, 2), codec, 4, torch.device("cpu")), likelihood=likelihood, autocast=torch.bfloat16
    )


def nll(x, c):
    return x[:, 0] + 100 * c.argmax(1) if c.any() else x[:, 0]


def test_one_number_for_each_item_under_its_own_condition():
    found = negative_log_likelihoods(sampler(VectorCodec(), nll), ITEMS)
    assert found == pytest.approx([v + 100 * k for v, k in ITEMS], abs=0.1)  # views add noise
    assert found.dtype == np.float64


def test_nothing_is_told_where_the_codec_can_express_that():
    class Told(VectorCodec):
        decode_batch_size = 11

        def sample_conditions(self, where, seeds):
            assert not where
            return torch.zeros(len(seeds), 3)

    found = negative_log_likelihoods(sampler(Told(), nll), ITEMS)
    assert found == pytest.approx([v for v, _ in ITEMS], abs=0.1)


def test_views_are_drawn_from_the_seed_alone():
    drawing, found = sampler(VectorCodec(), nll), []
    for seed in (1, 1, 2):
        torch.manual_seed(len(found))
        before = torch.get_rng_state()
        found.append(negative_log_likelihoods(drawing, ITEMS, seed))
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
