"""The best weights and the latest: which are used, where it is stated, and how they are written."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_runs import toy_run

import gankit
from gankit.engine.trainer import Trainer
from gankit.errors import GankitError
from gankit.runs.model import GENERATOR, LATEST_GENERATOR, RATIO

BEST_SAMPLES, ALL = 32, 96


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose best weights were those of 32 samples: half of the latest."""

    def best(trainer):
        if trainer.clock.samples < 2 * BEST_SAMPLES:
            return None
        return {k: v / 2 for k, v in trainer.ema.state_dict().items()}, BEST_SAMPLES

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "best_weights", best)
        return toy_run(tmp_path_factory.mktemp("weights") / "run").path


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "best_weights", lambda trainer: None)
        return toy_run(tmp_path_factory.mktemp("weights") / "single").path


def test_both_are_written(run):
    best, latest = (load_file(run / "model" / name) for name in (GENERATOR, LATEST_GENERATOR))
    assert all(torch.equal(best[name], latest[name] / 2) for name in latest)


def test_the_best_are_used_unless_told_otherwise(run):
    found = gankit.load(run)
    assert (found.samples_trained, found.generator_weights.latest) == (BEST_SAMPLES, ALL)
    latest = gankit.load(run, weights="latest")
    assert latest.samples_trained == found.using("latest").samples_trained == ALL
    first = list(found.sample(4))
    assert list(latest.sample(4)) != first
    assert list(latest.using("best").sample(4)) == first


def test_commands_say_which_and_records_keep_it(gankit_, run, tmp_path):
    def made(name, *words):
        done = gankit_("generate", run, "-n", 4, "--out", tmp_path / name, *words)
        record = json.loads((tmp_path / f"{name}.provenance.json").read_text())
        return done.stderr, record["samples_trained"], record["weights"]

    told, *about = made("best.csv")
    line = f"weights of {BEST_SAMPLES} samples, the best by held-out distance; the latest are of"
    assert f"{line} {ALL}: --weights latest" in told
    assert about == [BEST_SAMPLES, "best"]
    told, *about = made("latest.csv", "--weights", "latest")
    assert f"weights of {ALL} samples, the latest; the best" in told
    assert about == [ALL, "latest"]
    two = ["--weights", "latest", "--nproc", 2]
    assert made("two.csv", *two)[1:] == (ALL, "latest")
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "latest.csv").read_bytes()
    assert (tmp_path / "best.csv").read_bytes() != (tmp_path / "latest.csv").read_bytes()


def test_where_they_are_the_same_nothing_is_said_unless_asked(gankit_, single, tmp_path):
    words = ["generate", single, "-n", 2, "--out"]
    assert "weights" not in gankit_(*words, tmp_path / "a.csv").stderr
    told = gankit_(*words, tmp_path / "b.csv", "--weights", "latest").stderr
    assert f"the latest weights are also the best: of {ALL} samples" in told
    record = json.loads((tmp_path / "b.csv.provenance.json").read_text())
    assert record["samples_trained"] == ALL
    assert "weights" not in record


def test_unknown_weights(gankit_, run, tmp_path):
    for words in (["generate", run], ["evaluate", run], ["serve", run, "--port", 0]):
        told = gankit_(*words, "--weights", "newest", code=2, cwd=tmp_path).stderr
        assert told == "error: no weights 'newest'. Use best or latest\n"
    with pytest.raises(GankitError, match="no weights 'newest'"):
        gankit.load(run, weights="newest")


def test_options_that_contradict(gankit_, run, tmp_path):
    words = ["generate", run, "--weights", "latest", "--phase", "warm-up"]
    assert "both choose" in gankit_(*words, code=2, cwd=tmp_path).stderr
    words = ["export", run, "--weights", "latest", "--hub", "me/points"]
    assert "--hub uploads the best" in gankit_(*words, code=2, cwd=tmp_path).stderr
    points = tmp_path / "points.csv"
    gankit_("generate", run, "-n", 9, "--out", points)
    words = ["evaluate", points, "--data", points, "--weights", "latest"]
    assert "--weights is about a run" in gankit_(*words, code=2).stderr


def test_scores_of_the_latest_are_not_kept_as_the_runs(gankit_, run):
    gankit_("evaluate", run)
    kept = json.loads((run / "scores.json").read_text())
    assert (kept["samples_seen"], kept["weights"]) == (BEST_SAMPLES, "best")
    told = json.loads(gankit_("evaluate", run, "--weights", "latest", "--json").stdout)
    assert (told["samples_seen"], told["weights"]) == (ALL, "latest")
    assert told["scores"] != kept["scores"]
    assert json.loads((run / "scores.json").read_text()) == kept


def test_a_leftover_of_a_killed_process_counts_for_nothing(single, tmp_path):
    folder = shutil.copytree(single / "model", tmp_path / "model")
    save_file(load_file(folder / GENERATOR), folder / LATEST_GENERATOR, {"samples": "32"})
    found = gankit.load(folder, weights="latest")
    assert found.generator_weights.file.name == GENERATOR
    assert not found.generator_weights.differ


def test_a_copied_model_has_both(run, tmp_path):
    folder = shutil.copytree(run / "model", tmp_path / "model")
    assert gankit.load(folder, weights="latest").samples_trained == ALL
    (folder / LATEST_GENERATOR).write_bytes(b"x")
    with pytest.raises(GankitError, match=rf"{LATEST_GENERATOR} cannot be read"):
        gankit.load(folder).sample(1)


def test_the_density_ratio_is_that_of_the_best(run, tmp_path):
    folder = shutil.copytree(run / "model", tmp_path / "model")
    sampler = gankit.load(folder).sampler("cpu")
    assert sampler.resampler is None
    networks = gankit.load(run).plugin.modality.build_networks(
        sampler.codec, gankit.load(run).settings
    )
    save_file(networks.discriminator.state_dict(), folder / RATIO)
    assert gankit.load(folder).sampler("cpu").resampler is not None
    assert gankit.load(folder, weights="latest").sampler("cpu").resampler is None
