"""The discriminator: slots one by one, their sum (DeepSets, Zaheer et al. 2017), and averages of
properties over atoms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gankit_material.networks.features import charges, element_features


class Critic(nn.Module):
    """``(x (N, slots, elements + most), c (N, cond_dim) | None) -> logits (N,)``.

    Args:
        elements: symbols, as the generator's.
        units: of each hidden layer.
    """

    features: Tensor
    charges: Tensor

    def __init__(
        self, elements: Sequence[str], most: int, slots: int, cond_dim: int, units: int
    ) -> None:
        super().__init__()
        self.size, self.most = len(elements), most
        table = element_features(elements)
        self.register_buffer("features", table, persistent=False)
        self.register_buffer("charges", charges(elements), persistent=False)
        seen, width = table.shape[1] + self.charges.shape[1], units // 4
        self.of_slot = nn.Linear(self.size + most + seen + self.charges.shape[1], width)
        self.deep = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2))
        self.by_count = nn.Linear(self.size, width, bias=False)
        total = slots * width + 2 * width + seen + self.charges.shape[1] + 2 + cond_dim
        self.net = nn.Sequential(
            nn.Linear(total, units),
            *(nn.LeakyReLU(0.2), nn.Linear(units, units)),
            *(nn.LeakyReLU(0.2), nn.Linear(units, 1)),
        )

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        hot_e, hot_n = torch.split(x, [self.size, self.most], -1)
        number = torch.arange(1, self.most + 1, device=x.device, dtype=x.dtype)
        n = (hot_n @ number)[..., None]
        table = torch.cat([self.features, self.charges], 1).to(x.dtype)
        about = hot_e @ table
        charge = hot_e @ self.charges.to(x.dtype) * n / 4
        slots = nn.functional.leaky_relu(self.of_slot(torch.cat([x, about, charge], -1)), 0.2)
        atoms = n.sum(1)
        parts = [
            *(slots.flatten(1), self.deep(slots).sum(1)),
            self.by_count((hot_e * n).sum(1) / 4),
            (about * n).sum(1) / atoms.clamp(min=1),
            *(charge.sum(1), atoms / 10, hot_e.sum((1, 2))[:, None]),
        ]
        if c is not None:
            parts.append(c)
        out: Tensor = self.net(torch.cat(parts, 1))
        return out.squeeze(1)
