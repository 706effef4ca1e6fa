"""Scoring a run: what stands beside it, and what is refused before anything is made."""

from __future__ import annotations

import pytest

import gankit
from gankit.errors import GankitError, PluginError
from gankit.report.page import write_report
from gankit.runs.directory import Run
from gankit.workflows.evaluate import evaluate_path
from gankit_toy.modality import ToyModality

SMALL = {"train__samples": 640, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("scored") / "run"
    return gankit.fit("toy/ring8", out=out, device="cpu", count=200, **SMALL)


def baselines(found):
    """A modality's ``baselines`` that gives ``found(training items, n)``."""
    return lambda self, train, settings, n, seed, progress: found(train, n)


def test_a_rival_is_scored_like_the_generator(run, monkeypatch, tmp_path):
    copies = baselines(lambda train, n: {"memory": [train[i % len(train)] for i in range(n)]})
    monkeypatch.setattr(ToyModality, "rivals", copies)
    found = evaluate_path(run.path, n=40, overrides=["count=200"])
    scores = {score.name: score for score in found.scores}
    copied = next(name for name in scores if name.startswith("copies/"))
    assert scores[copied].baselines == {"memory": 1.0}
    assert scores[copied].value < 1
    assert found.record["settings"] == {"count": 200}
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Simpler models of the same training items: memory." in page
    assert "Settings given for this evaluation: count=200." in page
    assert "Gaussian" not in page


def test_a_rival_that_makes_too_few_is_a_fault_of_the_plugin(run, monkeypatch):
    monkeypatch.setattr(ToyModality, "rivals", baselines(lambda train, n: {"lazy": [train[0]]}))
    with pytest.raises(PluginError, match="its rival 'lazy' has 1 items for 40"):
        evaluate_path(run.path, n=40)


def test_a_rival_takes_no_name_of_what_the_codec_makes_alone(run, monkeypatch):
    monkeypatch.setattr(ToyModality, "rivals", baselines(lambda train, n: {"gaussian": train[:n]}))
    with pytest.raises(PluginError, match="its rival 'gaussian' has a name that is taken"):
        evaluate_path(run.path, n=40)


def test_a_metric_that_there_is_not_is_refused_before_anything_is_made(run, monkeypatch):
    monkeypatch.setattr(Run, "sampler", lambda *_: pytest.fail("it generates already"))
    with pytest.raises(GankitError, match="metric 'frechett': there is none. Did you mean"):
        evaluate_path(run.path, only=["frechett"])
    with pytest.raises(GankitError, match="'zzzzzz': there is none. Ask for a group: .*modes"):
        evaluate_path(run.path, only=["zzzzzz"])
