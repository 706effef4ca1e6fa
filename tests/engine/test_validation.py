"""What a plugin hands over is looked at before the first step."""

from __future__ import annotations

import pytest
import torch
from vectors import MLP, VectorCodec

from gankit.contract import Batch, Layout, Networks
from gankit.engine.validation import contract_violation

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


def prepared(change):
    return codec(prepare=lambda batch: change(batch))


@pytest.mark.parametrize(
    ("networks", "codec", "said"),
    [
        (networks(), codec(), ""),
        (networks(generator=MLP(4, 3)), codec(), "its generator's output has shape (2, 3)"),
        (networks(discriminator=MLP(2, 2)), codec(), "its discriminator's output has shape (2, 2)"),
        (networks(), codec(layout=Layout((2,))), "disagree on whether there is a condition"),
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
def test_what_is_broken_is_said(networks, codec, said):
    found = contract_violation(networks, codec, ITEMS)
    assert said in found if said else not found


def test_nothing_is_disturbed():
    given = networks(discriminator=MLP(2, 1, batch_norm=True))
    before = {k: v.clone() for k, v in given.discriminator.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert contract_violation(given, codec(), ITEMS) == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert given.discriminator.training
    assert all(torch.equal(v, before[k]) for k, v in given.discriminator.state_dict().items())
