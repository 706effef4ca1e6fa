"""The generator's likelihood and its draws; the discriminator."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from gankit.contract import quiet
from gankit_material.codec.codec import fit
from gankit_material.data.items import Material
from gankit_material.data.sources import read
from gankit_material.networks.build import build_networks
from gankit_material.networks.features import element_features, similarity
from gankit_material.networks.generator import SlotGenerator
from gankit_material.settings import MaterialSettings


def settings(**given):
    return MaterialSettings(**{"units": 16, "conditions": (), "limit": 300, **given})


@pytest.fixture(scope="module")
def small():
    """Two slots, three elements, counts up to 2: few enough to add up all compositions."""
    torch.manual_seed(0)
    made = SlotGenerator(("O", "Ti", "Na"), 2, 2, 0, 8)
    with torch.no_grad():
        made.last.mul_(100)  # far from uniform
        made.last_bias.normal_()
    return made.eval()


def every_composition(generator):
    """All samples that a generator can draw, (N, slots, elements + most)."""
    found = []
    for k in range(1, generator.slots + 1):
        for chosen in itertools.combinations(range(generator.size), k):
            for counts in itertools.product(range(generator.most), repeat=k):
                x = torch.zeros(generator.slots, generator.size + generator.most)
                for slot, (e, n) in enumerate(zip(chosen, counts, strict=True)):
                    x[slot, e] = x[slot, generator.size + n] = 1
                found.append(x)
    return torch.stack(found)


def test_the_probabilities_of_all_compositions_add_up_to_one(small):
    x = every_composition(small)
    assert len(x) == 3 * 2 + 3 * 4
    assert small.nll(x, None).neg().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_compositions_are_drawn_as_often_as_the_likelihood_states(small):
    x, n = every_composition(small), 40_000
    z = torch.randn(n, small.latent_dim, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        made, p = small(z, None).flatten(1), small.nll(x, None).neg().exp()
    share = torch.stack([(made == one.flatten()).all(1).float().mean() for one in x])
    assert share.sum().item() == pytest.approx(1)
    assert torch.allclose(share, p, atol=4 * (0.25 / n) ** 0.5)


def test_elements_that_do_not_occur_are_not_drawn_and_have_a_likelihood():
    torch.manual_seed(0)
    made = SlotGenerator(("O", "Ti", "Na"), 2, 2, 0, 8, seen={"O", "Na"}).eval()
    z = torch.randn(2000, made.latent_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert made(z, None)[..., 1].sum() == 0
        assert made.nll(every_composition(made), None).max() < 100


def test_draws_depend_on_their_own_latent_only(small):
    z = torch.randn(9, small.latent_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together, alone = small(z, None), torch.cat([small(one[None], None) for one in z])
    assert torch.equal(together, alone)


def test_known_compositions_are_drawn_anew(small):
    x = every_composition(small)
    z = torch.randn(400, small.latent_dim, generator=torch.Generator().manual_seed(2))
    likely = small.nll(x, None).argsort()[:6]
    try:
        with torch.no_grad():
            small.known = small._hashes(x[likely])
            made = small(z, None)
            assert torch.equal(made[:9], torch.cat([small(one[None], None) for one in z[:9]]))
            small.known = None
            free = small(z, None)
    finally:
        small.known = None
    shares = [
        float((some[:, None] == x[likely][None]).all((2, 3)).any(1).float().mean())
        for some in (made, free)
    ]
    assert shares[0] < shares[1] ** 4  # eight tries


def test_a_low_temperature_takes_the_likeliest(small):
    z = torch.randn(50, small.latent_dim, generator=torch.Generator().manual_seed(1))
    cold = SlotGenerator(("O", "Ti", "Na"), 2, 2, 0, 8, temperatures=(1e-5, 1e-5)).eval()
    cold.load_state_dict(small.state_dict())
    with torch.no_grad():
        different = [len(made(z, None).unique(dim=0)) for made in (cold, small)]
    assert different[0] == 1 < different[1]


def test_gradients_reach_every_parameter_through_the_draws():
    items = read(None, settings(), quiet).items
    codec = fit(items, settings())
    networks = build_networks(codec, settings())
    z = torch.randn(32, networks.latent_dim)
    networks.discriminator(networks.generator.train()(z, None), None).sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in networks.generator.parameters()
    )


def test_conditions_change_the_likelihood():
    items = read(None, settings(conditions=("auto",)), quiet).items
    codec = fit(items, settings(conditions=("auto",)))
    networks = build_networks(codec, settings(conditions=("auto",)))
    batch = codec.prepare(codec.encode(items[:20], np.random.default_rng(0)))
    with torch.no_grad():
        networks.generator.last.mul_(50)
        one, other = (networks.likelihood(batch.x, c) for c in (batch.c, batch.c + 3))
    assert not torch.allclose(one, other)


def test_smoothing_applies_in_training_only_and_needs_no_neighbours():
    items = [Material({"Na": 1, "Cl": 1}), Material({"K": 1, "F": 2}), Material({"Au": 1})]
    codec = fit(items, settings())
    torch.manual_seed(0)
    networks = build_networks(codec, settings(smoothing=0.2))
    generator = networks.generator
    batch = codec.prepare(codec.encode(items, np.random.default_rng(0)))
    with torch.no_grad():
        smooth = generator.train().nll(batch.x, None)
        exact = generator.eval().nll(batch.x, None)
        generator.smoothing = 0.0
        assert torch.equal(generator.train().nll(batch.x, None), exact)
    assert not torch.allclose(smooth[:2], exact[:2])
    assert torch.isfinite(smooth).all()
    assert torch.allclose(smooth[2], exact[2])  # gold has no other of its group here


def test_elements_of_a_group_are_alike():
    alike = similarity(("F", "Cl", "Na", "La", "Ce"))
    assert alike.shape == (6, 6)
    assert alike[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert alike[3].tolist() == [0, 0, 0, 0, 1, 0]
    assert alike[2].sum() == alike[5].sum() == 0


def test_features_are_finite_for_every_element():
    from gankit_material.data.elements import ELEMENTS

    table = element_features(ELEMENTS)
    assert torch.isfinite(table).all()
    assert table.abs().max() < 10


def test_the_discriminator_sees_compositions_alone():
    """Logits of one sample do not depend on the others, and counts matter."""
    items = read(None, settings(), quiet).items
    codec = fit(items, settings())
    d = build_networks(codec, settings()).discriminator
    batch = codec.prepare(codec.encode(items[:8], np.random.default_rng(0)))
    together = d(batch.x, None)
    assert together.shape == (8,)
    assert torch.allclose(together, torch.cat([d(x[None], None) for x in batch.x]), atol=1e-5)
