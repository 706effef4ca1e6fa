"""The networks of the default architecture: multilayer perceptrons on principal components."""

from __future__ import annotations

from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import concat_condition, residual_mlp
from gankit_audio.networks.layers import width_of
from gankit_audio.settings import AudioSettings

WIDTH, LAYERS = 256, 3
"""Units and residual layers."""


def build_latent(layout: Layout, settings: AudioSettings) -> Networks:
    """Generator and discriminator for codes (code,)."""
    cond_dim = layout.condition.width if layout.condition else 0
    code, width = layout.shape[0], width_of(settings, WIDTH)
    return Networks(
        generator=LatentGenerator(settings.latent, cond_dim, width, code),
        discriminator=LatentDiscriminator(cond_dim, width, code),
        latent_dim=settings.latent,
    )


class LatentGenerator(nn.Module):
    """``(z (N, latent), c (N, cond_dim) | None) -> x (N, code)``."""

    def __init__(self, latent: int, cond_dim: int, width: int, code: int) -> None:
        super().__init__()
        self.net = residual_mlp(latent + cond_dim, width, LAYERS, code)

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        x: Tensor = self.net(concat_condition(z, c))
        return x


class LatentDiscriminator(nn.Module):
    """``(x (N, code), c (N, cond_dim) | None) -> logits (N,)``, with a projection of the condition
    (Miyato & Koyama 2018, equation 3)."""

    def __init__(self, cond_dim: int, width: int, code: int) -> None:
        super().__init__()
        self.net = residual_mlp(code + cond_dim, width, LAYERS)
        self.logit = nn.Linear(width, 1)
        self.embed = nn.Linear(cond_dim, width, bias=False) if cond_dim else None

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        h = self.net(concat_condition(x, c))
        logits: Tensor = self.logit(h).squeeze(1)
        if self.embed is not None and c is not None:
            logits = logits + (self.embed(c) * h).sum(1) / h.shape[1] ** 0.5
        return logits
