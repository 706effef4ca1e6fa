"""Candidates for an augmented data set: how many to generate, and which to drop."""

from __future__ import annotations

import weakref
from collections import Counter

import numpy as np
import pytest

from gankit.contract import Extractor, Sample
from gankit.errors import GankitError
from gankit.workflows.candidates import (
    AttributeView,
    CandidateFilter,
    Counts,
    Request,
    generated,
    plan,
    thin_requests,
)

REAL = [{"label": "a", "size": i} for i in range(6)] + [{"label": "b", "size": i} for i in range(2)]


def test_balancing_fills_up_every_class():
    assert plan(REAL, balance="label") == [Request(4, {"label": "b"})]
    assert plan(REAL[:2] + REAL[6:], balance="label") == []


def test_factor_and_number():
    assert plan(REAL, factor=2.5) == [Request(12, {})]
    assert plan(REAL, n=7, where={"label": "b"}) == [Request(7, {"label": "b"})]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "it is unclear how much to generate. Use one of"),
        ({"n": 3, "factor": 2.0}, "it is unclear how much to generate. Use one of"),
        ({"factor": 0.5}, "adds nothing"),
        ({"factor": float("nan")}, "adds nothing"),
        ({"factor": float("inf")}, "has no end"),
        ({"balance": "lable"}, "Did you mean label"),
    ],
)
def test_impossible_plans(given, message):
    with pytest.raises(GankitError, match=message):
        plan(REAL, **given)


def test_balancing_needs_2_to_100_classes():
    for count, classes in ((1, "1 class"), (101, "101 classes")):
        real = [{"key": i % count} for i in range(202)]
        with pytest.raises(GankitError, match=f"--balance key: it has {classes}. Use an attribute"):
            plan(real, balance="key")
    assert sum(request.count for request in plan(REAL, balance="size")) == 4


class Plain(Extractor[tuple[float, float]]):
    name, fingerprint = "plain", "1"

    def features(self, items):
        return np.array(items, dtype=np.float64)


@pytest.fixture
def real():
    rng = np.random.default_rng(0)
    left, right = rng.normal((-3, 0), 1, (150, 2)), rng.normal((3, 0), 1, (150, 2))
    return [tuple(p) for p in np.r_[left, right].tolist()], ["left"] * 150 + ["right"] * 150


def test_near_duplicates_outliers_and_wrong_classes_are_dropped(real):
    points, classes = real
    keep = CandidateFilter(Plain(), points, classes)
    assert keep([points[3]], "left") == ["near duplicate"]
    assert keep([(30.0, 30.0)], "left") == ["outlier"]
    assert keep([(-3.01, 0.02)], "right") == ["wrong class"]
    fresh = np.random.default_rng(5).normal((-3, 0), 0.5, (50, 2))
    assert Counter(keep([tuple(p) for p in fresh], "left"))[""] >= 45


def test_items_that_the_extractor_does_not_accept_are_invalid(real):
    class Picky(Plain):
        def accepts(self, item):
            return item[0] == item[0]

        def features(self, items):
            assert all(map(self.accepts, items))
            return super().features(items)

    keep, nothing = CandidateFilter(Picky(), *real), (float("nan"), 0.0)
    near, far = real[0][3], (30.0, 30.0)
    reasons = keep([nothing, near, far], "left")
    assert reasons == ["invalid", "near duplicate", "outlier"]
    assert keep([nothing], "left") == ["invalid"]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_all_copies_are_dropped_where_real_items_repeat(offset):
    """1 % of the real items occur twice, so the quantile of nearest distances is 0; and far from
    the origin the expanded square of a distance cancels: copies were kept."""
    rng = np.random.default_rng(3)
    points = rng.normal(offset, 1, (1000, 2))
    points[:10] = points[10:20]
    real = [tuple(p) for p in points.tolist()]
    keep = CandidateFilter(Plain(), real, None)
    assert keep(real, None) == ["near duplicate"] * 1000
    fresh = [tuple(p) for p in rng.normal(offset, 0.5, (100, 2)).tolist()]
    assert Counter(keep(fresh, None))[""] >= 95


def test_features_of_equal_items_may_differ_by_rounding(real):
    """As those of a network do, in another batch."""

    class Rounded(Plain):
        def features(self, items):
            return super().features(items).astype(np.float32) * (1 + 1e-7 * (len(items) % 2))

    points = [*real[0], *real[0][:6]]
    keep = CandidateFilter(Rounded(), points, None)
    assert [keep([p], None)[0] for p in points] == ["near duplicate"] * len(points)


class Stub:
    """A generator whose items are their seeds."""

    codec = None

    def sample(self, n, seed, where):
        return (Sample(seed + i, seed + i, where) for i in range(n))


def test_dropped_candidates_are_counted_and_replaced():
    counts = Counts()
    odd = lambda request: lambda items: ["odd" if i % 2 else "" for i in items]  # noqa: E731
    made = list(generated(Stub(), [Request(100, {"label": "b"})], odd, counts))
    assert len(made) == 100
    assert len({s.seed for s in made}) == 100
    assert all(s.item % 2 == 0 and s.condition == {"label": "b"} for s in made)
    assert counts.kept == 100
    assert counts.dropped["odd"] >= 99
    assert counts.missing == 0


def test_generated_keys_differ_from_those_of_the_real_items():
    class Unique:
        def __init__(self):
            self.taken = set()

        def reserve(self, real):
            self.taken |= set(real)

    class Source(Stub):
        codec = Unique()

        def sample(self, n, seed, where):
            free = (i for i in range(10**6) if i not in self.codec.taken)
            for i, key in zip(range(n), free, strict=False):
                self.codec.taken.add(key)
                yield Sample(key, seed + i, where)

    everything = lambda request: None  # noqa: E731
    made = list(generated(Source(), [Request(50, {})], everything, Counts(), alongside=range(30)))
    assert [s.item for s in made] == list(range(30, 80))


class Table:
    """Many real items, of which only a few may be held at a time."""

    def __init__(self, n):
        self.n, self.alive = n, weakref.WeakSet()

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        item = Held({"label": "ab"[i % 3 == 0]})
        self.alive.add(item)
        assert len(self.alive) < 10, "all are held"
        return item


class Held(dict):
    """A mapping that can be referenced weakly."""

    __hash__ = object.__hash__


def test_a_plan_does_not_hold_the_real_items():
    assert plan(AttributeView(Table(300), lambda item: item), balance="label") == [
        Request(100, {"label": "b"})
    ]


def test_impossible_requests_are_given_up():
    counts = Counts()
    never = lambda request: lambda items: ["no"] * len(items)  # noqa: E731
    assert list(generated(Stub(), [Request(10, {})], never, counts)) == []
    assert counts.missing == 10


def test_requests_that_far_exceed_their_real_items_are_warned_of():
    real = [{"label": "a"}] * 1497 + [{"label": "b"}] * 3
    (warning,) = thin_requests(plan(real, balance="label"), real)
    assert warning.startswith("1,494 generated items with label=b come from 3 real ones")
    assert thin_requests(plan(real, factor=2), real) == []
    (warning,) = thin_requests(plan(real, factor=20), real)
    assert warning.startswith("28,500 generated items come from 1,500 real ones")
    assert thin_requests([Request(5000, {"label": "a|b"})], real) == []
    assert "1 real one" in thin_requests([Request(11, {"x": 1})], [{"x": 1}])[0]
