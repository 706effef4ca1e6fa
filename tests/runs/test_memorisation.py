"""Warnings of copied training data, by what was measured of a run."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from gankit.metrics.memorisation import memorisation_scores
from gankit.runs.directory import Run
from gankit.runs.memorisation import copies_in_words, in_words, memorisation_warning

COPIED = "400 of 400 samples are hardly different from training items"


def score(name="copies/net", value=1.0, real=0.01, n=400, **more):
    return {"name": name, "value": value, "real_baseline": real, "n_generated": n, **more}


def run(evaluation=None, verdict=None, trained=64):
    def about(scores):
        return None if scores is None else {"samples_seen": 64, "scores": scores}

    return SimpleNamespace(
        has_model=trained > 0,
        samples_trained=trained,
        evaluation=about(evaluation),
        verdict=about(verdict),
    )


@pytest.mark.parametrize(
    ("scores", "copied"),
    [
        ([score()], True),
        ([score("exact_copies", 0.30, 0.27)], False),  # the data repeats itself
        ([score("exact_copies", 0.60, 0.27)], True),
        ([score(value=0.035)], False),  # 14 for 4: chance
        ([score(value=0.06)], True),
        ([score(value=0.3, n=10)], False),  # three items
        ([score(value=0.005, real=None, n=600)], False),
        ([score(value=0.02, real=None, n=600)], True),
        ([score(value=None)], False),
        ([score(n=0)], False),
        ([score("nearest_train_ratio/net", 0.0, 1.0)], False),
        ([], False),
    ],
)
def test_copies_beyond_chance(scores, copied):
    assert bool(copies_in_words(scores)) == copied


def test_the_figure_stands_beside_its_baseline_and_n():
    warning = memorisation_warning(run([score("copies/a", 0.1), score("copies/b", 0.5)]))
    assert warning.startswith("200 of 400 samples are hardly different from training items")
    assert "of as many held-out real items: 4; copies/b of the last evaluation" in warning
    assert "train on more data, or less long" in warning


def test_what_was_measured_of_another_model_is_ignored():
    assert memorisation_warning(run([score()], trained=128)) == ""
    assert "of the verdict" in memorisation_warning(run([score()], [score()], trained=128))
    assert "the last evaluation" in memorisation_warning(run([score()], [score(value=0.0)]))


def test_a_model_that_is_handed_on_gives_its_members_away():
    likely = score("white_box_membership_auc", 0.56, None, error=0.01)
    assert memorisation_warning(run([likely])) == ""
    told = memorisation_warning(run([likely]), shares_model=True)
    assert told.startswith("Whoever has the model can recognise training items")
    assert "0.560 ± 0.010 of the last evaluation (0.5 is ideal)" in told
    assert memorisation_warning(run([{**likely, "error": 0.03}]), shares_model=True) == ""
    both = memorisation_warning(run([score(), likely]), shares_model=True)
    assert both.startswith(COPIED)
    assert "Whoever" in both


def test_in_a_listing():
    assert in_words(run(trained=0)) == ""
    assert in_words(run()) == "not measured; gankit evaluate measures it"
    assert in_words(run([score()])).startswith(COPIED)
    listed = in_words(run([score(value=0.01)]))
    assert listed.startswith("4 copies among 400 samples, 4 among as many held-out real items")


def test_false_alarms_are_rare():
    """Of samples of the very distribution of the data, by the scores as they are computed."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(200):
        train, made, unseen = (rng.normal(size=(k, 4)) for k in (500, 300, 300))
        found = memorisation_scores(train, made, unseen)["copies"]
        real = memorisation_scores(train, unseen, unseen)["copies"]
        alarms += bool(copies_in_words([score(value=found, real=real, n=300)]))
    assert alarms <= 2


@pytest.fixture(scope="module")
def trained(gankit_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    words = ["hidden=16", "count=500", "train.batch=32", "train.samples=640", "log.verdict=0"]
    gankit_("train", "--plugin", "toy", "--out", "run", *words, cwd=folder)
    return folder / "run"


@pytest.fixture
def copying(trained, tmp_path):
    """A run whose evaluation found copies."""
    place = shutil.copytree(trained, tmp_path / "run")
    record = {"samples_seen": Run(place).samples_trained, "scores": [score()]}
    (place / "scores.json").write_text(json.dumps(record))
    return place


def test_generated_files_state_it(gankit_, copying, tmp_path):
    for words in (
        ["generate", copying, "-n", "4", "--out", "made"],
        ["generate", copying, "-n", "4", "--parts", "2", "--out", "parts"],
    ):
        done = gankit_(*words, cwd=tmp_path)
        assert COPIED in " ".join(done.stderr.split())
        record = json.loads((tmp_path / words[-1] / "provenance.json").read_text())
        assert record["warnings"][0].startswith(COPIED)
    assert COPIED in " ".join(gankit_("runs", "show", copying).stdout.split())


def test_nothing_is_claimed_where_nothing_was_measured(gankit_, trained, tmp_path):
    done = gankit_("generate", trained, "-n", "2", "--out", "made", cwd=tmp_path)
    assert "hardly different" not in done.stderr
    assert "warnings" not in json.loads((tmp_path / "made" / "provenance.json").read_text())
    assert "memorisation: not measured" in " ".join(gankit_("runs", "show", trained).stdout.split())
