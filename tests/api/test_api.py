"""The Python API: fit, load, sample, save, generate, evaluate."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

import gankit
from gankit.errors import GankitError
from gankit.workflows.train import train

SMALL = {"train__samples": 640, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gankit.fit(
        "toy/ring8", out=tmp_path_factory.mktemp("api") / "run", device="cpu", count=200, **SMALL
    )


def test_fit_returns_a_run(run):
    assert run.record["status"] == "done"
    assert run.config.recipe == "ring8"
    assert run.metrics()[-1]["samples"] == 640


def test_sample_and_load(run):
    assert len(run.sample(10, seed=3)) == 10
    again = gankit.load(run.path)
    assert again.sample(1, seed=7) == run.sample(10, seed=0)[7:8]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_generates_in_the_precision_of_its_training(tmp_path, precision):
    made = gankit.fit(
        "toy/ring8", out=tmp_path / "run", count=200, train__precision=precision, **SMALL
    )
    assert (made.sampler().autocast is not None) == (precision == "bf16")


def test_unconditional_runs_refuse_conditions(run):
    with pytest.raises(GankitError, match="not conditioned on 'label'"):
        run.sample(3, where={"label": "1"})


def test_bad_settings_raise_gankit_errors(tmp_path):
    with pytest.raises(GankitError, match="Did you mean"):
        gankit.fit("toy", out=tmp_path / "run", hiden=3)
    with pytest.raises(GankitError, match="n=0: nothing to generate"):
        gankit.load(gankit.fit("toy", out=tmp_path / "run", count=200, **SMALL).path).sample(0)


def test_dotted_settings(tmp_path):
    """The names of the documentation may be given as they stand, and are checked too."""
    settings = {"optim.lr": 0.5, "train.samples": 64}
    made = gankit.fit("toy", out=tmp_path / "run", count=200, train__batch=32, **settings)
    assert (made.config.engine.optim.lr, made.metrics()[-1]["samples"]) == (0.5, 64)
    with pytest.raises(GankitError, match="Did you mean optim.lr"):
        gankit.fit("toy", out=tmp_path / "other", **{"optim.rl": 0.5})


def test_data_in_memory(tmp_path):
    """An array is a source, which cannot be read again."""
    points = np.random.default_rng(0).normal(size=(200, 2))
    run = gankit.fit("toy", points, out=tmp_path / "run", **SMALL)
    assert run.config.data == "(in memory)"
    longer = dataclasses.replace(run.config.engine.train, samples=1280)
    engine = dataclasses.replace(run.config.engine, train=longer)
    with pytest.raises(GankitError, match="was trained on an object in memory, which is gone"):
        train(run.plugin, dataclasses.replace(run.config, engine=engine), run.path)
    more = gankit.fit("toy", points, out=tmp_path / "run", **SMALL | {"train__samples": 1280})
    assert more.metrics()[-1]["samples"] == 1280


def test_importing_imports_nothing_heavy():
    code = (
        "import sys, gankit; assert not {'torch', 'numpy', 'typer'} & set(sys.modules); "
        "gankit.fit, gankit.Run, gankit.load"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- Sampling -----------------------------------------------------------------------------------


def test_samples_remember_their_seeds(run):
    samples = run.sample(3, seed=5)
    assert [s.seed for s in samples.samples] == [5, 6, 7]
    assert [s.item for s in samples.samples] == samples == list(samples)
    assert [s.item for s in run.stream(3, seed=5)] == samples


def test_samples_between_two_seeds(run):
    path = run.sample(5, between=(3, 9))
    assert [path[0], path[-1]] == [run.sample(1, seed=seed)[0] for seed in (3, 9)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 3, "seed": -1}, "seed -1: out of range"),
        ({"n": 3, "between": (4, 4)}, "both seeds are 4. Give two different seeds"),
        ({"n": 1, "between": (4, 5)}, "Use n of 2 or more"),
        ({"n": 3, "between": (-1, 5)}, "seed -1: out of range"),
        ({"n": 3, "settings": {"hidden": 3}}, "hidden cannot be changed when generating"),
        ({"n": 3, "device": "tpu"}, "device 'tpu' cannot be used"),
    ],
)
def test_impossible_samples(run, given, message):
    """Also as a stream, before its first item is requested."""
    for method in (run.sample, run.stream):
        with pytest.raises(GankitError, match=message):
            method(**given)


# --- Files --------------------------------------------------------------------------------------


def test_generate_writes_a_folder_or_a_file(run, tmp_path):
    folder = run.generate(tmp_path / "made", 5, seed=2)
    assert folder.path == tmp_path / "made"
    assert sorted(p.name for p in folder.path.iterdir()) == ["points.csv", "provenance.json"]
    assert folder.record["seeds"] == [2, 6]
    file = run.generate(str(tmp_path / "made.csv"), 5, seed=2)
    assert file.path.read_bytes() == (folder.path / "points.csv").read_bytes()
    with pytest.raises(GankitError, match="exists already"):
        run.generate(file.path, 5)
    assert run.generate(file.path, 6, overwrite=True).record["count"] == 6


def test_generate_numbers_its_folders(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [str(run.generate(n=2).path) for _ in range(2)]
    assert paths == [f"generated/{run.name}-001", f"generated/{run.name}-002"]


def test_generate_between_two_seeds_is_recorded(run, tmp_path):
    made = run.generate(tmp_path / "path.csv", 4, between=(3, 9))
    assert made.record["between"] == [3, 9]
    assert "seeds" not in made.record


def test_saved_samples_are_those_that_were_sampled(run, tmp_path):
    samples = run.sample(5, seed=2)
    made = run.save(samples, tmp_path / "some.csv")
    whole = run.generate(tmp_path / "same.csv", 5, seed=2)
    assert made.path.read_bytes() == whole.path.read_bytes()
    assert made.record["seeds"] == [2, 3, 4, 5, 6]
    for same in ("data_fingerprint", "run", "plugin", "format", "count", "versions"):
        assert made.record[same] == whole.record[same]
    stored = json.loads((tmp_path / "some.csv.provenance.json").read_text())
    assert stored == made.record


def test_saved_interpolations_state_their_seeds(run, tmp_path):
    made = run.save(run.sample(4, between=(3, 9)), tmp_path / "path.csv")
    assert made.record["between"] == [3, 9]


def test_some_of_the_samples_can_be_saved(run, tmp_path):
    """Those of a stream, as they are; in any order, with their own seeds."""
    chosen = [sample for sample in run.stream(20) if sample.item.x > 0]
    made = run.save(chosen[::-1], tmp_path / "right")
    assert made.record["seeds"] == [s.seed for s in chosen[::-1]]
    assert len((tmp_path / "right" / "points.csv").read_text().splitlines()) == len(chosen) + 1


def test_items_without_their_seeds_cannot_be_saved(run, tmp_path):
    samples = run.sample(3)
    for bare in (list(samples), [samples.samples[0], samples[1]]):
        with pytest.raises(GankitError, match="these are items without their seeds. Pass what run"):
            run.save(bare, tmp_path / "out")
    for empty in ([], samples[:0]):
        with pytest.raises(GankitError, match="nothing to save"):
            run.save(empty, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# --- Scores -------------------------------------------------------------------------------------


def test_scores_are_numbers(run):
    found = run.evaluate(n=40, only=["frechet", "manifold"])
    scores = {score.name: score for score in found.scores}
    distance = scores["frechet/coordinates"]
    assert 0 < distance.real_baseline < distance.value
    assert 0 <= scores["coverage/coordinates"].value <= 1
    assert found.record["n_generated"] == 40
    assert found.scores == run.evaluate(n=40, only=["frechet", "manifold"]).scores
    with pytest.raises(GankitError, match=r"unknown metric 'frechett'. Did you mean frechet or"):
        run.evaluate(only=["frechett"])
