"""The autoencoder of mel spectrograms, whose latents the default path generates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gankit.contract import Progress

BATCH = 64
LEARNING_RATE = 2e-3
KL = 3e-4
"""Weight of the divergence from N(0, I), per value of a spectrogram: just enough for latents
without gaps."""


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.GroupNorm(8, width), nn.LeakyReLU(0.2), nn.Conv1d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2), nn.Conv1d(width, width, 1),
        )  # fmt: skip
        nn.init.zeros_(self.net[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.net(x)
        return out


class Autoencoder(nn.Module):
    """``(N, bands, frames)`` with mean 0 and deviation 1, to ``(N, code)`` and back.

    Convolutions over time alone, which see all bands at once: on a CPU several times as fast as
    those over pictures, for the same error. Variational (Kingma & Welling 2014) with a small
    weight of the divergence.

    Args:
        bands: of all channels together.
        frames: a multiple of 8.
        code: dimensions of the latent.
        width: channels of the layers.
    """

    def __init__(self, bands: int, frames: int, code: int, width: int) -> None:
        super().__init__()
        self.small = (width, frames // 8)
        flat = width * frames // 8
        self.encoder = nn.Sequential(
            nn.Conv1d(bands, width, 8, 2, 3), _Residual(width),
            nn.LeakyReLU(0.2), nn.Conv1d(width, width, 4, 2, 1), _Residual(width),
            nn.LeakyReLU(0.2), nn.Conv1d(width, width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(flat, 2 * code),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(code, flat), nn.Unflatten(1, self.small), _Residual(width),
            nn.LeakyReLU(0.2), nn.ConvTranspose1d(width, width, 4, 2, 1), _Residual(width),
            nn.LeakyReLU(0.2), nn.ConvTranspose1d(width, width, 4, 2, 1), _Residual(width),
            nn.LeakyReLU(0.2), nn.ConvTranspose1d(width, bands, 8, 2, 3),
        )  # fmt: skip

    def posterior(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latent, ``(N, code)`` each."""
        mean, log_variance = self.encoder(s).chunk(2, 1)
        return mean, log_variance.clamp(-12, 4)

    def decode(self, z: Tensor) -> Tensor:
        out: Tensor = self.decoder(z)
        return out


def train(model: Autoencoder, pictures: Tensor, shown: int, progress: Progress) -> None:
    """Trains in place, on pictures as the model takes them, in any order; draws from torch's
    default generator.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99))
    seen, order = 0, torch.randperm(len(pictures))
    size = min(BATCH, len(pictures))
    while seen < shown:
        progress("learning what the sounds look like", seen, shown)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - seen / shown)
        if len(order) < size:
            order = torch.cat([order, torch.randperm(len(pictures))])
        s, order = pictures[order[:size]], order[size:]
        mean, log_variance = model.posterior(s)
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = (model.decode(z) - s).abs().mean() + KL * kl / (s[0].numel() / 6400)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        seen += size
