from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Categorical, Condition, Continuous
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.interpolation import slerp
from gankit.engine.sampling.sampler import Sampler
from gankit.errors import GankitError

CONDITION = Condition((Categorical("kind", ("a", "b")), Continuous("size", mean=10, scale=2)))
ROWS = torch.tensor([[1, 0, -1.0], [0, 1, 0.0], [0, 1, 3.0]])


@pytest.fixture(scope="module")
def sampler():
    from vectors import MLP, VectorCodec

    torch.manual_seed(0)
    table = ConditionTable(torch.eye(3), torch.tensor([1.0, 1.0, 2.0]))
    return Sampler(MLP(4, 2), VectorCodec(), 4, table, torch.device("cpu"))


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 300), n=st.integers(1, 150))
def test_an_item_depends_on_its_seed_alone(sampler, start, n):
    """Bit for bit, whatever else is asked for."""
    whole = {s.seed: s.item for s in sampler.sample(460, 0)}
    for s in sampler.sample(n, start):
        assert s.item == whole[s.seed]


def test_seeds_are_consecutive_and_items_differ(sampler):
    samples = list(sampler.sample(100, 17))
    assert [s.seed for s in samples] == list(range(17, 117))
    assert len({s.item for s in samples}) == 100


def test_generating_in_bf16_stays_close(sampler):
    half = Sampler(
        sampler.generator,
        sampler.codec,
        4,
        sampler.conditions,
        sampler.device,
        autocast=torch.bfloat16,
    )
    z, c = sampler.latents(range(64)), sampler.draw_conditions(range(64), {})
    exact, near = sampler.generate(z, c).x, half.generate(z, c).x
    assert near.dtype == torch.float32
    assert not torch.equal(exact, near)
    assert (exact - near).abs().max() < 0.05


def test_asked_condition_is_kept_and_named(sampler):
    samples = list(sampler.sample(30, where={"kind": "b"}))
    assert {s.condition["kind"] for s in samples} == {"b"}
    assert {s.item[1] for s in samples} == {1}


def test_unasked_conditions_follow_the_training_data(sampler):
    kinds = [s.condition["kind"] for s in sampler.sample(2000)]
    assert kinds.count("c") / 2000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"kind": "z"}, "no such kind"),
        ({"knd": "a"}, "not conditioned on 'knd'. Did you mean kind"),
    ],
)
def test_impossible_conditions(sampler, where, says):
    with pytest.raises(GankitError, match=says):
        list(sampler.sample(3, where=where))


def test_other_fields_come_from_rows_that_fit():
    table = ConditionTable(ROWS, torch.ones(3))
    c = table.draw(CONDITION, range(50), {"kind": "a"})
    assert c.unique(dim=0).tolist() == [[1, 0, -1.0]]


def test_quantities_are_standardised():
    table = ConditionTable(ROWS, torch.ones(3))
    c = table.draw(CONDITION, range(20), {"size": "14"})
    assert (c[:, 2] == 2.0).all()
    assert CONDITION.decode(c[0].tolist())["size"] == 14.0
    with pytest.raises(GankitError, match="not a number"):
        table.draw(CONDITION, [0], {"size": "big"})


def test_table_counts_training_rows():
    c = torch.eye(3)[[0, 0, 0, 2]]
    table = ConditionTable.from_training(c, seed=0)
    weight = {tuple(r.tolist()): w for r, w in zip(table.rows, table.weights.tolist(), strict=True)}
    assert weight == {(1, 0, 0): 3.0, (0, 0, 1): 1.0}


# --- Between two seeds --------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_ends_are_the_items_of_their_seeds(sampler, data):
    """Bit for bit, with the condition that is asked or else the first one's."""
    first = data.draw(st.integers(0, 300))
    last = data.draw(st.integers(0, 300).filter(lambda s: s != first))
    n, where = data.draw(st.integers(2, 150)), data.draw(st.sampled_from([{}, {"kind": "b"}]))
    way = list(sampler.between(first, last, n, where))
    assert len(way) == n
    assert len({s.seed for s in way}) == n
    (start,) = sampler.sample(1, first, where)
    (stop,) = sampler.sample(1, last, start.condition)
    assert (way[0], way[-1]) == (start, stop)
    assert {s.condition["kind"] for s in way} == {start.condition["kind"]}


def test_what_lies_between_follows_the_circle(sampler):
    c = sampler.draw_conditions([5], {})
    z = slerp(sampler.latents([5]), sampler.latents([8]), torch.tensor([0.25]))
    expected = float(sampler.generate(z, c).x[0, 0])
    quarter, again = list(sampler.between(5, 8, 5))[1], list(sampler.between(5, 8, 9))[2]
    assert quarter.item[0] == pytest.approx(expected, abs=1e-6)
    assert again.item[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("block", [1, 3, 64])
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_blocks_of_any_size_give_the_same_way(sampler, monkeypatch, block, n):
    whole = [s.item[0] for s in sampler.between(2, 9, n)]
    monkeypatch.setattr(sampler.codec, "decode_batch_size", block)
    assert [s.item[0] for s in sampler.between(2, 9, n)] == pytest.approx(whole, abs=1e-6)


@given(st.integers(1, 2**40), st.floats(0, 1))
def test_a_great_circle(seed, t):
    """The angle grows evenly, and the length from the one to the other."""
    a, b = torch.randn(2, 1, 16, generator=torch.Generator().manual_seed(seed))

    def angle(x, y):
        x, y = x.double() / x.double().norm(), y.double() / y.double().norm()
        return 2 * math.asin(min(float((x - y).norm()) / 2, 1))

    z = slerp(a, b, torch.tensor([t]))
    assert angle(a, z) == pytest.approx(t * angle(a, b), abs=1e-5)
    assert angle(z, b) == pytest.approx((1 - t) * angle(a, b), abs=1e-5)
    assert float(z.norm()) == pytest.approx(float((1 - t) * a.norm() + t * b.norm()), rel=1e-5)
    ends = slerp(a, b, torch.tensor([0.0, 1.0]))
    assert torch.allclose(ends, torch.cat([a, b]), atol=1e-6)


@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (-1.0, 3.0), (0.0, 2.0)])
def test_latents_of_one_dimension_have_a_straight_way(a, b):
    middle = slerp(torch.tensor([[a]]), torch.tensor([[b]]), torch.tensor([0.5]))
    if a:
        assert float(middle) == pytest.approx((a + b) / 2)
    assert bool(middle.isfinite().all())
