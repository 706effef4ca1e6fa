"""The discriminator of the cascade's game: what it sees besides the digits."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows
from gankit_tabular.networks.critic import Critic


def table(n=800):
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "kind": rng.choice(["a", "b", "c"], n),
            "price": np.round(rng.gamma(2, 1000, n), 2),
            "rooms": pa.array(rng.integers(1, 9, n), mask=rng.random(n) < 0.1),
        }
    )


@pytest.fixture(scope="module")
def codec():
    return TableCodec.fit(table(), TWO_DIGITS)


@pytest.fixture(scope="module")
def x(codec):
    return codec.prepare(codec.encode(Rows(table())[:64], np.random.default_rng(0))).x


def critic(codec, pack=1):
    torch.manual_seed(0)
    return Critic(codec.columns, codec.blocks, 5, 16, 2, pack)


def test_it_sees_each_number_in_units_of_its_standard_deviation(codec, x):
    price = table().column("price").to_numpy()
    seen = critic(codec).values(x)
    assert seen.shape == (64, 2, 2)
    expected = torch.from_numpy((price[:64] - price.mean()) / price.std()).float()
    torch.testing.assert_close(seen[:, 0, 1], expected, atol=0.15, rtol=0)
    below = np.array([(price < p).mean() for p in price[:64]])
    expected = torch.from_numpy((below - 0.5) * np.sqrt(12)).float()
    torch.testing.assert_close(seen[:, 0, 0], expected, atol=0.05, rtol=0)
    missing = torch.tensor([v is None for v in table().column("rooms").to_pylist()[:64]])
    assert not seen[missing, 1].any()
    assert seen[~missing, 1].any(1).all()


def test_gradients_reach_both_digits_through_the_value(codec, x):
    x = x.clone().requires_grad_()
    d = critic(codec)
    d.values(x)[:, 0, 1].sum().backward()
    first, second = (b for b in codec.blocks if codec.columns[b.column].name == "price")
    assert x.grad[:, first.slice].any(1).all()
    assert x.grad[:, second.slice].any(1).all()


@pytest.mark.parametrize("pack", [1, 4])
def test_one_logit_a_row_or_the_same_for_those_packed_together(codec, x, pack):
    logits = critic(codec, pack)(x[:10], torch.zeros(10, 5))
    assert logits.shape == (10,)
    assert all(len(set(logits[i : i + pack].tolist())) == 1 for i in range(0, 10, pack))
    assert len(set(logits.tolist())) == -(-10 // pack)


def test_a_pack_sees_all_its_rows(codec, x):
    d, c = critic(codec, 4), torch.zeros(8, 5)
    other = x[:8].clone()
    other[1] = x[20]
    before, after = d(x[:8], c), d(other, c)
    assert (before[:4] != after[:4]).all()
    assert torch.equal(before[4:], after[4:])


def test_a_table_without_numbers():
    kinds = table().column("kind").to_pylist()
    some = pa.table({"kind": kinds, "other": kinds[::-1]})
    own = TableCodec.fit(some, TWO_DIGITS)
    x = own.prepare(own.encode(Rows(some)[:6], np.random.default_rng(0))).x
    assert critic(own).values(x).shape == (6, 0, 2)
    assert critic(own)(x, torch.zeros(6, 5)).isfinite().all()
