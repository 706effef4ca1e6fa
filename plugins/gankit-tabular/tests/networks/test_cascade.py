"""The cascade: a likelihood that sums to one, drawn as it is computed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows
from gankit_tabular.networks import cascade as module
from gankit_tabular.networks.cascade import Cascade
from gankit_tabular.networks.order import value_table


def table(n=600):
    rng = np.random.default_rng(0)
    start = rng.integers(0, 5000, n)
    return pa.table(
        {
            "kind": rng.choice(["a", "b", "c"], n),
            "start": start,
            "end": start + rng.integers(1, 9, n),
            "price": np.round(rng.gamma(2, 10, n), 2),
            "gaps": pa.array([None if i % 5 == 0 else float(i % 150) for i in range(n)]),
        }
    )


def cascade(codec, **options):
    torch.manual_seed(1)
    made = Cascade(codec.columns, codec.blocks, codec.condition_blocks, 8, **options)
    with torch.no_grad():
        for p in made.output:
            p.mul_(40)  # far from independent
    return made.eval()


@pytest.fixture(scope="module")
def codec():
    return TableCodec.fit(table(), TWO_DIGITS)


@pytest.mark.parametrize("wide", [False, True])
def test_rows_are_drawn_with_the_probability_that_the_likelihood_states(codec, wide, monkeypatch):
    monkeypatch.setattr(module, "WIDE", 2 if wide else 1000)
    monkeypatch.setattr(module, "TOGETHER", 3)
    g, n = cascade(codec, after=codec.relations.after()), 64
    c = torch.zeros(n, codec.conditions.width)
    probabilities = []
    real = torch.softmax

    def noted(x, dim=None, **_):
        p = real(x, dim)
        probabilities.append(p)
        return p

    monkeypatch.setattr(torch.Tensor, "softmax", lambda self, dim: noted(self, dim))
    x = g(torch.randn(n, g.digits), c)
    hot = [x[:, s : s + k].bool() for s, k in zip(g.starts, g.sizes, strict=True)]
    drawn = [p[h] for p, h in zip(probabilities, hot, strict=True)]
    expected = -torch.stack(drawn).log().sum(0)
    torch.testing.assert_close(g.nll(x, c), expected, rtol=1e-4, atol=1e-4)


def test_of_several_codes_one_is_drawn_with_what_is_left_of_its_probability(codec):
    g, n, width = cascade(codec), 64, codec.conditions.width
    j, b = next((i, b) for i, b in enumerate(codec.blocks) if b.codes > 2)
    z, some, free = torch.randn(n, g.digits), torch.zeros(n, width), torch.zeros(n, width)
    some[:, [b.start, b.start + 2]] = 1
    x = g(z, some)
    drawn = x[:, b.slice].argmax(1)
    assert set(drawn.tolist()) == {0, 2}
    codes = g.codes(x)[0]
    each = []
    for code in range(b.codes):
        other = codes.clone()
        other[:, j] = code
        each.append(-torch.stack([g.losses(other, c)[:, j] for c in (some, free)]))
    p = torch.stack(each).exp()  # (codes, 2, n)
    torch.testing.assert_close(p[:, 0].sum(0), torch.ones(n))
    left = p[[0, 2], 1] / p[[0, 2], 1].sum(0)
    torch.testing.assert_close(p[[0, 2], 0], left, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(g.part_nll(x, some).sum(1), g.nll(x, some))


def test_requested_codes_are_taken_and_not_counted(codec):
    g, n = cascade(codec), 32
    batch = codec.prepare(codec.encode(Rows(table())[:n], np.random.default_rng(0)))
    c = torch.zeros(n, codec.conditions.width)
    c[:, : codec.width] = batch.x
    assert torch.equal(g(torch.randn(n, g.digits), c), batch.x)
    assert torch.equal(g.nll(batch.x, c), torch.zeros(n))


def test_every_pair_of_digits_decodes_to_a_value_of_its_bin(codec):
    g = cascade(codec)
    x = g(torch.randn(256, g.digits), torch.zeros(256, codec.conditions.width))
    for column in codec.columns:
        if column.modelled and column.cells:
            first, second = (
                x[:, b.slice].argmax(1) for b in codec.blocks if codec.columns[b.column] is column
            )
            assert (second < torch.tensor(column.choices)[first]).all()


def test_gradients_pass_through_draws_in_training_mode(codec):
    g = cascade(codec).train()
    x = g(torch.randn(16, g.digits), torch.zeros(16, codec.conditions.width))
    weight = torch.randn(x.shape[1])
    (x * weight).sum().backward()
    assert g.embedding.grad.abs().sum() > 0
    hard = x.detach()
    torch.testing.assert_close(hard, hard.round(), atol=1e-6, rtol=0)


def test_values_near_the_largest_number_stay_finite():
    values = 10 ** np.random.default_rng(0).uniform(0, 307.9, 500)
    (column,) = TableCodec.fit(pa.table({"x": values}), TWO_DIGITS).columns
    ranks, scaled = value_table(column).T
    assert torch.isfinite(ranks).all()
    assert scaled.abs().max() <= 5
    assert scaled.std() > 0


def test_the_gradient_of_a_large_batch_is_computed_in_parts(codec, monkeypatch):
    g, rows = cascade(codec), Rows(table())
    batch = codec.prepare(codec.encode(rows, np.random.default_rng(0)))

    def gradient():
        g.zero_grad()
        g.nll(batch.x, batch.c).mean().backward()
        return g.inner.grad.clone()

    whole = gradient()
    monkeypatch.setattr(module, "HELD", 100 * g.units * g.digits)
    assert torch.allclose(gradient(), whole, atol=1e-6)
