"""The codec's state."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import torch

from gankit.contract import Batch, CodecState
from gankit_tabular.codec.codec import TableCodec


def table(n=300):
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "price": rng.lognormal(3, 1, n).round(2),
            "shop": rng.choice(["A", "B", "C"], n).tolist(),
        }
    )


def test_a_state_without_the_newer_fields_loads():
    codec = TableCodec.fit(table())
    new = ("ordered", "format", "hidden", "computed", "joint")
    config = json.loads(json.dumps(codec.state().config))
    assert set(config) == {"columns"}
    old = [{k: v for k, v in c.items() if k not in new} for c in config["columns"]]
    again = TableCodec.load(CodecState({"columns": old}))
    assert again.layout == codec.layout
    where, seeds = {"price": "20..30"}, range(64)
    x = torch.rand(64, codec.layout.shape[0], generator=torch.Generator().manual_seed(0))
    rows = [
        each.decode(Batch(x, each.sample_conditions(where, seeds)), seeds, where)
        for each in (codec, again)
    ]
    assert rows[0] == rows[1]
    assert all(20 <= row["price"] <= 30 for row in rows[0])
