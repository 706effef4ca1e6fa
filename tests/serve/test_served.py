"""Runs as they are served: shared batches, newer exports, caches, waiting."""

from __future__ import annotations

import shutil
import threading

import pytest

import gankit
from gankit.contract import Batch
from gankit.serve.cache import SizedCache
from gankit.serve.query import Query
from gankit.serve.served import Served, served_runs
from gankit.serve.worker import BusyError, Worker


@pytest.fixture
def served(points):
    return Served(points, "points", "cpu", 2**20)


def test_fresh_requests_share_a_batch(served):
    batches = served.batches()
    size = served.batch_size
    seen = []
    for _ in range(4):
        query = Query(n=size // 4, seed=served.fresh(size // 4), rendered=False)
        seen += [sample.seed for sample in served.draw(query, batches).samples]
    assert batches.computed == 1
    assert len(set(seen)) == size


def test_a_request_is_not_split_over_two_batches(served):
    size = served.batch_size
    for n in (size - 1, 2, size, 3 * size):
        first = served.fresh(n)
        assert n > size or first // size == (first + n - 1) // size


def test_shared_batches_give_what_generating_gives(served, points):
    """Also across the end of a batch, and whoever asked before."""
    size = served.batch_size
    served.draw(Query(n=3, seed=size - 8, rendered=False))
    drawn = served.draw(Query(n=6, seed=size - 3, where=(("label", "a"),), rendered=False))
    expected = gankit.load(points).sample(6, seed=size - 3, where={"label": "a"})
    assert [s.item for s in drawn.samples] == [s.item for s in expected.samples]


def test_a_newer_export_is_served(points, tmp_path, monkeypatch):
    folder = tmp_path / "points"
    shutil.copytree(points, folder)
    monkeypatch.setattr("gankit.serve.served.CHECKED", 0.0)
    served = Served(folder, "points", "cpu", 2**20)
    query = Query(n=1, seed=3)
    before = served.draw(query)
    generator = folder / "model" / "generator.safetensors"
    good = generator.read_bytes()
    generator.write_bytes(good[: len(good) // 2])  # as a reader of a copy in progress sees it
    assert served.draw(query).trained == before.trained
    assert "a newer export cannot be read" in served.warning
    generator.write_bytes(good)
    served.draw(query)
    assert served.warning == ""
    same = {"conditional": True, "hidden": 8, "train__batch": 32, "train__threads": 1}
    gankit.fit("toy", points.parent / "real.csv", out=folder, train__samples=640, **same)
    after = served.draw(query)
    assert after.trained == 640
    assert after.samples[0].item != before.samples[0].item
    assert after.shown[0].address != before.shown[0].address


def test_names_are_distinct(points, tmp_path):
    shutil.copytree(points / "model", tmp_path / "points")
    assert [run.name for run in served_runs([points, tmp_path / "points"], "cpu", 1)] == [
        "points",
        "points-2",
    ]


def test_a_cache_stays_within_its_bytes():
    cache = SizedCache[str](10_000)
    for i in range(20):
        cache.put(i, str(i), 3000)
    assert cache.size <= 10_000
    assert cache.get(19) == "19"
    assert cache.get(0) is None
    cache.put("large", "x", 10_000)
    assert cache.get("large") is None
    assert cache.size <= 10_000


def test_batches_are_kept_within_their_bytes(points):
    served = Served(points, "points", "cpu", 4096)
    for seed in range(0, 20_000, 500):
        served.draw(Query(n=1, seed=seed))
    kept: SizedCache[Batch] = served._batches
    assert kept.size <= 4096
    assert served.items.size <= 4096


def test_too_many_waiting_requests_are_refused():
    worker, go = Worker(2), threading.Event()
    try:
        begun = threading.Event()
        busy = worker.call(lambda: begun.set() or go.wait())
        begun.wait(10)
        waiting = [worker.call(lambda: 1) for _ in range(2)]
        with pytest.raises(BusyError):
            worker.call(lambda: 1)
        worker.drain()
        for future in waiting:
            with pytest.raises(BusyError):
                future.result(timeout=10)
        with pytest.raises(BusyError):
            worker.call(lambda: 1)
        go.set()
        assert busy.result(timeout=10)
    finally:
        go.set()
        worker.close()


def test_what_breaks_is_told_to_who_asked():
    worker = Worker(2)
    try:
        with pytest.raises(ZeroDivisionError):
            worker.call(lambda: 1 // 0).result(timeout=10)
        assert worker.call(lambda: 2).result(timeout=10) == 2
    finally:
        worker.close()
