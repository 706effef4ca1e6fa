"""What is generated for a data set, what is dropped, and what the figures say."""

from __future__ import annotations

import json
import weakref
from collections import Counter

import numpy as np
import pytest

from gankit.contract import Extractor, Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.workflows.candidates import (
    AttributeView,
    CandidateFilter,
    Counts,
    Request,
    generated,
    plan,
)
from gankit.workflows.measure import Measured, verdict

REAL = [{"label": "a", "size": i} for i in range(6)] + [{"label": "b", "size": i} for i in range(2)]


def test_balance_brings_classes_level():
    assert plan(REAL, balance="label") == [Request(4, {"label": "b"})]
    assert plan(REAL[:2] + REAL[6:], balance="label") == []


def test_factor_and_number():
    assert plan(REAL, factor=2.5) == [Request(12, {})]
    assert plan(REAL, n=7, where={"label": "b"}) == [Request(7, {"label": "b"})]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Give one of"),
        ({"n": 3, "factor": 2.0}, "Give one of"),
        ({"factor": 0.5}, "adds nothing"),
        ({"balance": "lable"}, "Did you mean label"),
        ({"balance": "size", "where": {}}, ""),
    ],
)
def test_plans_that_cannot_be(asked, said):
    if not said:
        assert sum(w.count for w in plan(REAL, **asked)) == 4
        return
    with pytest.raises(GankitError, match=said):
        plan(REAL, **asked)


class Plain(Extractor[tuple[float, float]]):
    name, fingerprint = "plain", "1"

    def features(self, items):
        return np.array(items, dtype=np.float64)


@pytest.fixture
def real():
    rng = np.random.default_rng(0)
    left, right = rng.normal((-3, 0), 1, (150, 2)), rng.normal((3, 0), 1, (150, 2))
    return [tuple(p) for p in np.r_[left, right].tolist()], ["left"] * 150 + ["right"] * 150


def test_the_judge_tells_copies_strangers_and_the_wrong_class(real):
    points, classes = real
    judge = CandidateFilter(Plain(), points, classes)
    assert judge([points[3]], "left") == ["near duplicate"]
    assert judge([(30.0, 30.0)], "left") == ["off manifold"]
    assert judge([(-3.01, 0.02)], "right") == ["wrong class"]
    fresh = np.random.default_rng(5).normal((-3, 0), 0.5, (50, 2))
    assert Counter(judge([tuple(p) for p in fresh], "left"))[""] >= 45


def test_the_judge_drops_what_the_extractor_does_not_take(real):
    class Picky(Plain):
        def accepts(self, item):
            return item[0] == item[0]

        def features(self, items):
            assert all(map(self.accepts, items))
            return super().features(items)

    judge, nothing = CandidateFilter(Picky(), *real), (float("nan"), 0.0)
    near, far = real[0][3], (30.0, 30.0)
    asked = judge([nothing, near, far], "left")
    assert asked == ["invalid", "near duplicate", "off manifold"]
    assert judge([nothing], "left") == ["invalid"]


class Stub:
    """A generator that counts."""

    def sample(self, n, seed, where):
        return (Sample(seed + i, seed + i, where) for i in range(n))


def test_what_is_dropped_is_counted_and_made_up_for():
    counts = Counts()
    odd = lambda request: lambda items: ["odd" if i % 2 else "" for i in items]  # noqa: E731
    made = list(generated(Stub(), [Request(100, {"label": "b"})], odd, counts))
    assert len(made) == 100
    assert len({s.seed for s in made}) == 100
    assert all(s.item % 2 == 0 and s.condition == {"label": "b"} for s in made)
    assert counts.kept == 100
    assert counts.dropped["odd"] >= 99
    assert counts.missing == 0


class Table:
    """Of many real items, of which a few may be held at a time."""

    def __init__(self, n):
        self.n, self.alive = n, weakref.WeakSet()

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        item = Held({"label": "ab"[i % 3 == 0]})
        self.alive.add(item)
        assert len(self.alive) < 10, "all are kept"
        return item


class Held(dict):
    """A mapping that can be watched."""

    __hash__ = object.__hash__


def test_a_plan_does_not_hold_the_real_items():
    assert plan(AttributeView(Table(300), lambda item: item), balance="label") == [
        Request(100, {"label": "b"})
    ]


@pytest.mark.parametrize("measured", [False, True])
def test_the_generator_is_loaded_once(gankit_here, tmp_path, monkeypatch, measured):
    rows = [f"{i % 7},{'yes' if i % 4 == 0 else 'no'}" for i in range(200)]
    (tmp_path / "real.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
    small = ["hidden=8", "train.samples=640", "train.batch=64", "train.threads=1"]
    done = gankit_here("train", "--plugin", "tabular", "--data", "real.csv", "--out", "run", *small)
    assert done.returncode == 0, done.stderr
    loaded = []
    load = Run.sampler
    monkeypatch.setattr(Run, "sampler", lambda *a: loaded.append(a) or load(*a))
    how = ["--measure", "--repeats", 2] if measured else ["--out", "more"]
    done = gankit_here("augment", "run", "--data", "real.csv", "--balance", "y", *how)
    assert done.returncode == 0, done.stderr
    assert len(loaded) == 1


def test_hopeless_wishes_are_given_up():
    counts = Counts()
    never = lambda request: lambda items: ["no"] * len(items)  # noqa: E731
    assert list(generated(Stub(), [Request(10, {})], never, counts)) == []
    assert counts.missing == 10


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ((0.9, 0.01), (0.8, 0.01), "generated items help: 0.900 against 0.800 by weights"),
        ((0.8, 0.01), (0.9, 0.01), "do not help: weights is better"),
        ((0.85, 0.1), (0.8, 0.1), "no clear difference"),
    ],
)
def test_the_verdict_is_honest(ours, theirs, said):
    measured = [Measured("real + generated", {"f1": ours}), Measured("weights", {"f1": theirs})]
    assert said in verdict(measured)[0]


def test_augment_from_the_command_line(gankit_here, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{v:.3f},{'yes' if v > 1 else 'no'}" for v in rng.normal(0, 1, 400)]
    source = tmp_path / "real.csv"
    source.write_text("x,y\n" + "\n".join(rows) + "\n")
    before = source.read_bytes()
    small = ["hidden=16", "train.samples=6400", "train.batch=64", "train.threads=1"]
    done = gankit_here("train", "--plugin", "tabular", "--data", "real.csv", "--out", "run", *small)
    assert done.returncode == 0, done.stderr
    asked = ["augment", "run", "--data", "real.csv", "--balance", "y"]
    done = gankit_here(*asked, "--out", "more", "--measure", "--repeats", 2, "--keep-all")
    assert done.returncode == 0, done.stderr
    for way in ("real alone", "real + generated", "real, class-weights", "real, smote-nc"):
        assert way in done.stdout
    assert "f1: " in done.stdout
    assert "over 2 repetitions" in done.stderr
    lines = [line.split(",") for line in (tmp_path / "more" / "table.csv").read_text().split()[1:]]
    counts = Counter((line[1].strip('"'), line[-1]) for line in lines)
    yes, no = counts["yes", "false"], counts["no", "false"]
    assert counts == {("yes", "false"): yes, ("no", "false"): no, ("yes", "true"): no - yes}
    assert source.read_bytes() == before
    measured = ["augment", "run", "--data", "real.csv", "--measure", "--repeats", 2]
    other = gankit_here(*measured, "--factor", "1.1", "--target", "y")
    assert other.returncode == 0, other.stderr  # what is predicted need not be what is asked for
    other = gankit_here(*measured, "-n", 20, "--target", "x", "--where", "x=0..1", "--json")
    assert other.returncode == 0, other.stderr  # nor need it be a class
    found = json.loads(other.stdout)
    assert [m["way"] for m in found["measured"]] == ["real alone", "real + generated"]
    assert list(found["measured"][0]["scores"]) == ["r2"]
    assert found["repeats"] == 2
    again = gankit_here(*asked, "--out", "more")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    for words, said in (
        (["--factor", "2"], "where should it go?"),
        (["--out", "o"], "how much should be generated?"),
        (["--out", "o", "--balance", "z"], "no value named 'z'"),
        (["--measure", "-n", "5"], "what should be predicted?"),
    ):
        bad = gankit_here("augment", "run", "--data", "real.csv", *words)
        assert bad.returncode == 2
        assert said in bad.stderr
    toy = gankit_here("augment", "nowhere", "--data", "real.csv", "--out", "o", "-n", 5)
    assert "no run at nowhere" in toy.stderr
