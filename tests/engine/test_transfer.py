"""What a network takes from another one's weights, and what is frozen."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gankit.contract import Categorical, Condition, Continuous
from gankit.engine.compile import CompiledStep
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossWeights, trainable
from gankit.engine.transfer import freeze_first, layers_in_order, same_columns, take_weights
from gankit.errors import GankitError
from gankit.kit.layers import embedding


class Stages(nn.Module):
    """A stack of stages of one width between two other layers."""

    def __init__(self, stages, width=4):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.stages = nn.ModuleList(nn.Sequential(nn.Linear(width, width)) for _ in range(stages))
        self.last = nn.Linear(width, 1)


def test_a_network_takes_all_of_one_like_it():
    torch.manual_seed(0)
    a, b = Stages(3), Stages(3)
    found = take_weights(b, a.state_dict())
    assert (found.taken, found.new) == (found.total, ())
    assert found.total == sum(p.numel() for p in b.parameters())
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(x, y)


@given(mine=st.integers(1, 5), others=st.integers(1, 5), from_end=st.booleans())
def test_lists_of_other_lengths_correspond_from_one_end(mine, others, from_end):
    a, b = Stages(others), Stages(mine)
    found = take_weights(b, a.state_dict(), from_end=from_end)
    shift = mine - others if from_end else 0
    for i in range(mine):
        same = 0 <= i - shift < others
        assert (f"stages.{i}" in found.new) != same
        if same:
            assert torch.equal(b.stages[i][0].weight, a.stages[i - shift][0].weight)


def test_a_list_corresponds_from_where_more_fits():
    def network(*widths):
        return nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths)))

    theirs = network(3, 8, 16, 32)
    found = take_weights(network(3, 8, 16, 32, 64), theirs.state_dict(), from_end=True)
    assert found.new == ("3",)
    found = take_weights(network(2, 3, 8, 16, 32), theirs.state_dict())
    assert found.new == ("0",)


def test_what_has_another_shape_is_new_and_stays():
    theirs, mine = Stages(2, width=4), Stages(2, width=6)
    before = {k: v.clone() for k, v in mine.state_dict().items()}
    found = take_weights(mine, theirs.state_dict())
    assert found.new == ("first", "stages.0", "stages.1", "last")
    assert found.taken == 1  # the last bias
    assert torch.equal(mine.last.bias, theirs.last.bias)
    assert all(torch.equal(mine.state_dict()[k], v) for k, v in before.items() if k != "last.bias")


def test_running_statistics_come_along_and_do_not_count():
    theirs, mine = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    theirs(torch.randn(8, 3))
    found = take_weights(mine, theirs.state_dict())
    assert (found.taken, found.total) == (6, 6)
    assert torch.equal(mine.running_mean, theirs.running_mean)
    assert mine.num_batches_tracked == 1


def condition(*values, size=False):
    numbers = (Continuous("size", 3.0, 2.0),) if size else ()
    return Condition((*numbers, Categorical("label", values)))


def test_classes_are_taken_by_their_names():
    mine, theirs = condition("dog", "cat", "cow"), condition("cat", "dog", "emu", size=True)
    assert same_columns(mine, theirs) == (2, 1, None)
    assert same_columns(None, theirs) is None
    assert same_columns(mine, None) is None
    a, b = (nn.ModuleDict({"embed": embedding(c, 5)}) for c in (theirs, mine))
    before = b.embed.weight.detach().clone()
    found = take_weights(b, a.state_dict(), classes=same_columns(mine, theirs))
    assert found.new == ("embed (2 of 3 conditions taken)",)
    assert (found.taken, found.total) == (10, 15)
    assert torch.equal(b.embed.weight[:, :2], a.embed.weight[:, [2, 1]])
    assert torch.equal(b.embed.weight[:, 2], before[:, 2])


def test_as_many_other_classes_are_new():
    mine, theirs = condition("dog", "cat"), condition("emu", "yak")
    a, b = (nn.ModuleDict({"embed": embedding(c, 5)}) for c in (theirs, mine))
    found = take_weights(b, a.state_dict(), classes=same_columns(mine, theirs))
    assert (found.taken, found.new) == (0, ("embed",))


# --- Freezing -----------------------------------------------------------------------------------


class Backwards(nn.Module):
    """Calls its layers in another order than it names them."""

    def __init__(self):
        super().__init__()
        self.head, self.body, self.norm = nn.Linear(4, 1), nn.Linear(2, 4), nn.BatchNorm1d(4)

    def forward(self, x, c=None):
        return self.head(self.norm(self.body(x))).squeeze(1)


@pytest.fixture
def numbers(vectors):
    codec = vectors.modality.fit_codec([], None, None)
    return codec, [(0.5, 0), (1.5, 2)]


def test_layers_are_counted_in_the_order_of_their_calls(numbers):
    network = Backwards()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = torch.get_rng_state()
    assert layers_in_order(network, *numbers) == ["body", "norm", "head"]
    assert network.training
    assert all(torch.equal(network.state_dict()[k], v) for k, v in before.items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.filterwarnings("ignore")
def test_a_traced_step_leaves_frozen_layers_out_too(numbers, make_networks, monkeypatch):
    """What is compiled; compiling it takes too long here."""
    monkeypatch.setattr(torch, "compile", lambda step, **options: step)
    torch.manual_seed(0)
    networks = make_networks()
    assert freeze_first(networks, *numbers, 1) == ["net.0"]
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    traced = CompiledStep(loss.discriminator_step, networks.discriminator, networks.generator)
    params = trainable(networks.discriminator)
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    x, c, z = torch.randn(8, 2), torch.eye(3)[torch.arange(8) % 3], torch.randn(8, 4)
    expected, _ = loss.discriminator_step(params, x, c, z, w, True)
    found, _ = traced(params, x, c, z, w, True)
    assert len(found) == len(params) == 2
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_frozen_layers_are_not_trained(numbers, make_networks):
    networks = make_networks()
    networks.discriminator = Backwards()
    assert freeze_first(networks, *numbers, 0) == []
    assert len(trainable(networks.discriminator)) == 6
    assert freeze_first(networks, *numbers, 2) == ["body", "norm"]
    assert [p.shape for p in trainable(networks.discriminator)] == [(1, 4), (1,)]
    assert trainable(networks.generator) == [*networks.generator.parameters()]
    with pytest.raises(GankitError, match=r"freeze_d=3: the discriminator has 3 layers.*at most 2"):
        freeze_first(networks, *numbers, 3)
