"""New latents from those of the best molecules: perturbed, mixed, and moved uphill."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gankit_molecule.optimize.surrogate import Surrogate

CROSSED, FRESH = 0.25, 0.1
"""Shares of latents that are mixed of two, and drawn from N(0, I); the others are perturbed."""
CLIMB, STRIDE = 8, 0.2
"""Steps along the gradient, and the length of each; each latent takes a random share of it."""


def propose(
    x: Tensor,
    c: Tensor | None,
    n: int,
    surrogate: Surrogate,
    noisy: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """Latents and conditions ``(n, …)`` to write molecules from.

    Args:
        x: latents of the best molecules, best first; ``c`` their conditions.
    """
    # The better, the more often.
    one, other = ((len(x) * torch.rand(n).square()).long() for _ in range(2))
    kind, w = torch.rand(n, 1), torch.rand(n, 1)
    crossed, fresh = kind < CROSSED, kind > 1 - FRESH
    mixed = (w * x[one] + (1 - w) * x[other]) / (w**2 + (1 - w) ** 2).sqrt()
    start = torch.where(crossed, mixed, noisy(x[one]))
    start = torch.where(fresh, torch.randn(n, x.shape[1]), start)
    if c is not None:
        c = torch.where(crossed, w * c[one] + (1 - w) * c[other], c[one])
    return _climbed(start, c, surrogate, STRIDE * torch.rand(n, 1)), c


def _climbed(x: Tensor, c: Tensor | None, surrogate: Surrogate, stride: Tensor) -> Tensor:
    """Latents moved along the gradient of the predicted score, within the norm of N(0, I)."""
    furthest = 1.2 * math.sqrt(x.shape[1])
    for _ in range(CLIMB):
        at = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(surrogate(at, c).sum(), at)
        x = at.detach() + stride * slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-9)
        x = x * (furthest / x.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1)
    return x
