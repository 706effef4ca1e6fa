"""Projection finds what it can: closed forms of linear generators."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from vectors import VectorCodec

from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.projection import FRAMES, Effort, distance, project
from gankit.engine.sampling.sampler import Sampler
from gankit.errors import GankitError

DIM = 2
SMALL = Effort(seeds=64, starts=4, steps=150, prior=0.0)


class Linear(nn.Module):
    """x = A z + the class's offset."""

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(DIM, 2, bias=False)
        with torch.no_grad():
            self.map.weight.copy_(torch.tensor([[1.0, 0.5], [-0.5, 2.0]]))

    def forward(self, z, c):
        return self.map(z) + 10 * c.argmax(1)[:, None]


def sampler(generator=None, **more):
    table = ConditionTable(torch.eye(3), torch.ones(3))
    place = torch.device("cpu")
    return Sampler(generator or Linear(), VectorCodec(), DIM, place, conditions=table, **more)


def test_a_linear_generator_is_inverted():
    some = sampler()
    targets = torch.tensor([[1.0, -0.5], [20.3, 19.0]])
    (a, b) = project(some, targets, [None, None], SMALL)
    for found, target, kind in ((a, targets[0], 0), (b, targets[1], 2)):
        expected = torch.linalg.solve(some.generator.map.weight, target - 10 * kind)
        assert torch.allclose(found.latent.z, expected, atol=0.02)
        assert int(found.latent.c.argmax()) == kind, "the best of the classes"
        assert found.error < 1e-3 < found.start_error
        made = some.generate(found.latent.z[None], found.latent.c[None]).x[0]
        assert found.error == pytest.approx(float((made - target).square().mean()), abs=1e-6)
        assert found.way.shape == (FRAMES, DIM)
        assert torch.equal(found.way[-1], found.latent.z)
        best = some.generate(found.start.z[None], found.start.c[None]).x[0]
        assert found.start_error == pytest.approx(float((best - target).square().mean()), abs=1e-5)
        assert torch.equal(found.start.z, some.latents([found.start_seed])[0])
    again = project(some, targets, [None, None], SMALL)[1]
    assert torch.equal(again.latent.z, b.latent.z)


def test_a_known_condition_is_kept():
    target = torch.tensor([[20.0, 20.0]])
    (own,) = project(sampler(), target, [torch.eye(3)[1]], SMALL)
    (asked,) = project(sampler(), target, [None], SMALL, {"kind": "b"})
    assert int(own.latent.c.argmax()) == int(asked.latent.c.argmax()) == 1


def test_the_prior_keeps_latents_near_those_of_training():
    far = torch.tensor([[50.0, 50.0]])
    row = [torch.eye(3)[0]]
    (free,) = project(sampler(), far, row, Effort(seeds=64, steps=200, lr=0.5, prior=0))
    (held,) = project(sampler(), far, row, Effort(seeds=64, steps=200, lr=0.5, prior=100))
    assert float(free.latent.z.norm()) > 10 > 6 > float(held.latent.z.norm())


def test_without_steps_the_best_seed_is_found():
    some = sampler()
    x = some.generate(some.latents([17]), torch.eye(3)[[1]]).x
    (found,) = project(some, x, [torch.eye(3)[1]], Effort(seeds=64, starts=1, steps=0))
    assert found.start_seed == 17
    assert found.error == found.start_error == pytest.approx(0, abs=1e-6)


def test_coarse_structure_counts_at_every_scale():
    """A constant difference has the same mean square at each scale, noise has not."""
    torch.manual_seed(0)
    target, noise = torch.zeros(1, 1, 16, 16), torch.randn(1, 1, 16, 16)
    noise = (noise - noise.mean()) / noise.std(correction=0)
    assert float(distance(target + 1, target)) == pytest.approx(1)
    assert float(distance(noise, target)) < 0.6
    assert float(distance(torch.ones(1, 5), torch.zeros(1, 5))) == 1


def test_generators_without_a_gradient():
    some = sampler(likelihood=lambda x, c: x.sum(1))
    with pytest.raises(GankitError, match="draws from probabilities"):
        project(some, torch.zeros(1, 2), [None], SMALL)

    class Rounded(Linear):
        def forward(self, z, c):
            return super().forward(z, c).detach()

    with pytest.raises(GankitError, match="gives no gradient"):
        project(sampler(Rounded()), torch.zeros(1, 2), [None], SMALL)


@pytest.mark.parametrize(
    "wrong", [{"seeds": 0}, {"starts": 9, "seeds": 3}, {"steps": -1}, {"lr": 0}, {"prior": -1}]
)
def test_impossible_efforts(wrong):
    with pytest.raises(GankitError):
        Effort(**wrong).check()
