"""Which networks a setting names; and those of the default path, which play in a latent space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit_audio.networks.layers import width_of
from gankit_audio.settings import AudioSettings

WIDTH, LAYERS = 256, 3
"""Units and hidden layers of the latent path's networks."""


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


class LatentGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None) -> x (N, code)``."""

    def __init__(self, latent: int, asked: int, width: int, code: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(latent + asked, width),
            *(_Residual(width) for _ in range(LAYERS)),
            nn.LeakyReLU(0.2),
            nn.Linear(width, code),
        )

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        out: Tensor = self.net(z if c is None else torch.cat([z, c], 1))
        return out


class LatentDiscriminator(nn.Module):
    """``(x (N, code), c | None) -> logits (N,)``: of the latent, and by projection of what was
    asked (Miyato & Koyama 2018, equation 3).
    """

    def __init__(self, asked: int, width: int, code: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(code + asked, width),
            *(_Residual(width) for _ in range(LAYERS)),
            nn.LeakyReLU(0.2),
        )
        self.logit = nn.Linear(width, 1)
        self.embed = nn.Linear(asked, width, bias=False) if asked else None

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        h = self.net(x if c is None else torch.cat([x, c], 1))
        logits: Tensor = self.logit(h).squeeze(1)
        if self.embed is not None and c is not None:
            logits = logits + (self.embed(c) * h).sum(1) / h.shape[1] ** 0.5
        return logits


def build_latent(layout: Layout, settings: AudioSettings) -> Networks:
    """The pair for codes (code,)."""
    asked = layout.condition.width if layout.condition else 0
    code, width = layout.shape[0], width_of(settings, WIDTH)
    return Networks(
        generator=LatentGenerator(settings.latent, asked, width, code),
        discriminator=LatentDiscriminator(asked, width, code),
        latent_dim=settings.latent,
    )
