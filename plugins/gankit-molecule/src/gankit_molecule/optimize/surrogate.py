"""A network that predicts a molecule's score from its latent: a reward that has a gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gankit.contract import GeneratorTerm

MEMBERS = 3
"""Networks whose mean is the prediction: where they saw no data they differ, and their mean is
moderate."""
WIDTH = 192
BATCH_SIZE = 256
LEARNING_RATE = 2e-3
MAX_DEVIATION = 4.0
"""Scores are clipped to this many standard deviations."""


class Surrogate(nn.Module):
    """``(x (N, latent), c (N, cond_dim) | None) -> (N,)``: scores, in standard deviations of those
    that it was fitted to.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, latent: int, cond_dim: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(latent + cond_dim, WIDTH),
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
        inputs = x if c is None else torch.cat([x, c], 1)
        return torch.stack([member(inputs).squeeze(1) for member in self.members]).mean(0)

    def fit(
        self,
        x: Tensor,
        c: Tensor | None,
        scores: Tensor,
        noisy: Callable[[Tensor], Tensor],
        steps: int,
    ) -> None:
        """Trains from the current weights.

        Args:
            scores: of molecules with latents ``x`` and conditions ``c``, (N,).
            noisy: adds the noise with which molecules are written from latents.
        """
        scores = scores.float()
        self.mean, self.scale = scores.mean(), scores.std(correction=0).clamp(min=1e-6)
        wanted = ((scores - self.mean) / self.scale).clamp(-MAX_DEVIATION, MAX_DEVIATION)
        optimiser = torch.optim.AdamW(self.parameters(), LEARNING_RATE, weight_decay=1e-2)
        self.requires_grad_(True)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
            chosen = torch.randint(len(x), (BATCH_SIZE,))
            inputs = noisy(x[chosen])
            inputs = inputs if c is None else torch.cat([inputs, c[chosen]], 1)
            losses = [mse_loss(m(inputs).squeeze(1), wanted[chosen]) for m in self.members]
            optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self.requires_grad_(False)


def reward_terms(surrogate: Surrogate | None, weight: float) -> Mapping[str, GeneratorTerm]:
    """The generator's further term, which falls with the predicted score; none without weight."""
    if surrogate is None or not weight:
        return {}

    def reward(fake: Tensor, c: Tensor | None) -> Tensor:
        predicted: Tensor = surrogate.to(fake.device)(fake, c)
        return -weight * predicted.mean()

    return {"reward": reward}
