"""Unique keys: no two rows share one, in any block of seeds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.contract import Batch
from gankit.errors import GankitError


@pytest.fixture(scope="module")
def keyed():
    rng, n = np.random.default_rng(2), 400
    return pa.table(
        {
            "id": [f"K-{i:04d}x" for i in range(n)],
            "number": rng.permutation(n) + 1,
            "far": rng.choice(np.arange(100_000, 999_999), n, replace=False),
            "order": [i // 4 for i in range(n)],
            "line": [i % 4 + 1 for i in range(n)],
            "shop": ["ABCDEFGHIJ"[i % 10] for i in range(n)],
            "year": [1900 + 2 * (i // 10) for i in range(n)],
            "age": rng.integers(18, 90, n),
        }
    )


KEYS = ("unique: id", "unique: number", "unique: far", "unique: order, line", "unique: shop, year")


def test_keys_are_unique_across_blocks(keyed, fitted, generated):
    codec = fitted(keyed, *KEYS)
    rows = []
    for start in range(0, 384, 32):
        rows += generated(codec, seeds=range(start, start + 32), noise=start)[1]
    for names in (("id",), ("number",), ("far",), ("order", "line"), ("shop", "year")):
        assert len({tuple(r[n] for n in names) for r in rows}) == len(rows), names
    assert {len(r["id"]) for r in rows} == {7}
    alone = generated(codec, seeds=[77], noise=5)[1][0]
    for name in ("id", "number", "far", "shop", "year"):
        assert alone[name] == rows[77][name]


def test_conditions_on_a_part_of_a_key(keyed, fitted, generated):
    codec = fitted(keyed, *KEYS)
    rows = generated(codec, {"shop": "B", "line": "2", "year": "1910..1939"}, range(30))[1]
    assert {r["shop"] for r in rows} == {"B"}
    assert {r["line"] for r in rows} == {2}
    assert all(1910 <= r["year"] <= 1939 for r in rows)
    assert len({r["year"] for r in rows}) == 30
    codec = fitted(keyed, *KEYS)
    message = "unique: shop, year: 80 rows requested, but only 79 different values"
    with pytest.raises(GankitError, match=message):
        generated(codec, {"shop": "B"}, range(80))


def test_keys_differ_from_reserved_ones(keyed, fitted, generated):
    codec = fitted(keyed, *KEYS)
    real = keyed.to_pylist()
    before = generated(codec, seeds=range(300))[1]
    codec.reserve([{**row, "number": row["number"] + 1000} for row in real])
    rows = generated(codec, seeds=range(300))[1]
    for names in (("id",), ("far",), ("order", "line"), ("shop", "year")):
        mine = {tuple(r[n] for n in names) for r in rows}
        assert not mine & {tuple(r[n] for n in names) for r in real}, names
        assert len(mine) == 300
    assert min(r["number"] for r in rows) == 1401
    # 400 of 900,000 numbers are reserved: most keys are the same as before.
    assert sum(a["far"] == b["far"] for a, b in zip(before, rows, strict=True)) > 290


def decode(codec, seeds):
    x = torch.rand(len(seeds), codec.layout.shape[0])
    return codec.decode(Batch(x), seeds)


def test_too_many_rows_for_a_key(keyed, fitted):
    codec = fitted(keyed, "unique: far")
    decode(codec, [0, 899_999])
    message = "unique: far: 900,001 rows requested, but only 900,000 different values"
    with pytest.raises(GankitError, match=message):
        decode(codec, [900_000])


@pytest.fixture
def hundred(fitted):
    """A codec with a hundred keys, 60 of which are in the data."""
    table = pa.table({"id": [f"{i:02d}" for i in range(60)], "x": [1, 2, 3] * 20})
    return table, fitted(table, "unique: id")


def test_seeds_far_apart_belong_to_different_data_sets(hundred):
    """As those of requests to a server, or of repeated measurements."""
    _, codec = hundred
    for first in (0, 10_000_000, 20_000_000, 0):
        rows = list(decode(codec, range(first, first + 60)))
        rows += decode(codec, range(first + 60, first + 100))
        assert len({row["id"] for row in rows}) == 100
    with pytest.raises(GankitError, match="unique: id: 101 rows requested, but only 100 different"):
        decode(codec, [100])


def test_reserving_begins_a_data_set(hundred):
    table, codec = hundred
    decode(codec, range(100))
    codec.reserve(table.to_pylist())
    rows = decode(codec, range(70, 110))
    assert len({row["id"] for row in rows} - set(table["id"].to_pylist())) == 40
    with pytest.raises(GankitError, match="unique: id: 41 rows requested, but only 40 different"):
        decode(codec, [110])
