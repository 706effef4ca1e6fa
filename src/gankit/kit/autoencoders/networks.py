"""A generator and a discriminator over whitened latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAYERS = 3


class _Residual(nn.Module):
    """``x + W₂ f(W₁ f(x))``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.net(x)
        return out


def _trunk(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width),
        *(_Residual(width) for _ in range(LAYERS)),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


class LatentGenerator(nn.Module):
    """``(z (N, latent), c (N, cond_dim) | None) -> x (N, latent)``, x = z + f(z, c) with f = 0 at
    first: training starts from the Gaussian that fits the latents.
    """

    def __init__(self, latent: int, cond_dim: int, width: int) -> None:
        super().__init__()
        self.change = _trunk(latent + cond_dim, width, latent)
        last = self.change[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        out: Tensor = z + self.change(z if c is None else torch.cat([z, c], 1))
        return out


class LatentDiscriminator(nn.Module):
    """``(x (N, latent), c | None) -> logits (N,)``."""

    def __init__(self, latent: int, cond_dim: int, width: int) -> None:
        super().__init__()
        self.judge = _trunk(latent + cond_dim, width, 1)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        out: Tensor = self.judge(x if c is None else torch.cat([x, c], 1))
        return out.squeeze(1)
