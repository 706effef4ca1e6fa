"""How long the warm-up is, and its steps."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gankit.contract import Batch, Networks
from gankit.engine.budget import Budget
from gankit.engine.clock import Clock
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.randomness import StepRandomness
from gankit.engine.settings import EngineSettings, TrainSettings, WarmUpSettings
from gankit.engine.step import AdversarialLoss
from gankit.engine.updates import Updates
from gankit.engine.warm_up import WarmUp


@pytest.mark.parametrize(
    ("given", "samples", "steps"),
    [(0, 0, 16), (0.3, 300, 5 + 11), (1, 1000, 16), (1.5, 2, 1 + 15), (5000, 1000, 16)],
)
def test_a_share_or_samples(given, samples, steps):
    train = TrainSettings(samples=1000, warm_up=given, batch=64)
    assert (train.warm_up_samples, train.steps) == (samples, steps)
    warm_up = WarmUp(EngineSettings(train=train), Budget(), ParallelContext(), Clock())
    assert warm_up.is_all == (samples == 1000)


def test_a_share_is_of_what_the_epochs_allow():
    train = TrainSettings(samples=10**12, epochs=3, warm_up=0.5).on(200)
    assert (train.samples, train.warm_up_samples) == (600, 300)


def rates(samples, ramp):
    """The learning rate of each step of 8 samples, and where the clock stands after the last."""
    settings = EngineSettings(
        train=TrainSettings(samples=10_000, warm_up=samples, batch=8),
        warm_up=WarmUpSettings(lr=2.0, ramp=ramp),
    )
    clock = Clock()
    warm_up, found = WarmUp(settings, Budget(), ParallelContext(), clock), []
    while not warm_up.over:
        found.append(warm_up.lr(clock))
        warm_up.advance(clock, 8)
        clock.steps += 1
    return found, clock


def test_the_learning_rate_rises_and_falls():
    found, clock = rates(800, ramp=10)
    assert len(found) == 100
    assert found[0] == pytest.approx(0.2)
    assert found[50] == pytest.approx(1.0)
    assert found[99] == pytest.approx(0.0, abs=1e-3)
    assert clock.warming
    assert clock.samples == 800


@pytest.mark.parametrize(("ramp", "first"), [(0, 2.0), (1, 2.0), (50, 0.04)])
def test_the_rise_is_no_more_than_a_tenth_of_the_warm_up(ramp, first):
    found, _ = rates(160, ramp)
    assert found[0] == pytest.approx(first)
    assert found[2] == pytest.approx(1 + math.cos(math.pi / 10))


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.other = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(2, 2))

    def forward(self, z, c):
        return z + self.mean

    def nll(self, x, c):
        return 100 * (x - self.mean).square().sum(1) + self.other.sum()


def test_a_step_is_adamw_on_clipped_gradients():
    settings = EngineSettings(warm_up=WarmUpSettings(weight_decay=0.1, clip=0.5))
    G, expected = Line(), Line()
    networks = Networks(G, nn.Linear(3, 1), 3, likelihood=G.nll)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    alone, cpu = ParallelContext(), torch.device("cpu")
    random = StepRandomness(lambda what, at: at, lambda: 0, alone, cpu)
    updates = Updates(networks, loss, settings, cpu, alone, random)
    optimiser = torch.optim.AdamW(
        expected.parameters(), lr=0.1, betas=(0.9, 0.99), weight_decay=0.1
    )
    for seed in range(3):
        real = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
        updates.step_likelihood(lambda real=real: Batch(real), 0.1)
        optimiser.zero_grad()
        expected.nll(real, None).mean().backward()
        nn.utils.clip_grad_norm_(expected.parameters(), 0.5)
        optimiser.step()
    for mine, theirs in zip(G.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
