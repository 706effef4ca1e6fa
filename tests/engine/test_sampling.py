from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Classes, Condition, Quantity
from gankit.engine.sampling import ConditionTable, Sampler
from gankit.errors import GankitError

CONDITION = Condition((Classes("kind", ("a", "b")), Quantity("size", mean=10, scale=2)))
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
