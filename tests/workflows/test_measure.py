"""Benchmarking augmentation: splits, repetitions, and what the figures mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from augmenting import AugmentableToy, NearestMean

import gankit
from gankit.errors import GankitError
from gankit.workflows.candidates import Request
from gankit.workflows.measure import Benchmark, measure, verdict

SMALL = {"train__samples": 640, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ((0.9, 0.01), (0.8, 0.01), "generated items help: 0.900 against 0.800 for weights"),
        ((0.8, 0.01), (0.9, 0.01), "generated items do not help: weights is better"),
        ((0.85, 0.1), (0.8, 0.1), "no significant difference"),
    ],
)
def test_the_verdict_follows_from_the_confidence_intervals(ours, theirs, message):
    found = verdict(
        [Benchmark("real + generated", {"f1": ours}), Benchmark("weights", {"f1": theirs})]
    )
    assert found[0].startswith(f"f1: {message}")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run on 200 points, of which it holds out a part."""
    monkeypatch.setattr("gankit_toy.modality.ToyModality", AugmentableToy)
    rng = np.random.default_rng(1)
    (tmp_path / "real.csv").write_text(
        "x,y,label\n"
        + "".join(f"{i},{y:.3f},{'ab'[i % 2]}\n" for i, y in enumerate(rng.random(200)))
    )
    return gankit.fit("toy", tmp_path / "real.csv", out=tmp_path / "run", conditional=True, **SMALL)


class Noting(NearestMean):
    """Keeps the points that it is trained and tested on."""

    def __init__(self):
        self.seen = []

    def scores(self, train, test, key, mitigation, seed):
        self.seen.append((mitigation, seed, list(train), list(test)))
        return {"score": len(self.seen)}


def benchmark(run, tmp_path, monkeypatch, **given):
    model = Noting()
    monkeypatch.setattr(AugmentableToy, "downstream_model", lambda self, settings: model)
    given = {"key": "label", "requests_of": lambda _: [Request(12, {"label": "a"})]} | given
    found = measure(run, str(tmp_path / "real.csv"), repeats=2, **given)
    return found, model.seen


def test_the_held_out_part_of_the_run_is_the_test_set(run, tmp_path, monkeypatch):
    found, seen = benchmark(run, tmp_path, monkeypatch)
    assert [b.trained_on for b in found] == ["real", "real + generated", "real, weights"]
    real, more, weighted = seen[:3]
    assert [s[:2] for s in seen] == [
        ("", 0),
        ("", 0),
        ("weights", 0),
        ("", 1),
        ("", 1),
        ("weights", 1),
    ]
    assert len(real[2]) == 160
    assert len(real[3]) == 40
    assert not {p.x for p in real[2]} & {p.x for p in real[3]}
    assert all(s[3] == real[3] for s in seen)
    assert more[2][:160] == real[2] == weighted[2]
    assert [p.label for p in more[2][160:]] == ["a"] * 12
    # The scores of a training set are 1 and 4, 2 and 5, 3 and 6.
    for i, b in enumerate(found):
        mean, half = b.scores["score"]
        assert mean == i + 2.5
        assert half == pytest.approx(12.706 * 3 / math.sqrt(2) / math.sqrt(2), rel=1e-3)


def test_repetitions_generate_different_items(run, tmp_path, monkeypatch):
    _, seen = benchmark(run, tmp_path, monkeypatch)
    first, second = (seen[i][2][160:] for i in (1, 4))
    assert not set(first) & set(second)


def test_a_separate_test_set(run, tmp_path, monkeypatch):
    test = tmp_path / "test.csv"
    test.write_text("x,y,label\n" + "".join(f"{-i},0,{'ab'[i % 2]}\n" for i in range(15)))
    _, seen = benchmark(run, tmp_path, monkeypatch, test=str(test))
    assert len(seen[0][2]) == 200
    assert [p.x for p in seen[0][3]] == [-float(i) for i in range(15)]


def test_other_data_is_split_by_the_seed(run, tmp_path, monkeypatch):
    (tmp_path / "real.csv").write_text(
        "x,y,label\n" + "".join(f"{i},0,{'ab'[i % 2]}\n" for i in range(100))
    )
    tests = []
    for seed in (0, 0, 1):
        _, seen = benchmark(run, tmp_path, monkeypatch, seed=seed)
        assert (len(seen[0][2]), len(seen[0][3])) == (80, 20)
        tests.append(seen[0][3])
    assert tests[0] == tests[1] != tests[2]


def test_a_key_that_generated_items_lack(run, tmp_path, monkeypatch):
    attributes = AugmentableToy.attributes

    def only_real(self, item):
        named = dict(attributes(self, item))
        return {**named, "source": "file"} if item.x == int(item.x) else named

    monkeypatch.setattr(AugmentableToy, "attributes", only_real)
    with pytest.raises(GankitError, match="generated items have no 'source'"):
        benchmark(run, tmp_path, monkeypatch, key="source")


def test_a_modality_without_a_model(run, tmp_path, monkeypatch):
    monkeypatch.setattr(AugmentableToy, "downstream_model", lambda self, settings: None)
    with pytest.raises(GankitError, match="plugin toy has no downstream model. Leave out"):
        measure(run, str(tmp_path / "real.csv"), key="label", requests_of=lambda _: [])


def test_classes_that_are_too_rare_are_refused(run, tmp_path, monkeypatch):
    rows = [(i, "b" if i < 3 else "a") for i in range(150)]
    (tmp_path / "real.csv").write_text("x,y,label\n" + "".join(f"{i},0,{c}\n" for i, c in rows))
    message = r"label=b has \d training and [01] test items: scores are not defined for a class of"
    with pytest.raises(GankitError, match=message):
        benchmark(run, tmp_path, monkeypatch)


def test_every_class_has_its_share_of_the_test_items(run, tmp_path, monkeypatch):
    rows = [(i, "b" if i < 30 else "a") for i in range(300)]
    (tmp_path / "real.csv").write_text("x,y,label\n" + "".join(f"{i},0,{c}\n" for i, c in rows))
    doubts = []
    requests = [Request(400, {"label": "b"})]
    _, seen = benchmark(
        run, tmp_path, monkeypatch, requests_of=lambda _: requests, warn=doubts.append
    )
    assert [sum(p.label == c for p in seen[0][3]) for c in "ab"] == [54, 6]
    assert doubts == [
        "400 generated items with label=b come from 24 real ones: they repeat what little these "
        "show. Collect more, or add fewer with -n"
    ]


def test_scores_that_are_no_numbers_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Noting, "scores", lambda *_: {"auc": math.nan})
    with pytest.raises(GankitError, match="auc of label is not defined for the model trained on r"):
        benchmark(run, tmp_path, monkeypatch)
