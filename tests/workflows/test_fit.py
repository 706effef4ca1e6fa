"""The Python face: fit, load, sample."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import gankit
from gankit.errors import GankitError

SMALL = {"train__samples": 640, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gankit.fit(
        "toy/ring8", out=tmp_path_factory.mktemp("api") / "run", device="cpu", count=200, **SMALL
    )


def test_fit_gives_a_run(run):
    assert run.record["status"] == "done"
    assert run.config.recipe == "ring8"
    assert run.metrics()[-1]["samples"] == 640


def test_sample_and_load(run):
    assert len(run.sample(10, seed=3)) == 10
    again = gankit.load(run.path)
    assert again.sample(1, seed=7) == run.sample(10, seed=0)[7:8]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_generates_in_the_precision_that_it_was_trained_in(tmp_path, precision):
    made = gankit.fit(
        "toy/ring8", out=tmp_path / "run", count=200, train__precision=precision, **SMALL
    )
    assert (made.sampler().autocast is not None) == (precision == "bf16")


def test_unconditional_runs_refuse_conditions(run):
    with pytest.raises(GankitError, match="not conditioned on 'label'"):
        run.sample(3, where={"label": "1"})


def test_bad_settings_are_errors_of_one_kind(tmp_path):
    with pytest.raises(GankitError, match="Did you mean"):
        gankit.fit("toy", out=tmp_path / "run", hiden=3)
    with pytest.raises(GankitError, match="cannot generate 0"):
        gankit.load(gankit.fit("toy", out=tmp_path / "run", count=200, **SMALL).path).sample(0)


def test_data_in_memory(tmp_path):
    """An array is a source; the run says that it cannot be read again."""
    points = np.random.default_rng(0).normal(size=(200, 2))
    run = gankit.fit("toy", points, out=tmp_path / "run", **SMALL)
    assert run.config.data == "(in memory)"
    with pytest.raises(GankitError, match="data in memory"):
        gankit.workflows.train.train(run.plugin, run.config, run.path)
    more = gankit.fit("toy", points, out=tmp_path / "run", **SMALL | {"train__samples": 1280})
    assert more.metrics()[-1]["samples"] == 1280


def test_importing_costs_nothing():
    code = (
        "import sys, gankit; assert not {'torch', 'numpy', 'typer'} & set(sys.modules); "
        "gankit.fit, gankit.Run, gankit.load"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
