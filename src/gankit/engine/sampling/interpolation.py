"""Interpolation between two latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical linear interpolation (Shoemake 1985, section 3.3): latents, (N, D), at fractions
    ``t``, (N,), between ``a`` and ``b``, both (1, D).

    The angle grows linearly, and so does the length: a straight line would pass nearer the origin
    than latents of N(0, I) are. Parallel latents (all of one dimension) are interpolated linearly.
    """
    a, b, t = a.double(), b.double(), t.double()[:, None]
    lengths = a.norm(), b.norm()
    cosine = float(a @ b.T / (lengths[0] * lengths[1]).clamp(min=1e-12))
    angle = math.acos(min(max(cosine, -1.0), 1.0))
    if math.sin(angle) < 1e-6 or not all(lengths):
        return ((1 - t) * a + t * b).float()
    a, b = a / lengths[0], b / lengths[1]
    direction = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / math.sin(angle)
    length = (1 - t) * lengths[0] + t * lengths[1]
    return torch.mul(direction, length).float()
