"""Drawing by seed and condition, and interpolating between two seeds."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Categorical, Condition, Continuous
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.interpolation import slerp
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.sampling.walks import between
from gankit.errors import GankitError

CONDITION = Condition((Categorical("kind", ("a", "b")), Continuous("size", mean=10, scale=2)))
ROWS = torch.tensor([[1, 0, -1.0], [0, 1, 0.0], [0, 1, 3.0]])


@pytest.fixture(scope="module")
def sampler():
    from vectors import MLP, VectorCodec

    torch.manual_seed(0)
    table = ConditionTable(torch.eye(3), torch.tensor([1.0, 1.0, 2.0]))
    return Sampler(MLP(4, 2), VectorCodec(), 4, torch.device("cpu"), conditions=table)


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 300), n=st.integers(1, 150))
def test_an_item_depends_on_its_seed_alone(sampler, start, n):
    """Bit for bit, independent of the number requested."""
    whole = {s.seed: s.item for s in sampler.sample(460, 0)}
    for s in sampler.sample(n, start):
        assert s.item == whole[s.seed]


def test_seeds_are_consecutive_and_items_differ(sampler):
    samples = list(sampler.sample(100, 17))
    assert [s.seed for s in samples] == list(range(17, 117))
    assert len({s.item for s in samples}) == 100


def test_generating_in_bf16_stays_close(sampler):
    half = dataclasses.replace(sampler, autocast=torch.bfloat16)
    z, c = sampler.latents(range(64)), sampler.draw_conditions(range(64), {})
    exact, near = sampler.generate(z, c).x, half.generate(z, c).x
    assert near.dtype == torch.float32
    assert not torch.equal(exact, near)
    assert (exact - near).abs().max() < 0.05


def test_a_requested_condition_is_kept_and_named(sampler):
    samples = list(sampler.sample(30, where={"kind": "b"}))
    assert {s.condition["kind"] for s in samples} == {"b"}
    assert {s.item[1] for s in samples} == {1}


def test_conditions_that_are_not_requested_follow_the_training_data(sampler):
    kinds = [s.condition["kind"] for s in sampler.sample(2000)]
    assert kinds.count("c") / 2000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"kind": "z"}, "no such kind"),
        ({"knd": "a"}, "not conditioned on 'knd'. Did you mean kind"),
    ],
)
def test_impossible_conditions(sampler, where, message):
    with pytest.raises(GankitError, match=message):
        list(sampler.sample(3, where=where))


def test_other_fields_come_from_rows_that_fit():
    table = ConditionTable(ROWS, torch.ones(3))
    c = table.draw(CONDITION, range(50), {"kind": "a"})
    assert c.unique(dim=0).tolist() == [[1, 0, -1.0]]


def test_numbers_are_standardised():
    table = ConditionTable(ROWS, torch.ones(3))
    c = table.draw(CONDITION, range(20), {"size": "14"})
    assert (c[:, 2] == 2.0).all()
    assert CONDITION.decode(c[0].tolist())["size"] == 14.0
    for wrong in ("big", "nan", "inf", "1e999"):
        with pytest.raises(GankitError, match=f"size={wrong}: not a number"):
            table.draw(CONDITION, [0], {"size": wrong})


def test_table_counts_training_rows():
    c = torch.eye(3)[[0, 0, 0, 2]]
    table = ConditionTable.from_training(c, seed=0)
    weight = {tuple(r.tolist()): w for r, w in zip(table.rows, table.weights.tolist(), strict=True)}
    assert weight == {(1, 0, 0): 3.0, (0, 0, 1): 1.0}


def test_the_codec_gets_seeds_and_requested_conditions(sampler):
    """Also for interpolated items; what was not requested is not passed."""
    seen = []

    class Noting(type(sampler.codec)):
        def decode(self, batch, seeds, where=None):
            seen.append((list(seeds), dict(where)))
            return super().decode(batch, seeds, where)

    noting = dataclasses.replace(sampler, codec=Noting())
    list(noting.sample(2, 7, {"kind": "b"}))
    list(noting.sample(1, 9))
    list(between(noting, (3, 5), 3, {"kind": "a"}))
    interpolated = [([n], {"kind": "a"}) for n in (3, 6, 5)]
    assert seen == [([7, 8], {"kind": "b"}), ([9], {}), *interpolated]


def test_a_codec_may_sample_its_own_conditions(sampler):
    class Own(type(sampler.codec)):
        def sample_conditions(self, where, seeds):
            return torch.eye(3)[[seed % 2 for seed in seeds]] if where else None

    own = dataclasses.replace(sampler, codec=Own())
    kinds = [s.condition["kind"] for s in own.sample(6, 10, {"anything": "at all"})]
    assert kinds == ["a", "b"] * 3
    default = [s.condition for s in sampler.sample(20)]
    assert [s.condition for s in own.sample(20)] == default


# --- Between two seeds --------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_ends_are_the_items_of_their_seeds(sampler, data):
    """Bit for bit, with the requested condition, or else the first one's."""
    first = data.draw(st.integers(0, 300))
    last = data.draw(st.integers(0, 300).filter(lambda s: s != first))
    n, where = data.draw(st.integers(2, 150)), data.draw(st.sampled_from([{}, {"kind": "b"}]))
    path = list(between(sampler, (first, last), n, where))
    assert len(path) == n
    assert len({s.seed for s in path}) == n
    (start,) = sampler.sample(1, first, where)
    (stop,) = sampler.sample(1, last, start.condition)
    assert (path[0], path[-1]) == (start, stop)
    assert {s.condition["kind"] for s in path} == {start.condition["kind"]}


def test_interpolated_items_follow_the_circle(sampler):
    c = sampler.draw_conditions([5], {})
    z = slerp(sampler.latents([5]), sampler.latents([8]), torch.tensor([0.25]))
    expected = float(sampler.generate(z, c).x[0, 0])
    quarter, again = list(between(sampler, (5, 8), 5))[1], list(between(sampler, (5, 8), 9))[2]
    assert quarter.item[0] == pytest.approx(expected, abs=1e-6)
    assert again.item[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("block", [1, 3, 64])
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_batches_of_any_size_give_the_same_path(sampler, monkeypatch, block, n):
    whole = [s.item[0] for s in between(sampler, (2, 9), n)]
    monkeypatch.setattr(sampler.codec, "decode_batch_size", block)
    assert [s.item[0] for s in between(sampler, (2, 9), n)] == pytest.approx(whole, abs=1e-6)


@given(st.integers(1, 2**40), st.floats(0, 1))
def test_angle_and_length_grow_linearly(seed, t):
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
def test_latents_of_one_dimension_are_interpolated_linearly(a, b):
    middle = slerp(torch.tensor([[a]]), torch.tensor([[b]]), torch.tensor([0.5]))
    if a:
        assert float(middle) == pytest.approx((a + b) / 2)
    assert bool(middle.isfinite().all())
