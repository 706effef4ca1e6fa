"""The two networks: multilayer perceptrons."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gankit.kit.layers import SLOPE, concat_condition


def perceptron(inputs: int, hidden: int, layers: int, outputs: int) -> nn.Sequential:
    """``layers`` hidden layers with leaky ReLU, then a linear one."""
    widths = [inputs, *[hidden] * layers]
    body = [
        module for a, b in pairwise(widths) for module in (nn.Linear(a, b), nn.LeakyReLU(SLOPE))
    ]
    net = nn.Sequential(*body, nn.Linear(widths[-1], outputs))
    for module in net:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
    return net


class Generator(nn.Module):
    """Latents ``(N, latent)`` and one-hot labels ``(N, classes)`` to points ``(N, 2)``."""

    def __init__(self, latent: int, classes: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = perceptron(latent + classes, hidden, layers, 2)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        points: Tensor = self.body(concat_condition(z, c))
        return points


class Discriminator(nn.Module):
    """Points ``(N, 2)`` and one-hot labels ``(N, classes)`` to logits ``(N,)``."""

    def __init__(self, classes: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.body = perceptron(2 + classes, hidden, layers, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        logits: Tensor = self.body(concat_condition(x, c))
        return logits.squeeze(1)
