"""The two perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from gankit.contract import Networks
from gankit_toy.codec import PointCodec
from gankit_toy.modality import ToyModality, ToySettings


def build(labels: Sequence[str] = (), **settings: Any) -> Networks:
    torch.manual_seed(0)
    codec = PointCodec([0.0, 0.0], [1.0, 1.0], [], labels)
    return ToyModality().build_networks(codec, ToySettings(hidden=16, **settings))


@pytest.mark.parametrize("labels", ["", "abc"])
def test_shapes_and_determinism(labels: str) -> None:
    first, second = build(labels, latent=3), build(labels, latent=3)
    z = torch.randn(5, 3)
    c = torch.eye(3)[[0, 1, 2, 0, 1]] if labels else None
    x = first.generator(z, c)
    assert x.shape == (5, 2)
    assert first.discriminator(x, c).shape == (5,)
    assert torch.equal(x, second.generator(z, c))
    assert torch.equal(first.discriminator(x, c), second.discriminator(x, c))


def test_both_networks_use_the_label() -> None:
    nets = build("abc")
    z, x = torch.randn(1, 2), torch.randn(1, 2)
    a, b = torch.eye(3)[:1], torch.eye(3)[1:2]
    assert not torch.equal(nets.generator(z, a), nets.generator(z, b))
    assert not torch.equal(nets.discriminator(x, a), nets.discriminator(x, b))


def test_the_gradient_of_r1_matches_finite_differences() -> None:
    D = build().discriminator.double()
    x = torch.randn(4, 2, dtype=torch.double)
    weight = next(D.parameters())

    def r1() -> torch.Tensor:
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(D(leaf, None).sum(), leaf, create_graph=True)
        return gradient.square().sum()

    (exact,) = torch.autograd.grad(r1(), weight)
    step = 1e-6
    with torch.no_grad():
        weight[0, 0] += step
    above = r1().item()
    with torch.no_grad():
        weight[0, 0] -= 2 * step
    below = r1().item()
    assert exact[0, 0].item() != 0
    assert exact[0, 0].item() == pytest.approx((above - below) / (2 * step), rel=1e-4)


def test_layers_counts_hidden_layers() -> None:
    nets = build(layers=4, d_layers=2)
    for network, hidden in ((nets.generator, 4), (nets.discriminator, 2)):
        assert sum(isinstance(m, torch.nn.Linear) for m in network.modules()) == hidden + 1
