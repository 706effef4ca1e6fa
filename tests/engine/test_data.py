"""Batches of real samples: their order, caching, streaming, and parts of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Batch, Codec, Layout
from gankit.engine.data import RealSamples, sample_order


class Numbers(Codec):
    layout = Layout((1,))

    def encode(self, items, rng):
        return Batch(torch.tensor(items, dtype=torch.float32)[:, None])

    def decode(self, batch, seeds):
        return batch.x[:, 0].tolist()

    def state(self):
        raise NotImplementedError


def reals(n=100, **given):
    given = {"batch": 8, "seed": 1, "device": torch.device("cpu")} | given
    return RealSamples(list(range(n)), Numbers(), **given)


def draw(source, batches):
    return [source.next().x[:, 0].tolist() for _ in range(batches)]


@given(st.integers(1, 50), st.integers(0, 5), st.integers(0, 200))
def test_an_epoch_visits_everything_once(n, seed, start):
    start = start // n * n
    assert sorted(itertools.islice(sample_order(n, seed, start), n)) == list(range(n))


@given(st.integers(1, 50), st.integers(0, 200))
def test_order_is_a_function_of_the_position(n, start):
    whole = list(itertools.islice(sample_order(n, 0, 0), start + 20))
    assert list(itertools.islice(sample_order(n, 0, start), 20)) == whole[start:]


def test_epochs_and_seeds_differ():
    first = list(itertools.islice(sample_order(50, 0, 0), 100))
    assert first[:50] != first[50:]
    assert first[:50] != list(itertools.islice(sample_order(50, 1, 0), 50))


def test_seeking_continues_with_the_next_batch():
    a, b = reals(), reals()
    draw(a, 5)
    b.seek(a.position)
    assert draw(a, 20) == draw(b, 20)


@pytest.mark.parametrize("workers", [0, 1])
def test_streaming_gives_what_caching_gives(workers):
    cached, streamed = reals(), reals(cache="never", workers=workers)
    assert cached.cached
    assert not streamed.cached
    assert draw(cached, 6) == draw(streamed, 6)
    streamed.seek(cached.position)
    assert draw(cached, 3) == draw(streamed, 3)


def test_processes_share_a_batch():
    whole = reals(batch=8)
    parts = [reals(batch=4, share=(rank, 2)) for rank in (0, 1)]
    for _ in range(30):
        both = [part.next().x[:, 0].tolist() for part in parts]
        assert sorted(both[0] + both[1]) == sorted(whole.next().x[:, 0].tolist())
    assert parts[0].position == whole.position


def test_data_that_does_not_fit_is_streamed(monkeypatch):
    monkeypatch.setattr("gankit.engine.data._free_memory", lambda device: 100.0)
    assert not reals(cache="auto").cached
    assert reals(cache="always").cached


def test_data_that_cannot_be_encoded_in_the_time_left_is_streamed():
    """What is drawn stays the same."""
    late = reals(3000, time_left=lambda: 0.0)
    assert not late.cached
    assert reals(3000, time_left=lambda: 1e6).cached
    assert reals(3000, time_left=lambda: 0.0, cache="always").cached
    assert draw(late, 3) == draw(reals(3000), 3)


def test_random_encodings_are_not_cached():
    class Noisy(Numbers):
        deterministic = False

        def encode(self, items, rng: np.random.Generator):
            return Batch(torch.from_numpy(rng.normal(size=(len(items), 1))).float())

    def source(**given):
        device = torch.device("cpu")
        return RealSamples(
            [0] * 10, Noisy(), batch=5, seed=0, device=device, cache="always", **given
        )

    a, b = source(), source()
    first = draw(a, 3)
    assert first[0] != first[1]
    b.seek(5)
    assert draw(b, 2) == first[1:]
    processes = [source(share=(rank, 2)) for rank in (0, 1)]
    drawn = [batch for one in processes for batch in draw(one, 3)]
    assert len({tuple(batch) for batch in drawn}) == 6  # each draws its own random numbers


def test_items_are_read_together_where_the_sequence_can():
    class Together(list):
        def __getitems__(self, indices):
            return [self[int(i)] for i in indices]

        def __getitem__(self, i):
            fetched.append(i)
            return super().__getitem__(i)

    fetched: list[int] = []
    source = RealSamples(
        Together(range(50)), Numbers(), batch=8, seed=1, device=torch.device("cpu"), cache="never"
    )
    assert len(source.next()) == 8
    assert len(fetched) == 8


def test_only_items_that_will_be_seen_are_encoded(monkeypatch):
    monkeypatch.setattr("gankit.engine.data.FEW", 10)
    assert not reals(100, visits=50).cached
    assert reals(100, visits=200).cached
    assert reals(100).cached
    assert draw(reals(100, visits=50), 3) == draw(reals(100), 3)
