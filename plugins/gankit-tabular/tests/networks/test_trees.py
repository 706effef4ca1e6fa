"""The generator of trees: a likelihood that sums to one, drawn as it is computed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.support.tree_data import patients, shop

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.trees.tree_codec import TreeCodec
from gankit_tabular.networks.build import tree_networks
from gankit_tabular.networks.levels import Level
from gankit_tabular.networks.steps import possible
from gankit_tabular.networks.trees import PartShape, TreeGenerator
from gankit_tabular.settings import SequenceSettings, TabularSettings

PARENTS = {"a sequence": (-1, 0), "three tables": (-1, 0, 1), "two children": (-1, 0, 0)}
CHANGES = {**PARENTS, "a sequence of changes": [-1, 0]}
"""A list: the second part's numbers are changes of the first one's."""


def shape(codes, parent, atoms=None):
    kind = "number" if atoms else "category"
    column = Column("x", "string", kind, atoms=[*(atoms or range(codes))])
    column.frequency = [1 / max(codes, 1)] * codes
    blocks = [Block(0, 0, codes)] if codes else []
    return PartShape([column], blocks, parent, blocks if parent < 0 else ())


def generator(parents, steps=5):
    torch.manual_seed(3)
    shapes = [shape(2 if p != 1 else 0, up) for p, up in enumerate(parents)]
    levels = []
    if isinstance(parents, list):
        shapes, levels = [shape(2, -1, [0, 3]), shape(2, 0, [-2, 2])], [Level(0, 0, -1, 6, 1, 2)]
    made = TreeGenerator(shapes, steps, 8, levels=levels)
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "places" in name or "last" in name or "output" in name:
                p.add_(torch.randn_like(p) * 0.7)  # far from independent
    return made.eval()


def items(parents, steps):
    """All trees of at most so many steps."""
    allowed, end = possible(parents), len(parents)

    def grow(types):
        yield types
        if len(types) < steps - 1:
            for p in range(end):
                if allowed[types[-1], p]:
                    yield from grow([*types, p])

    for types in grow([0]):
        none = () if isinstance(parents, list) else (1,)
        free = [range(1 if p in none else 2) for p in types]
        for codes in itertools.product(*free):
            x = torch.zeros(steps, 2)
            x[:, 0] = end
            x[: len(types), 0], x[: len(types), 1] = torch.tensor(types), torch.tensor(codes)
            yield x


@pytest.mark.parametrize("parents", CHANGES.values(), ids=CHANGES)
def test_the_probabilities_of_all_trees_sum_to_one(parents):
    g = generator(parents)
    x = torch.stack(list(items(parents, 5)))
    with torch.no_grad():
        assert torch.exp(-g.nll(x, None).double()).sum().item() == pytest.approx(1, abs=1e-5)
        told = torch.tensor([[0.0, 1.0]]).expand(len(x), -1)
        given = torch.exp(-g.nll(x, told).double())[x[:, 0, 1] == 1]
    assert given.sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("parents", CHANGES.values(), ids=CHANGES)
def test_trees_are_drawn_as_often_as_the_likelihood_states(parents):
    g, n = generator(parents), 20_000
    x = torch.stack(list(items(parents, 5)))
    with torch.no_grad():
        p = torch.exp(-g.nll(x, None).double())
        drawn = g(torch.randn(n, g.latent_dim), torch.zeros(n, 2))
    known = {tuple(one.flatten().tolist()): i for i, one in enumerate(x)}
    places = torch.tensor([known[tuple(one.flatten().tolist())] for one in drawn])
    share = torch.bincount(places, minlength=len(x)) / n
    assert (share - p).abs().max() < 0.02
    assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-4).float().mean() > 0.99


def test_a_sample_does_not_depend_on_its_batch():
    g = generator((-1, 0, 1))
    z = torch.randn(40, g.latent_dim)
    c = torch.eye(2)[torch.arange(40) % 2]
    with torch.no_grad():
        every, few = g(z, c), g(z[5:8], c[5:8])
        assert every[5:8].equal(few)
        assert (every[:, 0, 1] == c[:, 1]).all()  # what is requested
        one, all_ = g.nll(every[5:8], c[5:8]), g.nll(every, c)
    torch.testing.assert_close(one, all_[5:8])


@pytest.mark.parametrize("kind", ["sequence", "tables"])
def test_a_fitted_codecs_networks_learn(kind):
    if kind == "sequence":
        trees = patients(150)
        settings = TabularSettings(sequence=SequenceSettings("patient", "day"), digit_units=16)
    else:
        trees = shop(100)
        settings = TabularSettings(children=("orders on customer_id",), digit_units=16)
    codec = TreeCodec.fit(trees, settings)
    torch.manual_seed(0)
    networks = tree_networks(codec, settings)
    assert networks.by_likelihood
    batch = codec.prepare(codec.encode(trees, np.random.default_rng(0)))
    optimizer, losses = torch.optim.Adam(networks.generator.parameters(), lr=3e-3), []
    for _ in range(12):
        loss = networks.likelihood(batch.x, batch.c).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1
    assert all(p.grad is not None for p in networks.generator.parameters())
    with torch.no_grad():
        c = None if batch.c is None else torch.zeros(30, batch.c.shape[1])
        x = networks.generator(torch.randn(30, networks.latent_dim), c)
        assert torch.isfinite(networks.likelihood(x, c)).all()
        assert networks.discriminator(x, c).shape == (30,)
    made = codec.decode(type(batch)(x), range(30))
    assert len(made) == 30
    again = codec.prepare(codec.encode(made, np.random.default_rng(0)))
    assert (again.x[:, :, 0] == x[:, :, 0]).all()
