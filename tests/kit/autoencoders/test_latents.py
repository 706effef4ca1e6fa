"""Latents: noise, whitening, and whether a decoder uses them."""

import pytest
import torch
from torch.nn.functional import one_hot

from gankit.kit.autoencoders import (
    LatentDiscriminator,
    LatentGenerator,
    Whitening,
    use_of_latents,
    with_noise,
)


def test_noise_keeps_the_variance_it_says():
    torch.manual_seed(0)
    z = torch.randn(20_000, 2)
    noisy = with_noise(z, 0.5)
    assert noisy.var().item() == pytest.approx(1.25, rel=0.02)
    kept = (with_noise(z, 0.0) == z).all(1)
    assert kept.float().mean().item() == pytest.approx(0.9, abs=0.01)


def test_whitened_latents_are_standard_without_the_conditions_effect():
    torch.manual_seed(0)
    c = torch.randn(5_000, 2, dtype=torch.float64)
    c -= c.mean(0)  # as standardised conditions are
    mixed = torch.tensor([[1.0, 0.5, 0], [0, 2.0, 0], [0.3, 0, 0.1]], dtype=torch.float64)
    z = torch.randn(5_000, 3, dtype=torch.float64) @ mixed + c @ torch.ones(2, 3).double() + 4
    whitening = Whitening.fit(z, c, noise=0.1)
    x = whitening.whiten(z, c)
    assert torch.allclose(x.mean(0), torch.zeros(3), atol=1e-3)
    assert (torch.cov(x.T) - torch.eye(3)).abs().max() < 0.6, "noise takes its part of narrow ones"
    assert torch.allclose(whitening.latents(x, c.float()), z.float(), atol=1e-3)
    again = Whitening.load(whitening.state())
    assert torch.equal(again.whiten(z, c), x)


def test_a_decoder_that_ignores_its_latents_is_found():
    tokens = torch.randint(1, 5, (8, 6))
    order = torch.arange(8).roll(1)
    z = one_hot(tokens, 5).float().flatten(1)

    def ignores(z, c, tokens):
        return torch.zeros(*tokens.shape, 5)

    def reads(z, c, tokens):
        return 9 * z.view(*tokens.shape, 5)

    own, others = use_of_latents(ignores, z, None, tokens, order)
    assert own == others
    own, others = use_of_latents(reads, z, None, tokens, order)
    assert own < 0.1 < others


def test_a_latent_generator_starts_from_the_gaussian_that_fits_the_latents():
    torch.manual_seed(0)
    z, c = torch.randn(5, 3), torch.randn(5, 2)
    assert torch.equal(LatentGenerator(3, 2, 8)(z, c), z)
    assert torch.equal(LatentGenerator(3, 0, 8)(z, None), z)
    critic = LatentDiscriminator(3, 2, 8)
    assert critic(z, c).shape == (5,)
    assert not torch.equal(critic(z, c), critic(z, c.roll(1, 0)))
