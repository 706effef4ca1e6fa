"""Latents that are chosen: truncated, between several stops, along a direction, mixed, given."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from vectors import MLP, VectorCodec

from gankit.contract.networks import latent_stages
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.interpolation import slerp
from gankit.engine.sampling.sampler import Latent, Sampler
from gankit.engine.sampling.walks import along, between, mix, of_latents
from gankit.errors import GankitError

DIM = 4


class Staged(nn.Module):
    """x = (the first stage's z₀ + c, the last stage's z₀)."""

    stages = 3

    def forward(self, z, c=None):
        z = z[:, None].expand(-1, self.stages, -1) if z.ndim == 2 else z
        return torch.stack([z[:, 0, 0] + c.argmax(1), z[:, -1, 0]], 1)


class Codec(VectorCodec):
    def decode(self, batch, seeds, where=None):
        return [(*x, int(c.argmax())) for x, c in zip(batch.x.tolist(), batch.c, strict=True)]


def sampler(generator=None, **more):
    torch.manual_seed(0)
    table = ConditionTable(torch.eye(3), torch.ones(3))
    generator = generator or MLP(DIM, 2)
    return Sampler(generator, Codec(), DIM, torch.device("cpu"), conditions=table, **more)


def items(samples):
    return [sample.item for sample in samples]


# --- Truncation ---------------------------------------------------------------------------------


def test_truncation_of_one_changes_nothing_and_of_less_shrinks_latents():
    plain = sampler()
    assert plain.truncated(1) is plain
    half = plain.truncated(0.5)
    assert torch.equal(half.latents(range(9), 2), plain.latents(range(9), 2) / 2)
    mean = plain.truncated(0)
    for sample in mean.sample(20):  # the class's mean
        c = plain.draw_conditions([sample.seed], {})
        centre = plain.generate(torch.zeros(1, DIM), c).x[0].tolist()
        assert sample.item[:2] == pytest.approx(centre, abs=1e-6)
    kinds = [s.condition for s in plain.sample(20)]
    assert [s.condition for s in half.sample(20)] == kinds


def test_each_seed_stays_a_permalink_when_truncated():
    some = sampler().truncated(0.7)
    whole = items(some.sample(100))
    assert items(some.sample(1, 37)) == whole[37:38]
    assert items(between(some, (3, 5), 4))[0] == whole[3]


@pytest.mark.parametrize("psi", [-0.1, 1.1, float("nan")])
def test_a_truncation_out_of_range(psi):
    with pytest.raises(GankitError, match=f"truncation={psi:g}: out of range"):
        sampler().truncated(psi)


def test_generators_that_truncation_means_nothing_to():
    class Normalised(MLP):
        def forward(self, x, c):
            return super().forward(x / x.norm(dim=1, keepdim=True), c)

    with pytest.raises(GankitError, match="normalises its latents: their length changes nothing"):
        sampler(Normalised(DIM, 2)).truncated(0.5)
    with pytest.raises(GankitError, match="draws from probabilities"):
        sampler(likelihood=lambda x, c: x.sum(1)).truncated(0.5)


# --- Walks --------------------------------------------------------------------------------------


def test_several_stops_are_passed_in_turn():
    some = sampler()
    path = items(between(some, (3, 9, 4), 9))
    whole = {s.seed: s.item for s in some.sample(12, where=None)}
    (start,) = some.sample(1, 3)
    assert path[0] == whole[3]
    for place, seed in ((4, 9), (8, 4)):
        (stop,) = some.sample(1, seed, start.condition)
        assert path[place][:2] == pytest.approx(stop.item[:2], abs=1e-5)
    z = slerp(some.latents([9]), some.latents([4]), torch.tensor([0.25]))
    expected = some.generate(z, some.draw_conditions([3], {})).x[0]
    assert path[5][:2] == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_loop_ends_where_it_began():
    path = list(between(sampler(), (3, 9, 3), 5))
    assert path[0].item == path[-1].item
    assert len({s.seed for s in path}) == 5


def test_steps_along_a_direction():
    some, direction = sampler(), torch.eye(DIM)[1]
    walk = list(along(some, 5, direction, [-2.0, 0.0, 0.5]))
    assert [walk[1].item] == items(some.sample(1, 5))
    c = some.draw_conditions([5], {})
    for step, sample in zip((-2.0, 0.0, 0.5), walk, strict=True):
        x = some.generate(some.latents([5]) + step * direction, c).x[0]
        assert sample.item[:2] == pytest.approx(x.tolist(), abs=1e-5)
    assert len({s.seed for s in walk}) == 3


def test_latents_of_their_own():
    some = sampler()
    z, c = some.latents([7])[0], torch.eye(3)[2]
    (made,) = of_latents(some, [Latent(z, c)])
    assert made.item == items(some.sample(1, 7, {"kind": "c"}))[0]
    (other,) = of_latents(some, [Latent(z, c)], where={"kind": "a"})
    assert other.condition == {"kind": "a"}
    path = list(between(some, (Latent(z, c), 3), 5))
    assert path[0].item[:2] == pytest.approx(made.item[:2], abs=1e-6)
    assert {s.condition["kind"] for s in path} == {"c"}
    many = list(of_latents(some, [Latent(row, c) for row in some.latents(range(150))]))
    assert [s.seed for s in many] == list(range(150))


def test_coarse_and_fine_stages_are_mixed():
    some = sampler(Staged())
    assert latent_stages(some.generator) == 3
    made = list(mix(some, [3, 4], [7, 8, 9], 1))
    z = some.latents(range(10))[:, 0]
    c = [int(some.draw_conditions([seed], {}).argmax()) for seed in (3, 4)]
    expected = [
        (float(z[a]) + kind, float(z[b]), kind)
        for a, kind in zip((3, 4), c, strict=True)
        for b in (7, 8, 9)
    ]
    assert [s.item for s in made] == [pytest.approx(row, abs=1e-6) for row in expected]
    whole = next(mix(some, [3], [7], 2))  # the last stage alone is the fine one's
    assert whole.item[1] == pytest.approx(float(z[7]))
    for stage in (0, 3):
        with pytest.raises(GankitError, match=f"stage {stage}: the generator has the stages"):
            list(mix(some, [3], [7], stage))
    with pytest.raises(GankitError, match="takes one latent, not one for each"):
        list(mix(sampler(), [3], [7], 1))


@pytest.mark.parametrize("block", [1, 3, 64])
def test_batches_of_any_size_give_the_same(monkeypatch, block):
    some, direction = sampler(), torch.eye(DIM)[0]
    steps = [i / 4 for i in range(9)]
    whole = items(along(some, 2, direction, steps)) + items(between(some, (1, 2, 3), 11))
    other = dataclasses.replace(some, codec=Codec())
    monkeypatch.setattr(other.codec, "decode_batch_size", block)
    again = items(along(other, 2, direction, steps)) + items(between(other, (1, 2, 3), 11))
    assert again == [pytest.approx(item, abs=1e-5) for item in whole]
