"""A run with two phases, as the command line shows it and compares them."""

from __future__ import annotations

import json
import re

import pytest
from likelihood import with_likelihood
from typer.testing import CliRunner

import gankit
from gankit.cli import app
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.model import read_tensors

SMALL = [
    *("--plugin", "toy/ring8", "hidden=16", "count=400", "train.batch=32", "train.threads=1"),
    *("train.samples=960", "warm_up.lr=0.05", "log.preview_count=10", "log.verdict=0"),
]


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        with_likelihood(installed().modality("toy").modality, patch)
        yield


@pytest.fixture(scope="module")
def run(patched, tmp_path_factory):
    """320 samples by likelihood, then the game; and what was printed."""
    folder = tmp_path_factory.mktemp("two") / "run"
    typed = ["train", *SMALL, "train.warm_up=0.333", "log.every=320", "--out", str(folder)]
    found = CliRunner().invoke(app, typed, catch_exceptions=False)
    assert found.exit_code == 0
    return folder


def type_(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_the_phases_are_shown(run):
    shown = type_("runs", "show", run).stdout
    assert re.search(r"phases: +320 by likelihood, 640 adversarial\n", shown)
    drawn = gankit.load(run).plot("nll", "d_loss").svg
    assert "960 samples, warm-up until 320, then adversarial" in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.warm_up=0.5"], "960 samples: 480 by likelihood, 480 adversarial"),
        (["train.warm_up=1"], "960 samples: 960 by likelihood"),
        (["train.warm_up=0.8", "--time", "10m"], "80% of the time by likelihood, then adversarial"),
        (["train.warm_up=1", "--time", "10m"], "all by likelihood"),
        (["train.warm_up=64", "--time", "10m"], "64 samples by likelihood, then adversarial"),
    ],
)
def test_a_dry_run_states_them(patched, tmp_path, words, said):
    timed = [word for word in SMALL if "--time" not in words or "samples" not in word]
    shown = type_("train", *timed, *words, "--dry-run", "--out", tmp_path / "run").stdout
    assert re.search(rf"phases: +{said}\n", shown)
    assert "time: " in shown


def test_the_generator_before_the_game_is_kept(run, tmp_path):
    before, after = (
        read_tensors(run / "model" / f"{name}.safetensors") for name in ("warm-up", "generator")
    )
    assert before.keys() == after.keys()
    assert not all(before[name].equal(after[name]) for name in before)
    made = []
    for name in "a", "b":
        words = ["--phase", "warm-up"] if name == "b" else []
        found = type_("generate", run, "-n", 5, *words, "--out", tmp_path / name, "--json")
        made.append(json.loads(found.stdout))
    assert ("phase" in made[0], made[1]["phase"]) == (False, "warm-up")
    loaded = gankit.load(run)
    assert loaded.sample(5, phase="warm-up") != loaded.sample(5)
    with pytest.raises(GankitError, match="no phase 'first'"):
        loaded.sample(5, phase="first")


def test_evaluate_shows_both(run):
    names = "frechet,white_box_membership_auc"
    found = type_("evaluate", run, "-n", 40, "--metrics", names, "--json")
    score, told = json.loads(found.stdout)["scores"]
    assert told["value"] != told["baselines"]["after warm-up"]
    warm = score["baselines"]["after warm-up"]
    assert warm > 0
    assert warm != score["value"]
    again = gankit.load(run).evaluate(n=40, only=["frechet"])
    assert again.scores[0].baselines == {"after warm-up": warm}
    (leak,) = gankit.load(run).evaluate(only=["white_box_membership_auc"]).scores
    assert leak.baselines.keys() == {"after warm-up"}
    assert 0 < leak.baselines["after warm-up"] != leak.value
    page = again.report(run / "page.html").read_text()
    assert "after warm-up" in page
    assert "before the adversarial game" in page
    assert "Simpler models" not in page


def test_a_run_of_one_phase_has_one_generator(patched, tmp_path):
    run = tmp_path / "run"
    assert type_("train", *SMALL, "train.warm_up=1", "--out", run).exit_code == 0
    assert not (run / "model" / "warm-up.safetensors").exists()
    with pytest.raises(GankitError, match="has no generator of its warm-up"):
        type_("generate", run, "--phase", "warm-up", "--out", tmp_path / "made")
    (score,) = gankit.load(run).evaluate(n=40, only=["frechet"]).scores
    assert not score.baselines
    assert "adversarial" not in gankit.load(run).plot().svg
