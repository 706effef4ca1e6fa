"""A network that foretells a molecule's score from its latent: the reward that has a gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gankit.contract import Layout

MEMBERS = 3
"""Networks whose mean foretells: where they saw nothing they differ, and their mean is tame."""
WIDTH = 192
BATCH = 256
RATE = 2e-3
FURTHEST = 4.0
"""Deviations beyond which a score tells no more."""


class Surrogate(nn.Module):
    """``(x (N, latent), c (N, told) | None) -> (N,)``: scores, in deviations of those that it
    learnt from.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, latent: int, told: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(latent + told, WIDTH),
                nn.SiLU(),
                nn.Linear(WIDTH, WIDTH),
                nn.SiLU(),
                nn.Linear(WIDTH, 1),
            )
            for _ in range(MEMBERS)
        )
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        seen = x if c is None else torch.cat([x, c], 1)
        return torch.stack([member(seen).squeeze(1) for member in self.members]).mean(0)

    def learn(
        self,
        x: Tensor,
        c: Tensor | None,
        scores: Tensor,
        noisy: Callable[[Tensor], Tensor],
        steps: int,
    ) -> float:
        """Trains on, from the weights as they are; the last steps' mean squared error.

        Args:
            scores: of molecules with latents ``x`` and conditions ``c``, (N,).
            noisy: latents as they are when molecules are written from them.
        """
        scores = scores.float()
        self.mean, self.scale = scores.mean(), scores.std(correction=0).clamp(min=1e-6)
        wanted = ((scores - self.mean) / self.scale).clamp(-FURTHEST, FURTHEST)
        optimiser = torch.optim.AdamW(self.parameters(), RATE, weight_decay=1e-2)
        error = torch.zeros(())
        self.requires_grad_(True)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = RATE * (1 - step / steps)
            chosen = torch.randint(len(x), (BATCH,))
            seen = noisy(x[chosen])
            seen = seen if c is None else torch.cat([seen, c[chosen]], 1)
            losses = [mse_loss(m(seen).squeeze(1), wanted[chosen]) for m in self.members]
            optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            error = (
                torch.stack(losses).mean().detach()
                if not step
                else error.lerp(torch.stack(losses).mean().detach(), 0.05)
            )
        self.requires_grad_(False)
        return float(error)


@dataclass(frozen=True)
class Aimed(Layout):
    """The layout of latents that are to score high, with what foretells their scores."""

    surrogate: Surrogate | None = field(default=None, compare=False)


def reward_terms(
    layout: Layout, weight: float
) -> Mapping[str, Callable[[Tensor, Tensor | None], Tensor]]:
    """The generator's further term: less where higher scores are foretold. None without weight."""
    surrogate = layout.surrogate if isinstance(layout, Aimed) else None
    if surrogate is None or not weight:
        return {}

    def reward(fake: Tensor, c: Tensor | None) -> Tensor:
        foretold: Tensor = surrogate.to(fake.device)(fake, c)
        return -weight * foretold.mean()

    return {"reward": reward}
