"""Penalties against closed forms: a linear and a quadratic discriminator have known gradients."""

from __future__ import annotations

import torch
from torch import nn

from gankit.engine.penalties import (
    augment_alike,
    difference_norm,
    gradient_penalty,
    per_sample,
    squared_gradient_norm,
)


def test_squared_gradient_norm_of_a_quadratic():
    """D(x) = sum of x^2 has gradient 2x, over any number of axes."""
    x = torch.randn(5, 3, 4, 2, dtype=torch.float64, requires_grad=True)
    norm = squared_gradient_norm(x.square().flatten(1).sum(1), x)
    torch.testing.assert_close(norm, 4 * x.square().flatten(1).sum(1))


def test_the_gradient_of_the_norm_in_the_weights():
    """D(x) = w.x: the penalty is |w|^2 and its gradient 2w."""
    w = torch.randn(6, dtype=torch.float64, requires_grad=True)
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(squared_gradient_norm(x @ w, x).mean(), w)
    torch.testing.assert_close(gradient, 2 * w)


def test_double_backward_agrees_with_finite_differences():
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    weight = net[0].weight

    def penalty(w):
        y = x.clone().requires_grad_()
        hidden = torch.tanh(y @ w.T + net[0].bias)
        return squared_gradient_norm((hidden @ net[2].weight.T).squeeze(1), y).sum()

    assert torch.autograd.gradcheck(penalty, weight.detach().clone().requires_grad_())


def around(x, sigma, discriminate):
    """Logits at x - sigma e and x + sigma e."""
    step = sigma * torch.randn_like(x)
    return discriminate(x - step), discriminate(x + step)


def within_four_errors(estimates, expected):
    return abs(estimates.mean() - expected) < 4 * estimates.std() / len(estimates) ** 0.5


def test_the_difference_is_unbiased_on_a_linear_discriminator():
    """E[(w.e)^2] = |w|^2 for e ~ N(0, I), whatever sigma is."""
    torch.manual_seed(0)
    w, x = torch.randn(8, dtype=torch.float64), torch.randn(20_000, 8, dtype=torch.float64)
    for sigma in (0.01, 3.0):
        found = difference_norm(*around(x, sigma, lambda x: x @ w), sigma)
        assert within_four_errors(found, w.square().sum())


def test_the_difference_is_unbiased_on_a_quadratic_discriminator():
    """D(x) = x.A x / 2 has the gradient A x, at any sigma: a forward difference would add
    curvature."""
    torch.manual_seed(0)
    A, x = torch.randn(5, 5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    A, many = A + A.T, x.expand(20_000, 5)
    for sigma in (0.01, 3.0):
        found = difference_norm(*around(many, sigma, lambda x: ((x @ A) * x).sum(1) / 2), sigma)
        assert within_four_errors(found, (A @ x).square().sum())


def test_the_difference_of_a_cubic_has_a_known_bias():
    """D(x) = x^3: (3 x^2 e + sigma^2 e^3)^2, whose mean is 9 x^4 + 18 x^2 sigma^2 + 15 sigma^4."""
    torch.manual_seed(0)
    x, sigma = torch.full((200_000, 1), 0.7, dtype=torch.float64), 0.3
    found = difference_norm(*around(x, sigma, lambda x: x[:, 0] ** 3), sigma)
    assert within_four_errors(found, 9 * 0.7**4 + 18 * 0.7**2 * sigma**2 + 15 * sigma**4)


def test_the_difference_reaches_the_weights_through_both_logits():
    """(w.e)^2 has the gradient 2 (w.e) e in w."""
    w = torch.randn(8, requires_grad=True, dtype=torch.float64)
    x, e = torch.randn(2, 16, 8, dtype=torch.float64)
    norm = difference_norm((x - 0.1 * e) @ w, (x + 0.1 * e) @ w, 0.1)
    (gradient,) = torch.autograd.grad(norm.sum(), w)
    torch.testing.assert_close(gradient, 2 * (e @ w.detach()) @ e)


def test_two_batches_are_augmented_alike():
    def augment(x):
        return x * torch.rand(len(x), 1) + torch.randn(len(x), 1)

    x, y = torch.randn(2, 5, 3)
    torch.manual_seed(1)
    expected = augment(x)
    torch.manual_seed(1)
    first, second = augment_alike(augment, x, y)
    torch.testing.assert_close(first, expected)
    scale = (expected[:, 0] - expected[:, 1]) / (x[:, 0] - x[:, 1])
    torch.testing.assert_close(second - first, scale[:, None] * (y - x), rtol=1e-3, atol=1e-4)


def test_gradient_penalty_of_a_linear_discriminator():
    """(|w| - 1)^2 at any interpolate (Gulrajani et al. 2017, eq. 3)."""
    w = torch.randn(6, dtype=torch.float64)
    real, fake = torch.randn(2, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(
        gradient_penalty(lambda x: x @ w, real, fake), ((w.norm() - 1) ** 2).expand(7)
    )


def test_gradient_penalty_is_taken_between_real_and_fake():
    seen = []

    def discriminate(x):
        seen.append(x)
        return x.sum(1)

    gradient_penalty(discriminate, torch.zeros(50, 2), torch.ones(50, 2))
    x = seen[0].detach()
    assert ((x >= 0) & (x <= 1)).all()
    torch.testing.assert_close(x[:, 0], x[:, 1])  # one mix a sample
    assert x[:, 0].std() > 0.1


def test_gradient_penalty_is_differentiable_at_zero_gradient():
    w = torch.zeros(3, requires_grad=True)
    loss = gradient_penalty(lambda x: x @ w, torch.ones(2, 3), torch.zeros(2, 3)).mean()
    (gradient,) = torch.autograd.grad(loss, w)
    assert gradient.isfinite().all()


def test_one_number_per_sample_from_any_number_of_logits():
    logits = torch.tensor([[1.0, 3.0], [-2.0, 0.0]])
    assert per_sample(logits).tolist() == [2.0, -1.0]
    assert per_sample(logits[:, 0]).tolist() == [1.0, -2.0]
    assert per_sample(logits[:, :1]).tolist() == [1.0, -2.0]


def test_penalties_are_of_the_mean_logit():
    """Three logits (x.a, x.b, x.d) have the mean x.(a + b + d) / 3."""
    W = torch.randn(5, 3, dtype=torch.float64)
    slope = W.mean(1).square().sum()
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(squared_gradient_norm(x @ W, x), slope.expand(4))
    expected = (slope.sqrt() - 1).square().expand(4)
    found = gradient_penalty(lambda x: x @ W, x.detach(), 2 * x.detach())
    torch.testing.assert_close(found, expected)
    torch.manual_seed(0)
    many = torch.randn(20_000, 5, dtype=torch.float64)
    estimate = difference_norm(*around(many, 0.01, lambda x: x @ W), 0.01)
    assert estimate.shape == (20_000,)
    assert within_four_errors(estimate, slope)
