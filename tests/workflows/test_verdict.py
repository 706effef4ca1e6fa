"""What a finished run says of itself."""

from __future__ import annotations

import dataclasses
import json
import math
import time

import numpy as np
import pytest
import torch
from training import Heard

from gankit import config as configuration
from gankit.contract import EvaluationData, Evaluator, Extractor, Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.runs.verdict import in_words
from gankit.workflows import verdict as verdicts
from gankit.workflows.train import train

WORDS = ["train.batch=16", "train.threads=1", "train.samples=160", "log.verdict=50"]


class Numbers(Extractor):
    name, fingerprint = "numbers", "identity"

    def features(self, items):
        return np.array([[float(v), float(k)] for v, k in items])


class Shares(Evaluator):
    name, headline = "shares", ("positive",)

    def evaluate(self, data, rng):
        positive = float(np.mean([s.item[0] > 0 for s in data.generated]))
        return {"positive": positive, "positive_real": 0.5, "n": float(len(data.generated))}

    def warnings(self, data):
        return ["few are positive: add some"]


class Broken(Evaluator):
    name, headline = "broken", ("x",)

    def evaluate(self, data, rng):
        raise ValueError("no such\nluck")


@pytest.fixture
def scored(vectors, monkeypatch):
    monkeypatch.setattr(verdicts, "LEAST_SECONDS", 30.0)
    given = [Numbers(), Shares()]
    monkeypatch.setattr(type(vectors.modality), "evaluators", lambda *_: given)
    return given


def run(vectors, folder, *words, **named):
    config = configuration.resolve(
        vectors.info, vectors.modality.Settings, overrides=[*WORDS, *words]
    )
    return train(vectors, config, folder, device="cpu", **named)


def test_a_finished_run_is_scored_beside_real_data(vectors, scored, tmp_path):
    heard = Heard()
    assert run(vectors, tmp_path / "run", callbacks=[heard]) == "done"
    found = Run(tmp_path / "run").verdict
    assert [s["name"] for s in found["scores"]] == [
        "coverage/numbers",
        "copies/numbers",
        "positive",
    ]
    assert found["n"] == 50
    assert found["samples"] == 160
    assert "few are positive: add some" in found["warnings"]
    assert heard.warnings == found["warnings"]
    (line,) = in_words(found)
    assert line.startswith("quality of 50 samples: coverage 0.")
    assert line.count("(real data ") == 3
    assert " of 50 (real data " in line


def test_scores_of_the_discriminators_own_network_are_marked(
    vectors, scored, monkeypatch, tmp_path
):
    modality, scored[0].backbone = type(vectors.modality), "net"
    build = modality.build_networks

    def on_net(self, codec, settings):
        return dataclasses.replace(build(self, codec, settings), backbones=frozenset({"net"}))

    monkeypatch.setattr(modality, "build_networks", on_net)
    run(vectors, tmp_path / "run")
    found = Run(tmp_path / "run")
    assert found.model["backbones"] == ["net"]
    assert any("share net with the discriminator" in w for w in found.verdict["warnings"])
    (line,) = in_words(found.verdict)
    assert "coverage (shared) 0." in line
    assert "positive (shared)" not in line


def test_it_changes_no_random_number(vectors, scored, tmp_path):
    drawn = []
    for words in ([], ["log.verdict=0"]):
        torch.manual_seed(1)
        config = configuration.resolve(
            vectors.info, vectors.modality.Settings, overrides=[*WORDS[:3], *(words or WORDS[3:])]
        )
        train(vectors, config, tmp_path / str(len(drawn)), device="cpu")
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1]
    assert Run(tmp_path / "1").verdict is None


def test_a_finished_run_that_is_started_again_is_not_scored_again(
    vectors, scored, tmp_path, monkeypatch
):
    run(vectors, tmp_path / "run")
    before = Run(tmp_path / "run").verdict
    monkeypatch.setattr("gankit.workflows.train.verdict", None)
    assert run(vectors, tmp_path / "run") == "done"
    assert Run(tmp_path / "run").verdict == before


def test_a_verdict_of_another_model_is_none(vectors, scored, tmp_path):
    run(vectors, tmp_path / "run")
    file = tmp_path / "run" / "verdict.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"samples": 80}))
    assert Run(tmp_path / "run").verdict is None
    file.write_text("{}")
    with pytest.raises(GankitError, match="verdict.json is damaged: it has no samples"):
        _ = Run(tmp_path / "run").verdict


def test_what_goes_wrong_is_a_warning(vectors, scored, tmp_path, monkeypatch):
    monkeypatch.delenv("GANKIT_STRICT_PLUGINS", raising=False)
    scored.append(Broken())
    heard = Heard()
    assert run(vectors, tmp_path / "run", callbacks=[heard]) == "done"
    assert heard.warnings == ["the samples could not be scored: ValueError: no such luck"]
    assert Run(tmp_path / "run").verdict is None


def test_without_time_there_is_none(vectors, scored, tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.workflows.train.allowed", lambda *_: 0.0)
    assert run(vectors, tmp_path / "run") == "done"
    assert Run(tmp_path / "run").verdict is None


def test_a_time_budget_leaves_time_for_it():
    assert verdicts.reserved(0) == 0
    assert verdicts.reserved(100) == pytest.approx(5)
    assert verdicts.reserved(10_000) == verdicts.MOST_SECONDS
    assert verdicts.allowed(100, 2) == 2
    assert verdicts.allowed(100, math.inf) == pytest.approx(5)


def test_copies_are_called_out():
    rng = np.random.default_rng(0)
    items = [(float(v), 0) for v in rng.normal(size=400)]
    made = [Sample(item, i, {}) for i, item in enumerate(items[:100])]
    data = EvaluationData(made, items[:300], items[300:])
    scores = list(verdicts._distances(Numbers(), data, time.monotonic() + 30, lambda *_: None))
    (doubt,) = [d for d in verdicts._doubts(scores) if "hardly different" in d]
    assert doubt.startswith("100 of 100 samples are hardly different from training items")
