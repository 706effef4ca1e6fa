"""Blocks, and packing against the paper's arithmetic."""

from __future__ import annotations

import pyarrow as pa
import pytest
import torch

import gankit
from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.data.rows import Rows
from gankit_tabular.networks import one_shot as networks
from gankit_tabular.networks.one_shot import Discriminator

ROWS = [{"a": i * 0.37, "b": f"w{i % 3}", "c": i % 5} for i in range(200)]


@pytest.fixture
def packed():
    table = pa.Table.from_pylist(ROWS)
    codec = TableCodec.fit(table, Resolution(4))
    torch.manual_seed(0)
    D = Discriminator(codec.columns, codec.blocks, codec.conditions.width, 16, 1, pack=4)
    batch = codec.prepare(codec.encode(Rows(table), None))
    return D, batch.x, torch.zeros_like(batch.c)


def test_a_pack_has_one_logit(packed):
    D, x, c = packed
    logits = D(x[:10], c[:10])
    assert logits.shape == (10,)
    assert (logits[:4] == logits[0]).all()
    assert logits[4] != logits[0]
    # The first rows fill up the last pack.
    filled = torch.cat([x[8:10], x[:2]])
    assert torch.allclose(D(filled, c[:4])[0], logits[8])
    # A row's logit depends on the other rows of its pack.
    other = x[:4].clone()
    other[3] = x[20]
    assert D(other, c[:4])[0] != logits[0]


def test_the_penalty_sees_the_norm_over_a_pack(packed):
    D, x, c = packed
    x = x[:8].clone().requires_grad_()
    (each,) = torch.autograd.grad(D(x, c[:8]).sum(), x)
    one = (D(x, c[:8])[::4] * 2).sum()  # the packs' logits before the division by √4
    (whole,) = torch.autograd.grad(one, x)
    assert torch.allclose(each.square().sum(1), 4 * whole.square().sum(1), rtol=1e-4)


@pytest.mark.filterwarnings("ignore:.*hardly different from training items")
def test_the_recipe_trains_without_resampling(tmp_path):
    settings = {"train__samples": 400, "train__batch": 40, "train__threads": 1, "hidden": 16}
    run = gankit.fit(
        "tabular", ROWS, recipe="wgan-gp", out=tmp_path / "a", device="cpu", **settings
    )
    assert len(run.sample(5)) == 5
    with pytest.raises(GankitError, match="its logits depend on the whole batch"):
        gankit.fit(
            "tabular",
            ROWS,
            recipe="wgan-gp",
            out=tmp_path / "b",
            device="cpu",
            resampling__candidates=2,
            **settings,
        )


def test_both_ways_to_sum_blocks_agree(monkeypatch):
    sizes = [3, 40, 9, 2]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    blocks = [
        networks.Block(i, a, n, 0, 0, -1)
        for i, (a, n) in enumerate(zip(starts, sizes, strict=True))
    ]
    x = torch.randn(5, sum(sizes))
    expected = torch.stack([part.sum(1) for part in x.split(sizes, 1)], 1)
    dense = networks.PaddedBlocks(blocks, sum(sizes))
    monkeypatch.setattr(networks, "DENSE", 0)
    gathered = networks.PaddedBlocks(blocks, sum(sizes))
    assert dense.ones is not None
    assert gathered.ones is None
    for padded in (dense, gathered):
        torch.testing.assert_close(padded.sums(x), expected)
