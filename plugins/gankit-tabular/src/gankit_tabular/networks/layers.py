"""What both discriminators are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """``x -> [leaky_relu(linear(x)), x]``: later layers see all earlier ones."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)

    def forward(self, x: Tensor) -> Tensor:
        new = nn.functional.leaky_relu(self.linear(x), 0.2)
        return torch.cat([new, x.to(new.dtype)], 1)  # or autocast would cast all of it again


def mlp(inputs: int, width: int, layers: int, outputs: int) -> nn.Sequential:
    hidden = [Residual(inputs + i * width, width) for i in range(layers)]
    return nn.Sequential(*hidden, nn.Linear(inputs + layers * width, outputs))


def packed_logits(net: nn.Module, seen: Tensor, pack: int) -> Tensor:
    """A logit for each row, (N,), shared by ``pack`` of them (Lin et al. 2018, PacGAN, section 3).

    It is divided by √pack, so that a gradient penalty, which treats rows separately, limits the
    norm of the gradient at the whole pack.
    """
    n = len(seen)
    if pack > 1:  # the first rows fill up the last pack
        full = torch.arange(-(-n // pack) * pack, device=seen.device) % n
        seen = seen[full].reshape(-1, pack * seen.shape[1])
    logits: Tensor = net(seen).squeeze(1)
    if pack > 1:
        logits = (logits / math.sqrt(pack)).repeat_interleave(pack)[:n]
    return logits
