"""What a plugin supplies is validated before the first step."""

from __future__ import annotations

import random

import pytest
import torch
from vectors import MLP, VectorCodec

from gankit.contract import Batch, Layout, Networks
from gankit.engine.validation import contract_violation, refuse_random_differences
from gankit.errors import GankitError

ITEMS = [(1.0, 0), (2.0, 1)]


def networks(**changes) -> Networks:
    return Networks(
        **{"generator": MLP(4, 2), "discriminator": MLP(2, 1), "latent_dim": 4} | changes
    )


def codec(**changes) -> VectorCodec:
    made = VectorCodec()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Shaped(torch.nn.Module):
    """A discriminator whose output has a shape of its own."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x, c):
        return torch.zeros(self.shape)


def prepared(change):
    return codec(prepare=lambda batch: change(batch))


@pytest.mark.parametrize(
    ("networks", "codec", "message"),
    [
        (networks(), codec(), ""),
        (networks(generator=MLP(4, 3)), codec(), "its generator's output has shape (2, 3)"),
        (networks(discriminator=MLP(2, 3)), codec(), ""),  # three logits per sample
        (networks(discriminator=Shaped(3)), codec(), "its discriminator's output has shape (3,)"),
        (networks(discriminator=Shaped(1, 2)), codec(), "discriminator's output has shape (1, 2)"),
        (networks(discriminator=Shaped(2, 1, 1)), codec(), "output has shape (2, 1, 1)"),
        (
            networks(),
            codec(layout=Layout((2,))),
            "its codec's batches and its layout disagree about having a condition",
        ),
        (networks(), prepared(lambda b: Batch(b.x[:, :1], b.c)), "its codec's x has shape (2, 1)"),
        (
            networks(),
            prepared(lambda b: Batch(b.x.double(), b.c)),
            "x is torch.float64",
        ),
        (networks(), prepared(lambda b: Batch(b.x / 0, b.c)), "its codec's x is not finite"),
        (networks(), prepared(lambda b: Batch(b.x, b.c[:, :2])), "its codec's c has shape (2, 2)"),
    ],
)
def test_a_violation_is_stated(networks, codec, message):
    found = contract_violation(networks, codec, ITEMS)
    assert message in found if message else not found


def test_validation_changes_nothing():
    given = networks(discriminator=MLP(2, 1, batch_norm=True))
    before = {k: v.clone() for k, v in given.discriminator.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert contract_violation(given, codec(), ITEMS) == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert given.discriminator.training
    assert all(torch.equal(v, before[k]) for k, v in given.discriminator.state_dict().items())


# --- What finite differences need ---------------------------------------------------------------


class Dropped(MLP):
    def forward(self, x, c):
        return super().forward(torch.nn.functional.dropout(x, 0.5, self.training), c)


def uncertain(x, p):
    return x * random.random()


def looking(x, p):
    return x * (2 if float(x.sum()) > 0 else 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"augment_input": lambda x, p: x * torch.rand(len(x), 1)}, ""),
        ({"discriminator": Dropped(2, 1)}, "this discriminator: the same sample gives different"),
        ({"augment_input": uncertain}, ""),  # once for both: alike
        ({"augment_input": looking}, "this augmentation: torch.vmap does not run it"),
    ],
)
def test_finite_differences_are_refused_where_more_than_the_sample_differs(changes, message):
    given, layout = networks(**changes), VectorCodec().layout
    torch.manual_seed(3)
    state = torch.get_rng_state()
    if message:
        with pytest.raises(GankitError, match=message) as error:
            refuse_random_differences(given, layout)
        assert "loss.penalty_form=exact" in error.value.hint
    else:
        refuse_random_differences(given, layout)
    assert torch.equal(torch.get_rng_state(), state)
