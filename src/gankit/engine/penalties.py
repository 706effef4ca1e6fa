"""Gradient penalties on the discriminator, per sample, shape (N,). The caller weights them.

Squared norms sum over every axis but the batch. All are differentiable in D's parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def per_sample(logits: Tensor) -> Tensor:
    """One number per sample, (N,), from logits (N,) or (N, M): their mean."""
    return logits if logits.ndim == 1 else logits.flatten(1).mean(1)


def squared_gradient_norm(logits: Tensor, x: Tensor) -> Tensor:
    """``||grad_x D(x)||^2``: R1 at real samples, R2 at generated ones (Mescheder et al. 2018).

    Args:
        logits: (N,) or (N, M), of which the mean over M is D; computed from ``x``, row i from
            ``x[i]`` only.
        x: (N, ...), requires grad.
    """
    (gradient,) = torch.autograd.grad(per_sample(logits).sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def difference_norm(below: Tensor, above: Tensor, sigma: float) -> Tensor:
    """``(D(x + sigma e) - D(x - sigma e))^2 / (2 sigma)^2``: an estimate of ``||grad_x D(x)||^2``.

    For ``e ~ N(0, I)`` its expectation is the squared norm plus O(sigma^2), without a double
    backward pass: the approximated R1 of Seaweed-APT (arXiv 2501.08316, section 3.2), as a central
    difference, which curvature cancels from. Rounding in D adds the variance of the rounding error
    over (2 sigma)^2.

    Args:
        below: (N,) or (N, M), of which the mean over M is D, at ``x - sigma e``.
        above: the same at ``x + sigma e``, with the same augmentation.
        sigma: the step, in units of ``x``.
    """
    return (per_sample(above - below) / (2 * sigma)).square()


def augment_alike(augment: Callable[[Tensor], Tensor], *batches: Tensor) -> tuple[Tensor, ...]:
    """Batches (N, ...) of one shape, augmented with the same random parameters, drawn once.

    ``vmap`` over the stack of them runs the augmentation as for one batch, and can be traced, so
    that this also holds in a compiled step.
    """
    alike: Tensor = torch.vmap(augment, randomness="same")(torch.stack(batches))
    return alike.unbind(0)


def gradient_penalty(
    discriminate: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor
) -> Tensor:
    """``(||grad D(x')|| - 1)^2`` at random interpolates x' (Gulrajani et al. 2017, eq. 3)."""
    mix = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    between = torch.lerp(real, fake, mix).detach().requires_grad_()
    squared = squared_gradient_norm(discriminate(between), between)
    return ((squared + 1e-12).sqrt() - 1).square()
