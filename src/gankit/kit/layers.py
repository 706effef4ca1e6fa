"""Layers that several plugins use. This module imports torch: import it where networks are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gankit.contract import Categorical, Condition
from gankit.contract.networks import TAKES_CONDITION

SLOPE = 0.2
"""The negative slope of leaky ReLU."""


def concat_condition(x: Tensor, c: Tensor | None) -> Tensor:
    """``x`` (N, W) and ``c`` (N, V) as (N, W + V); ``x`` itself where ``c`` is None."""
    return x if c is None else torch.cat([x, c], 1)


def embedding(condition: Condition, outputs: int) -> nn.Linear:
    """A map from ``c`` (N, condition.width) to (N, outputs), initialised from N(0, 1).

    For a one-hot ``c`` this is an embedding table; the embeddings of several fields add up. If all
    fields are numbers there is a bias, since c = 0, their mean, would have no embedding otherwise.
    """
    has_classes = any(isinstance(field, Categorical) for field in condition.fields)
    layer = nn.Linear(condition.width, outputs, bias=not has_classes)
    setattr(layer, TAKES_CONDITION, True)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


class ResidualLayer(nn.Module):
    """``x + W₂ f(W₁ f(x))`` for ``x`` (N, width); f is a leaky ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            *(nn.LeakyReLU(SLOPE), nn.Linear(width, width)),
            *(nn.LeakyReLU(SLOPE), nn.Linear(width, width)),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.net(x)
        return y


def residual_mlp(inputs: int, width: int, layers: int, outputs: int | None = None) -> nn.Sequential:
    """A residual multilayer perceptron (N, inputs) -> (N, outputs).

    Args:
        layers: residual layers between the first linear map and the last.
        outputs: None leaves out the last linear map: the output is then (N, width).
    """
    return nn.Sequential(
        nn.Linear(inputs, width),
        *(ResidualLayer(width) for _ in range(layers)),
        nn.LeakyReLU(SLOPE),
        *([] if outputs is None else [nn.Linear(width, outputs)]),
    )
