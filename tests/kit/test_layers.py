"""Layers that several plugins use."""

from __future__ import annotations

import torch

from gankit.contract import Categorical, Condition, Continuous
from gankit.kit.layers import ResidualLayer, concat_condition, embedding, residual_mlp

KIND = Categorical("kind", ("a", "b", "c"))
SIZE = Continuous("size")


def test_a_condition_is_appended():
    x, c = torch.randn(4, 3), torch.randn(4, 2)
    assert torch.equal(concat_condition(x, c), torch.cat([x, c], 1))
    assert concat_condition(x, None) is x


def test_an_embedding_has_a_bias_only_without_classes():
    assert embedding(Condition((KIND,)), 7).bias is None
    assert embedding(Condition((SIZE, KIND)), 7).bias is None
    assert embedding(Condition((SIZE,)), 7).bias is not None


def test_an_embedding_of_a_class_is_standard_normal():
    torch.manual_seed(0)
    rows = embedding(Condition((KIND,)), 1000)(torch.eye(3))
    assert rows.shape == (3, 1000)
    assert (rows.std(1) - 1).abs().max() < 0.1


def test_a_residual_layer_adds_to_its_input():
    layer = ResidualLayer(5)
    torch.nn.init.zeros_(layer.net[-1].weight)
    torch.nn.init.zeros_(layer.net[-1].bias)
    x = torch.randn(2, 5)
    assert torch.equal(layer(x), x)


def test_a_residual_mlp_is_as_wide_and_deep_as_requested():
    net = residual_mlp(3, 8, 2, outputs=4)
    assert net(torch.randn(6, 3)).shape == (6, 4)
    assert sum(isinstance(m, ResidualLayer) for m in net) == 2
    assert residual_mlp(3, 8, 2)(torch.randn(6, 3)).shape == (6, 8)
