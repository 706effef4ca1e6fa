"""Every objective against its closed form in probabilities, signs included."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.engine.objectives import OBJECTIVES

logits = st.lists(st.floats(-8, 8), min_size=3, max_size=3).map(
    lambda v: torch.tensor(v, dtype=torch.float64)
)


@given(logits, logits)
def test_classical_discriminator_maximises_the_value_function(real, fake):
    """Goodfellow et al. 2014, eq. 1: D maximises V, so its loss is -V."""
    value = torch.log(torch.sigmoid(real)) + torch.log(1 - torch.sigmoid(fake))
    for name in ("saturating", "nonsaturating"):
        torch.testing.assert_close(OBJECTIVES[name].discriminator(real, fake), -value)


@given(logits, logits)
def test_classical_generators(real, fake):
    probability = torch.sigmoid(fake)
    torch.testing.assert_close(
        OBJECTIVES["saturating"].generator(real, fake), torch.log(1 - probability)
    )
    torch.testing.assert_close(
        OBJECTIVES["nonsaturating"].generator(real, fake), -torch.log(probability)
    )


@given(logits, logits)
def test_rpgan_compares_pairs(real, fake):
    """R3GAN, eq. 2: f(D(G(z)) - D(x)) with f(t) = -log(1 + exp(-t)); D maximises it, flipped."""
    game = OBJECTIVES["rpgan"]
    torch.testing.assert_close(
        game.discriminator(real, fake), -torch.log(torch.sigmoid(real - fake))
    )
    torch.testing.assert_close(game.generator(real, fake), -torch.log(torch.sigmoid(fake - real)))


@given(logits, logits)
def test_hinge_lsgan_wasserstein(real, fake):
    zero = torch.zeros_like(real)
    torch.testing.assert_close(
        OBJECTIVES["hinge"].discriminator(real, fake),
        torch.maximum(zero, 1 - real) + torch.maximum(zero, 1 + fake),
    )
    torch.testing.assert_close(OBJECTIVES["hinge"].generator(real, fake), -fake)
    torch.testing.assert_close(
        OBJECTIVES["lsgan"].discriminator(real, fake), 0.5 * (real - 1) ** 2 + 0.5 * fake**2
    )
    torch.testing.assert_close(OBJECTIVES["lsgan"].generator(real, fake), 0.5 * (fake - 1) ** 2)
    torch.testing.assert_close(OBJECTIVES["wasserstein"].discriminator(real, fake), fake - real)
    torch.testing.assert_close(OBJECTIVES["wasserstein"].generator(real, fake), -fake)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_players_pull_in_opposite_directions(name):
    """D wants real logits up and fake ones down; G wants fake logits up."""
    real = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    fake = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    d_real, d_fake = torch.autograd.grad(
        OBJECTIVES[name].discriminator(real, fake).sum(), (real, fake), allow_unused=True
    )
    (g_fake,) = torch.autograd.grad(OBJECTIVES[name].generator(real, fake).sum(), fake)
    assert d_real < 0
    assert d_fake > 0 or name == "lsgan"  # lsgan's target for fakes is 0: no pull there
    assert g_fake < 0


def test_saturating_generator_starves_where_nonsaturating_does_not():
    """Goodfellow et al. 2014, section 3: why nobody trains with eq. 1."""
    fake = torch.tensor([-10.0], requires_grad=True)
    (weak,) = torch.autograd.grad(OBJECTIVES["saturating"].generator(fake, fake).sum(), fake)
    (strong,) = torch.autograd.grad(OBJECTIVES["nonsaturating"].generator(fake, fake).sum(), fake)
    assert abs(weak) < 1e-4 < 0.9 < abs(strong)


def test_objectives_stay_finite_at_extreme_logits():
    far = torch.tensor([1e4])
    for game in OBJECTIVES.values():
        for real, fake in ((far, -far), (-far, far)):
            assert game.discriminator(real, fake).isfinite().all()
            assert game.generator(real, fake).isfinite().all()
