"""Learned codecs: a training ends with its time, resumes bit for bit, and is cached."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gankit.contract import Fitting
from gankit.kit.autoencoders import batches_by_length, train, trained_or_cached, training
from gankit.kit.cache import Cache

STEPS = 60


def regression(folder, time_left=lambda: math.inf, stopped=lambda: False):
    """Trains a line through noisy points; the network, and the function that trains it."""
    torch.manual_seed(0)
    network, shown = nn.Linear(2, 1), []

    def error(rows, step):
        x = torch.randn(len(rows), 2)
        return (network(x) - x.sum(1, keepdim=True)).square().mean()

    def go():
        batches = batches_by_length(np.arange(64), 16, STEPS, seed=0)
        fitting = Fitting(lambda what, *_: shown.append(what), time_left, stopped)
        return train(
            *(network, batches, error, STEPS, fitting, Cache(folder), "key"),
            learning_rate=1.0,
            label="fitting a line",
            remark=lambda step: ", so far",
        )

    return network, go, shown


def test_the_loss_falls_and_is_shown(tmp_path):
    network, go, shown = regression(tmp_path)
    result = go()
    assert result.complete
    assert result.loss < 0.5
    assert not network.training
    assert shown[0].startswith("fitting a line (loss ")
    assert shown[0].endswith(", so far)")


def test_an_interrupted_training_resumes_bit_for_bit(tmp_path):
    whole, go, _ = regression(tmp_path / "whole")
    go()
    asked = iter(range(STEPS))
    _, go, _ = regression(tmp_path / "parts", stopped=lambda: next(asked) == 11)
    with pytest.raises(KeyboardInterrupt):
        go()
    resumed, go, _ = regression(tmp_path / "parts")
    assert go().complete
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_ends_with_its_time_and_is_not_cached(tmp_path):
    left = iter([10.0, *np.linspace(10, 0, 12)])
    network, go, shown = regression(tmp_path, lambda: next(left))
    kept = []
    trained_or_cached(
        network, "lines", "key", Cache(tmp_path), lambda: kept.append(go()) or kept[0]
    )
    assert not kept[0].complete
    assert ", 10 s of the budget" in shown[0]
    assert not list(tmp_path.glob("lines/*"))


def test_what_was_trained_is_cached_once(tmp_path):
    network, go, _ = regression(tmp_path)
    loss = trained_or_cached(network, "lines", "key", Cache(tmp_path), go)
    again, _, _ = regression(tmp_path)
    never = pytest.fail
    assert trained_or_cached(again, "lines", "key", Cache(tmp_path), never) == pytest.approx(loss)
    assert torch.equal(network.weight, again.weight)
    assert not list(tmp_path.glob("training/*")), "snapshots of a finished training remain"


def test_a_damaged_cache_is_trained_again(tmp_path):
    network, go, _ = regression(tmp_path)
    trained_or_cached(network, "lines", "key", Cache(tmp_path), go)
    (tmp_path / "lines" / "key.safetensors").write_bytes(b"damaged")
    assert trained_or_cached(network, "lines", "key", Cache(tmp_path), go) < 0.5


def test_the_learning_rate_rises_holds_and_falls():
    assert training.rate(0, 1000) == 1 / 200
    assert training.rate(250, 1000) == 1
    assert training.rate(999, 1000) == pytest.approx(1 / 700)
    assert training.rate(500, 10_000, 0.35) == 0.5
    assert training.rate(500, 10_000, 0.0) == 0


def test_batches_hold_each_row_once_an_epoch_and_similar_lengths():
    lengths = np.random.default_rng(0).integers(1, 100, 640)
    batches = list(batches_by_length(lengths, 32, 20, seed=1))
    assert sorted(np.concatenate(batches)) == list(range(640))
    spread = np.mean([np.ptp(lengths[rows]) for rows in batches])
    assert spread < 10
