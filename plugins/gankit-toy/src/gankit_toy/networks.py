"""The two networks: multilayer perceptrons, nothing else."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def perceptron(inputs: int, hidden: int, layers: int, outputs: int) -> nn.Sequential:
    """``layers`` hidden layers with leaky ReLU, then a linear one."""
    widths = [inputs, *[hidden] * layers]
    body = [module for a, b in pairwise(widths) for module in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
    net = nn.Sequential(*body, nn.Linear(widths[-1], outputs))
    for module in net:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=0.2)
    return net


class Generator(nn.Module):
    """Latents ``(N, latent)`` and one-hot labels ``(N, classes)`` to points ``(N, 2)``."""

    def __init__(self, latent: int, classes: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = perceptron(latent + classes, hidden, layers, 2)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        points: Tensor = self.body(z if c is None else torch.cat([z, c], 1))
        return points


class Discriminator(nn.Module):
    """Points ``(N, 2)`` and one-hot labels ``(N, classes)`` to logits ``(N,)``."""

    def __init__(self, classes: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = perceptron(2 + classes, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        logits: Tensor = self.body(x if c is None else torch.cat([x, c], 1))
        return logits.squeeze(1)
