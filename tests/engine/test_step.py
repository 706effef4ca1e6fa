"""The step against the objective written out by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from playing import weights

from gankit.contract import Networks, Penalty
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable


def by_hand(networks, real, c, z, gamma1, gamma2):
    """FACTS of the paper, in the usual way: two passes, two penalties, loss.backward()."""
    D = networks.discriminator
    fake = networks.generator(z, c).detach()
    total = 0.0
    logits = []
    for x, gamma in ((real, gamma1), (fake, gamma2)):
        x = x.clone().requires_grad_()
        y = D(x, c)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        total = total + gamma / 2 * (g**2).sum(1).mean()
        logits.append(y)
    total = total + F.softplus(-(logits[0] - logits[1])).mean()
    return torch.autograd.grad(total, list(D.parameters()))


@pytest.mark.parametrize("interact", [False, True])
def test_discriminator_gradients(setting, interact):
    networks, real, c, z = setting
    networks = dataclasses.replace(networks, batch_dependent=interact)
    game = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    gradients, logs = game.discriminator_step(
        trainable(networks.discriminator), real, c, z, weights(0.7, 0.3)
    )
    for ours, theirs in zip(gradients, by_hand(networks, real, c, z, 0.7, 0.3), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert {"d_loss", "d_real", "d_fake", "r1", "r2"} <= logs.keys()


def test_generator_gradients(setting):
    networks, real, c, z = setting
    game = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    gradients, _ = game.generator_step(trainable(networks.generator), real, c, z, weights())
    D = networks.discriminator
    loss = F.softplus(-(D(networks.generator(z, c), c) - D(real, c))).mean()
    theirs = torch.autograd.grad(loss, list(networks.generator.parameters()))
    for ours, expected in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours, expected)


def test_steps_leave_no_trace_in_the_networks(setting):
    networks, real, c, z = setting
    before = [p.clone() for p in networks.discriminator.parameters()]
    game = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    game.discriminator_step(trainable(networks.discriminator), real, c, z, weights(1, 1))
    game.generator_step(trainable(networks.generator), real, c, z, weights())
    for module in (networks.generator, networks.discriminator):
        assert all(p.grad is None for p in module.parameters())
    assert all(
        torch.equal(a, b) for a, b in zip(before, networks.discriminator.parameters(), strict=True)
    )


def test_penalties_see_the_unaugmented_sample(setting):
    """Augmenting by 3x makes D steeper in x by 3 and the squared norm by 9 for a linear D."""
    networks, real, c, z = setting
    w = torch.randn(2, dtype=torch.float64, requires_grad=True)

    class Linear(torch.nn.Module):
        def forward(self, x, c):
            return x @ w

    networks = dataclasses.replace(networks, discriminator=Linear(), augment=lambda x, p: 3 * x)
    _, logs = AdversarialLoss(networks, OBJECTIVES["rpgan"]).discriminator_step(
        [w], real, c, z, weights(1, 1)
    )
    torch.testing.assert_close(logs["r1"], 9 * w.square().sum())


def test_absent_terms_cost_no_double_backward(setting):
    networks, real, c, z = setting
    game = AdversarialLoss(networks, OBJECTIVES["wasserstein"], LossTerms(zero_centred=False))
    _, logs = game.discriminator_step(trainable(networks.discriminator), real, c, z, weights())
    assert "r1" not in logs


def test_extra_penalty_and_gradient_penalty_enter_the_loss(setting):
    networks, real, c, z = setting
    params = trainable(networks.discriminator)
    drift = Penalty("drift", lambda D, real, fake, c: D(real, c).square())
    plain = AdversarialLoss(networks, OBJECTIVES["wasserstein"], LossTerms(zero_centred=False))
    full = AdversarialLoss(
        networks,
        OBJECTIVES["wasserstein"],
        LossTerms(zero_centred=False, gradient_penalty=True, extra=((drift, 0.5),)),
    )
    base, _ = plain.discriminator_step(params, real, c, z, weights())
    more, logs = full.discriminator_step(params, real, c, z, weights(gp=0.0))
    expected = torch.autograd.grad(0.5 * networks.discriminator(real, c).square().mean(), params)
    for a, b, d in zip(more, base, expected, strict=True):
        torch.testing.assert_close(a, b + d)
    assert logs["gradient_penalty"] > 0


def test_bf16_stays_close_and_finite(setting):
    networks, real, c, z = setting
    for module in (networks.generator, networks.discriminator):
        module.float()
    real, c, z = real.float(), c.float(), z.float()
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    params = trainable(networks.discriminator)
    exact, _ = AdversarialLoss(networks, OBJECTIVES["rpgan"]).discriminator_step(
        params, real, c, z, w
    )
    short, _ = AdversarialLoss(
        networks, OBJECTIVES["rpgan"], autocast=torch.bfloat16
    ).discriminator_step(params, real, c, z, w)
    for a, b in zip(exact, short, strict=True):
        assert b.dtype == torch.float32
        assert (a - b).norm() <= 0.1 * a.norm() + 1e-3


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_have_the_layout_of_their_parameters(layout):
    """Fused Adam reads both as raw memory; autograd.grad promises nothing of the kind."""

    class Convolutions(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3), torch.nn.LeakyReLU(0.2),
                torch.nn.Conv2d(8, 6, 3, stride=2), torch.nn.Flatten(), torch.nn.Linear(24, 1),
            )  # fmt: skip

        def forward(self, x, c):
            return self.net(x).squeeze(1)

    class Linear(torch.nn.Module):
        def forward(self, z, c):
            return z.view(-1, 3, 7, 7)

    discriminator = Convolutions().to(memory_format=layout)
    game = AdversarialLoss(Networks(Linear(), discriminator, 147), OBJECTIVES["rpgan"])
    params = trainable(discriminator)
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    x = torch.randn(4, 3, 7, 7).contiguous(memory_format=layout)
    gradients, _ = game.discriminator_step(params, x, None, torch.randn(4, 147), w)
    for p, g in zip(params, gradients, strict=True):
        assert g.stride() == p.stride()
