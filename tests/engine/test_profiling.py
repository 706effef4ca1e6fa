"""Profiling steps leave no trace."""

from __future__ import annotations

import pytest
import torch
from vectors import MLP, VectorCodec

from gankit.contract import Networks
from gankit.engine.data import RealSamples
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.profiling import fastest_threads, memory_bytes, step_seconds, usual_step_seconds
from gankit.engine.randomness import StepRandomness
from gankit.engine.settings import EngineSettings, TrainSettings
from gankit.engine.step import AdversarialLoss
from gankit.engine.updates import Updates

CPU = torch.device("cpu")


@pytest.fixture
def updates():
    torch.manual_seed(0)
    networks = Networks(MLP(4, 2, batch_norm=True), MLP(2, 1, batch_norm=True), 4)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    settings = EngineSettings(train=TrainSettings(batch=32, d_steps=2))
    random = StepRandomness(lambda what, at: at, lambda: 0, ParallelContext(), CPU)
    return Updates(networks, loss, settings, CPU, ParallelContext(), random)


@pytest.fixture
def reals():
    items = [(float(i), i % 3) for i in range(100)]
    return RealSamples(items, VectorCodec(), batch=32, seed=0, device=CPU)


def test_state_is_as_before(updates, reals):
    torch.manual_seed(5)
    reals.next()
    networks = updates.networks.generator, updates.networks.discriminator
    before = [v.clone() for net in networks for v in net.state_dict().values()]
    position, rng = reals.position, torch.get_rng_state()
    for samples in (None, 16):
        assert 0 < step_seconds(updates, reals, reals.next, samples) < float("inf")
    assert memory_bytes(updates, reals, reals.next) > 0
    assert reals.position == position
    assert torch.equal(torch.get_rng_state(), rng)
    after = [v for net in networks for v in net.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(p.grad is None for net in networks for p in net.parameters())


def test_the_fastest_number_of_threads_is_chosen(updates, reals, monkeypatch):
    seconds = {1: 3.0, 2: 1.0, 4: 2.0}
    threads = 4
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    def choose(count):
        nonlocal threads
        threads = count

    monkeypatch.setattr(torch, "set_num_threads", choose)
    monkeypatch.setattr("gankit.engine.profiling.step_seconds", lambda *_, **__: seconds[threads])
    assert fastest_threads(updates, reals, reals.next) == 2
    threads = 1
    assert fastest_threads(updates, reals, reals.next) == 1


def test_only_the_warm_up_is_profiled_where_no_game_follows(updates, reals, monkeypatch):
    phases = []

    def seconds(*given, warm_up, **more):
        phases.append(warm_up)
        return 1.0

    monkeypatch.setattr("gankit.engine.profiling.step_seconds", seconds)
    updates.settings = EngineSettings(train=TrainSettings(samples=100, batch=32, warm_up=1.0))
    assert usual_step_seconds(updates, reals, reals.next) == 1  # 100 are no multiple of 32
    assert set(phases) == {True}
