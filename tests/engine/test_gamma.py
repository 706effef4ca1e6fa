"""The adapted weight of R1 and R2, against a game whose optimum is known, and in training."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import brentq

from gankit.contract import Networks
from gankit.engine.gamma import EVERY, START, STEEPNESS, AdaptiveGamma
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.step import AdversarialLoss, LossWeights


def balanced(distance: float, gamma: float) -> float:
    """The slope s of ``D(x) = s x`` that minimises ``softplus(-s d) + gamma s^2``."""
    return brentq(
        lambda s: 2 * gamma * s - distance / (1 + math.exp(s * distance)),
        0,
        700 / distance,
        xtol=1e-12 / distance,
    )


@pytest.mark.parametrize("units", [1e-3, 1.0, 255.0])
@pytest.mark.parametrize("separation", [0.3, 1.0, 4.0])
def test_the_weight_of_a_linear_discriminator_is_the_closed_form(units, separation):
    """Fakes are reals moved by ``separation`` standard deviations: the logits of each pair differ
    by ``s d``, so that the loss is known, and gamma is where ``s^2 E(x - x')^2`` is the target."""
    torch.manual_seed(0)
    real = units * torch.randn(512, 1)
    gamma = AdaptiveGamma(ParallelContext())
    gamma.begin(real)
    assert gamma.value == pytest.approx(START * gamma.spread)
    distance, D = separation * units, torch.nn.Linear(1, 1, bias=False)
    loss = AdversarialLoss(
        Networks(torch.nn.Identity(), lambda x, c: D(x)[:, 0], latent_dim=1), OBJECTIVES["rpgan"]
    )
    for _ in range(150 * EVERY):
        with torch.no_grad():
            D.weight.fill_(balanced(distance, gamma.value))
        if gamma.steps == 0:  # nothing changes in between
            w = LossWeights(*map(torch.tensor, (gamma.value, gamma.value, 0.0, 0.0)))
            total, found = loss.discriminator_loss(real, real - distance, None, w, True)
            logs = {k: v.detach() for k, v in found.items()}
            (slope,) = torch.autograd.grad(total, D.weight)
            assert abs(float(slope)) < 1e-4 * units  # D is where it should be
        gamma.observe([logs])
    s = math.sqrt(STEEPNESS / gamma.spread)
    assert gamma.value == pytest.approx(distance / (1 + math.exp(s * distance)) / (2 * s), rel=0.02)


def test_a_factor_on_top_makes_the_discriminator_less_steep():
    """It is not undone."""
    plain, tenfold = AdaptiveGamma(ParallelContext()), AdaptiveGamma(ParallelContext())
    tenfold.factor = 10.0
    for gamma in (plain, tenfold):
        gamma.begin(torch.randn(4096, 1, generator=torch.Generator().manual_seed(0)))
        for _ in range(2000):
            gamma.correct(0.1 / (gamma.value * gamma.factor))  # a penalty that dominates
    assert tenfold.value == pytest.approx(plain.value, rel=0.02)


def test_pieces_of_a_batch_count_as_the_batch():
    whole, pieces = AdaptiveGamma(ParallelContext()), AdaptiveGamma(ParallelContext())
    for gamma in (whole, pieces):
        gamma.begin(torch.randn(32, 4, generator=torch.Generator().manual_seed(0)))
    for value in torch.rand(5 * EVERY, 4, dtype=torch.float64):
        whole.observe([{"r1": value[:2].mean(), "r2": value[2:].mean()}])
        pieces.observe([{"r1": value[0], "r2": value[2]}, {"r1": value[1], "r2": value[3]}])
    assert pieces.value == pytest.approx(whole.value, rel=1e-12)
    assert pieces.corrections == whole.corrections == 5


def test_the_weight_stays_within_its_range_and_is_deterministic():
    found = []
    for _ in range(2):
        gamma = AdaptiveGamma(ParallelContext())
        gamma.begin(torch.ones(8, 3))  # no spread at all
        for slope in (*[0.0] * 400, *[1e30] * 800):
            gamma.correct(slope)
            assert 0 < gamma.value < math.inf
        found.append(gamma.value)
    assert found[0] == found[1]


def test_state_is_exact_and_damage_is_refused():
    gamma = AdaptiveGamma(ParallelContext())
    gamma.begin(torch.randn(32, 4))
    for _ in range(EVERY + 3):
        gamma.observe([{"r1": torch.rand(()), "r2": torch.rand(())}])
    again = AdaptiveGamma(ParallelContext())
    again.load(gamma.state(), torch.device("cpu"))
    assert again.steps == 3
    assert torch.equal(again.state(), gamma.state())
    for _ in range(EVERY):
        logs = {"r1": torch.rand(()), "r2": torch.rand(())}
        gamma.observe([logs])
        again.observe([logs])
    assert again.value == gamma.value != 0
    for i, bad in enumerate([-1.0, -1.0, -1.0, EVERY, -1.0]):
        state = gamma.state()
        state[i] = bad
        with pytest.raises(ValueError, match="no state of gamma"):
            again.load(state, torch.device("cpu"))
