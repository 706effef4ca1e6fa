"""The step against the objective written out by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from training import weights
from vectors import MLP

from gankit.contract import Networks, Penalty
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.penalties import per_sample
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable


def by_hand(networks, real, c, z, gamma1, gamma2, penalised=None):
    """The paper's objective in the usual way: two passes, two penalties, one backward pass."""
    D = networks.discriminator
    fake = networks.generator(z, c).detach()
    total = 0.0
    logits = []
    for x, gamma in ((real, gamma1), (fake, gamma2)):
        x = x.clone().requires_grad_()
        y = D(x, c)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        total = total + gamma / 2 * (g**2).sum(1)[:penalised].mean()
        logits.append(y)
    total = total + F.softplus(-(logits[0] - logits[1])).mean()
    return torch.autograd.grad(total, list(D.parameters()))


@pytest.mark.parametrize("batch_dependent", [False, True])
def test_discriminator_gradients(setting, batch_dependent):
    networks, real, c, z = setting
    networks = dataclasses.replace(networks, batch_dependent=batch_dependent)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    gradients, logs = loss.discriminator_step(
        trainable(networks.discriminator), real, c, z, weights(0.7, 0.3)
    )
    for ours, theirs in zip(gradients, by_hand(networks, real, c, z, 0.7, 0.3), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert {"d_loss", "d_real", "d_fake", "r1", "r2"} <= logs.keys()


@pytest.mark.parametrize("share", [0.25, 0.01, 0.99])
def test_penalties_on_a_part_of_the_batch(setting, share):
    """At least one sample; the adversarial loss is of all."""
    networks, real, c, z = setting
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(penalty_share=share))
    params = trainable(networks.discriminator)
    gradients, _ = loss.discriminator_step(params, real, c, z, weights(0.7, 0.3))
    penalised = math.ceil(share * len(real))
    expected = by_hand(networks, real, c, z, 0.7, 0.3, penalised)
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_generator_gradients(setting):
    networks, real, c, z = setting
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    gradients, _ = loss.generator_step(trainable(networks.generator), real, c, z, weights())
    D = networks.discriminator
    value = F.softplus(-(D(networks.generator(z, c), c) - D(real, c))).mean()
    theirs = torch.autograd.grad(value, list(networks.generator.parameters()))
    for ours, expected in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours, expected)


def test_steps_change_nothing_in_the_networks(setting):
    networks, real, c, z = setting
    before = [p.clone() for p in networks.discriminator.parameters()]
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    loss.discriminator_step(trainable(networks.discriminator), real, c, z, weights(1, 1))
    loss.generator_step(trainable(networks.generator), real, c, z, weights())
    for module in (networks.generator, networks.discriminator):
        assert all(p.grad is None for p in module.parameters())
    assert all(
        torch.equal(a, b) for a, b in zip(before, networks.discriminator.parameters(), strict=True)
    )


def test_penalties_are_taken_at_the_sample_before_augmentation(setting):
    """Augmenting by 3x makes D steeper in x by 3 and the squared norm by 9 for a linear D."""
    networks, real, c, z = setting
    w = torch.randn(2, dtype=torch.float64, requires_grad=True)

    class Linear(torch.nn.Module):
        def forward(self, x, c):
            return x @ w

    networks = dataclasses.replace(
        networks, discriminator=Linear(), augment_input=lambda x, p: 3 * x
    )
    _, logs = AdversarialLoss(networks, OBJECTIVES["rpgan"]).discriminator_step(
        [w], real, c, z, weights(1, 1)
    )
    torch.testing.assert_close(logs["r1"], 9 * w.square().sum())


@pytest.mark.parametrize("batch_dependent", [False, True])
def test_both_forms_penalise_the_same(setting, batch_dependent):
    """Random scales, D linear: E[(w.(s e))^2] = s^2 |w|^2 at the sample before augmentation."""
    networks, _, _, z = setting
    w = torch.randn(2, dtype=torch.float64, requires_grad=True)

    class Linear(torch.nn.Module):
        def forward(self, x, c):
            return x @ w

    class Fixed(torch.nn.Module):
        def forward(self, z, c):
            return z[:, :2]

    networks = dataclasses.replace(
        networks,
        generator=Fixed(),
        discriminator=Linear(),
        augment_input=lambda x, p: 3 * x * (1 + torch.rand(len(x), 1)) + torch.randn(len(x), 1),
        batch_dependent=batch_dependent,
    )
    n = 20_000
    real, z = torch.randn(n, 2, dtype=torch.float64), torch.randn(n, 4, dtype=torch.float64)
    found = {}
    for sigma in (0.0, 0.01):
        torch.manual_seed(1)
        loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(finite_difference=sigma))
        gradients, logs = loss.discriminator_step([w], real, None, z, weights(1, 1))
        found[sigma] = torch.stack([logs["r1"], logs["r2"]])
        torch.testing.assert_close(found[sigma] / w.square().sum(), 21 * torch.ones(2).double(),
            rtol=0.05, atol=0)  # E[9 (1 + u)^2] = 21; one standard error is 1.2 %  # fmt: skip
        assert gradients[0].isfinite().all()
    assert not torch.equal(*found.values())


def test_absent_terms_are_not_computed(setting):
    networks, real, c, z = setting
    loss = AdversarialLoss(networks, OBJECTIVES["wasserstein"], LossTerms(zero_centred=False))
    _, logs = loss.discriminator_step(trainable(networks.discriminator), real, c, z, weights())
    assert "r1" not in logs


def test_extra_and_gradient_penalties_are_added_to_the_loss(setting):
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
def test_gradients_have_the_memory_format_of_their_parameters(layout):
    """Fused Adam reads both as raw memory, and autograd.grad guarantees no memory format."""

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
    loss = AdversarialLoss(Networks(Linear(), discriminator, 147), OBJECTIVES["rpgan"])
    params = trainable(discriminator)
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    x = torch.randn(4, 3, 7, 7).contiguous(memory_format=layout)
    gradients, _ = loss.discriminator_step(params, x, None, torch.randn(4, 147), w)
    for p, g in zip(params, gradients, strict=True):
        assert g.stride() == p.stride()


# --- Several logits per sample ------------------------------------------------------------------


class Repeated(torch.nn.Module):
    """A discriminator whose every sample has the same logit several times."""

    def __init__(self, net, times):
        super().__init__()
        self.net, self.times = net, times

    def forward(self, x, c):
        return self.net(x, c)[:, None].expand(-1, self.times)


ALL_TERMS = LossTerms(
    gradient_penalty=True,
    extra=((Penalty("drift", lambda D, real, fake, c: per_sample(D(real, c)).square()), 0.5),),
)


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
@pytest.mark.parametrize("terms", [ALL_TERMS, LossTerms(finite_difference=0.01)])
def test_repeated_logits_give_the_same_losses_and_gradients(setting, objective, terms):
    """Losses are means over a sample's logits, and penalties are of their mean."""
    networks, real, c, z = setting
    params = trainable(networks.discriminator)
    found = []
    for D in (networks.discriminator, Repeated(networks.discriminator, 3)):
        loss = AdversarialLoss(
            dataclasses.replace(networks, discriminator=D), OBJECTIVES[objective], terms
        )
        torch.manual_seed(1)
        d_gradients, d_logs = loss.discriminator_step(params, real, c, z, weights(0.7, 0.3, gp=2))
        g_gradients, g_logs = loss.generator_step(
            trainable(networks.generator), real, c, z, weights()
        )
        found.append((*d_gradients, *g_gradients, *(d_logs | g_logs).values()))
    for one, several in zip(*found, strict=True):
        torch.testing.assert_close(several, one)


def several_logits(networks):
    """The networks with a discriminator of three different logits per sample."""
    torch.manual_seed(8)
    return dataclasses.replace(networks, discriminator=MLP(2, 3).double())


def test_losses_are_means_over_different_logits(setting):
    networks, real, c, z = setting
    networks = several_logits(networks)
    D, gamma1, gamma2 = networks.discriminator, 0.7, 0.3
    fake = networks.generator(z, c).detach()
    total, logits = 0.0, []
    for x, gamma in ((real, gamma1), (fake, gamma2)):
        x = x.clone().requires_grad_()
        y = D(x, c)
        (slope,) = torch.autograd.grad(y.mean(1).sum(), x, create_graph=True)
        total = total + gamma / 2 * slope.square().sum(1).mean()
        logits.append(y)
    adversarial = F.softplus(logits[1] - logits[0]).mean()
    theirs = torch.autograd.grad(total + adversarial, list(D.parameters()))
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    ours, logs = loss.discriminator_step(trainable(D), real, c, z, weights(gamma1, gamma2))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(logs["d_loss"], adversarial.detach())


def test_the_sign_of_a_pair_is_that_of_its_mean_logits(setting):
    """Most of a sample's logits may have the other sign."""
    networks, real, c, _ = setting

    class Split(torch.nn.Module):
        """Three logits: two a little for the fake, one much for the real sample."""

        def forward(self, x, c):
            side = torch.where(x[:, :1] > 50, 1.0, -1.0)
            return side * torch.tensor([[-1.0, -1.0, 9.0]], dtype=torch.float64)

    networks = dataclasses.replace(networks, discriminator=Split())
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(zero_centred=False))
    _, logs = loss.discriminator_loss(real + 100, real, c, weights(), penalise=False)
    assert float(logs["d_sign"]) == 1.0


# --- Likelihood ---------------------------------------------------------------------------------


def test_the_likelihood_step_is_the_gradient_of_its_mean(setting):
    networks, real, c, _ = setting
    mean = torch.nn.Parameter(torch.tensor([0.3, -1.0], dtype=torch.float64))
    likelihood = lambda x, c: 0.5 * (x - mean).square().sum(1)  # noqa: E731
    networks = dataclasses.replace(networks, likelihood=likelihood)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    (gradient,), logs = loss.likelihood_step([mean], real, c)
    torch.testing.assert_close(gradient, mean.detach() - real.mean(0))
    torch.testing.assert_close(logs["nll"], likelihood(real, c).mean().detach().float())
