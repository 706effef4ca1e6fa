"""Requests to a generator whose joint distribution is a table of sixteen probabilities."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import nn

from gankit.contract import Batch, Categorical, Codec, Condition, Layout, ProposesConditions
from gankit.engine.sampling.requests import CANDIDATES, OFTEN, Requests
from gankit.engine.sampling.sampler import Sampler
from gankit.seeds import normal, uniform

JOINT = torch.tensor([
    [0.284, 0.05, 0.025, 0.001],
    [0.250, 0.05, 0.002, 0.004],
    [0.111, 0.10, 0.004, 0.010],
    [0.060, 0.04, 0.009, 0.000],
])  # fmt: skip
"""P(a, b)."""
A, B = JOINT.sum(1), JOINT.sum(0)
N = 6000


class Pairs(nn.Module):
    """Draws a, then b given a. Of a request for b, its a knows nothing: it is drawn from P(a)."""

    def forward(self, z, c):
        u = torch.special.ndtr(z.double())
        told_a, told_b = c[:, :4].double(), c[:, 4:].double()
        a = drawn(A.expand(len(z), 4), u[:, 0])
        a = torch.where(told_a.any(1), told_a.argmax(1), a)
        b = torch.where(told_b.any(1), told_b.argmax(1), drawn(JOINT[a], u[:, 1]))
        return torch.cat([torch.eye(4)[a], torch.eye(4)[b]], 1)

    def nll(self, x, c):
        a, b = codes(x)
        of_a, of_b = A[a].log(), (JOINT[a, b] / A[a]).log()
        return -(of_a.masked_fill(c[:, :4].any(1), 0) + of_b.masked_fill(c[:, 4:].any(1), 0))


def drawn(weights, u):
    sums = weights.double().cumsum(1)
    return (sums < u[:, None] * sums[:, -1:]).sum(1).clamp(max=3)


def codes(x):
    return x[:, :4].argmax(1), x[:, 4:].argmax(1)


class PairCodec(Codec, ProposesConditions):
    """Items are (a, b); a request names one or several of the values of each."""

    decode_batch_size = 64

    def __init__(self):
        names = ("0", "1", "2", "3")
        fields = Categorical("a", names, optional=True), Categorical("b", names, optional=True)
        self.layout = Layout((8,), Condition(fields))

    def encode(self, items, rng):
        raise NotImplementedError

    def state(self):
        raise NotImplementedError

    def decode(self, batch, seeds, where=None):
        return list(zip(*(k.tolist() for k in codes(batch.x)), strict=True))

    def sample_conditions(self, where, seeds):
        return self.propose_conditions(where, seeds, 0)[0]

    def propose_conditions(self, where, seeds, candidate):
        c, log_r = torch.zeros(len(seeds), 8), torch.zeros(len(seeds), dtype=torch.float64)
        for i, (name, marginal) in enumerate((("a", A), ("b", B))):
            if name in where:
                weights = torch.zeros(4).index_fill(0, torch.tensor(where[name]), 1) * marginal
                u = torch.from_numpy(uniform(seeds, 1000 * i + 16 * candidate))
                k = drawn(weights.expand(len(seeds), 4), u)
                c[torch.arange(len(seeds)), 4 * i + k] = 1
                log_r += (marginal[k] / weights.sum()).log()
        return c, log_r

    def matches(self, batch, seeds, where):
        fits = torch.ones(len(batch), dtype=torch.bool)
        for name, k in zip("ab", codes(batch.x), strict=True):
            if name in where:
                fits &= torch.isin(k, torch.tensor(where[name]))
        return fits

    def share(self, where):
        return math.prod(float(m[where[n]].sum()) for n, m in (("a", A), ("b", B)) if n in where)


def requests():
    g, codec = Pairs(), PairCodec()
    return Requests(
        lambda z, c: Batch(g(z, c), c), lambda s, k: torch.from_numpy(normal(s, 2, k)),
        g.nll, codec, 5,
    )  # fmt: skip


def shares(where):
    """How often each pair is chosen."""
    a, b = codes(requests().choose(range(N), where)[0].x)
    return torch.bincount(4 * a + b, minlength=16).view(4, 4) / N


def among(where):
    """The distribution of pairs that fit."""
    fits = torch.tensor([[a in where.get("a", range(4)) and b in where.get("b", range(4))
                          for b in range(4)] for a in range(4)])  # fmt: skip
    return torch.where(fits, JOINT, 0) / torch.where(fits, JOINT, 0).sum()


def chosen(proposal, weights):
    """The distribution of one of so many draws from a proposal, chosen by weights: enumerated."""
    found = torch.zeros(len(proposal), dtype=torch.float64)
    for counts in product(range(CANDIDATES + 1), repeat=len(proposal)):
        if sum(counts) == CANDIDATES:
            n = torch.tensor(counts, dtype=torch.float64)
            ways = math.factorial(CANDIDATES) / math.prod(map(math.factorial, counts))
            if (n * weights).sum() > 0:
                found += ways * (proposal**n).prod() * n * weights / (n * weights).sum()
    return found / found.sum()


@pytest.mark.parametrize("where", [{"b": [1]}, {"a": [1, 2], "b": [0, 1]}, {"a": [3]}])
def test_frequent_requests_are_drawn_from_the_very_samples_that_fit(where):
    assert PairCodec().share(where) >= OFTEN
    torch.testing.assert_close(shares(where), among(where), rtol=0, atol=0.02)


def test_rare_requests_come_as_close_as_the_candidates_allow():
    where = {"b": [2]}
    assert PairCodec().share(where) < OFTEN
    found, truth = shares(where)[:, 2], among(where)[:, 2]
    expected = chosen(A.double(), (JOINT[:, 2] / A).double())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=0.02)
    assert (found - truth).abs().sum() < 0.3 * (A - truth).abs().sum()


def test_among_several_rare_values_each_comes_as_often_as_among_all_samples():
    where = {"b": [2, 3]}
    found = shares(where)
    torch.testing.assert_close(found.sum(0), among(where).sum(0), rtol=0, atol=0.04)
    assert found[3, 3] == 0  # these never occur together


def test_values_that_are_frequent_alone_and_rare_together():
    where = {"a": [0], "b": [1]}
    assert PairCodec().share(where) > among({})[0, 1]
    assert shares(where)[0, 1] == 1


@pytest.mark.parametrize("where", [{"b": [1]}, {"b": [2, 3]}])
def test_a_sample_depends_on_its_seed_alone(where):
    found, winners = requests().choose(range(100), where)
    some, index = requests().choose([71, 5], where)
    assert torch.equal(some.x, found.x[[71, 5]])
    assert torch.equal(index, winners[[71, 5]])
    g = Pairs()
    z = torch.cat([requests().latents([i], int(k)) for i, k in enumerate(winners)])
    assert torch.equal(g(z, found.c), found.x)  # the latent and the condition that it came from


def test_the_sampler_meets_requests_whatever_the_number_of_samples():
    codec = PairCodec()
    sampler = Sampler(Pairs(), codec, 2, torch.device("cpu"), likelihood=Pairs().nll)
    whole = [s.item for s in sampler.sample(200, 0, {"b": [2]})]
    assert {b for _, b in whole} == {2}
    assert [s.item for s in sampler.sample(3, 150, {"b": [2]})] == whole[150:153]


@pytest.mark.parametrize("where", [{"b": [0]}, {"b": [2]}, {"b": [2, 3]}, {"a": [0], "b": [2]}])
def test_the_probability_of_a_request(where):
    expected = among({})[
        tuple(
            torch.meshgrid(
                torch.tensor(where.get("a", range(4))), torch.tensor(where["b"]), indexing="ij"
            )
        )
    ]
    assert requests().probability(where) == pytest.approx(float(expected.sum()), rel=0.15)
