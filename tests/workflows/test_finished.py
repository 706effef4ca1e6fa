"""A finished run that is started again has nothing to read, to fit or to train."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit import config as configuration
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.workflows.finished import is_finished
from gankit_toy.modality import ToyModality

SMALL = {
    "hidden": 8,
    "count": 200,
    "train__batch": 32,
    "train__threads": 1,
    "resampling__candidates": 2,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    gankit.fit("toy", out=out, train__samples=320, **SMALL)
    return out


def config(run, *words):
    loaded = installed().modality("toy")
    table = Run(run).table
    return configuration.resolve(
        loaded.info, loaded.modality.Settings, recipe="grid25", files=[table], overrides=words
    )


def test_nothing_is_read_or_fitted(run, monkeypatch):
    def touched(*given, **named):
        raise AssertionError("a finished run was read, or trained")

    for name in ("read", "fit_codec", "build_networks"):
        monkeypatch.setattr(ToyModality, name, touched)
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    gankit.fit("toy", out=run, train__samples=320, **SMALL)
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def test_other_settings_are_refused_all_the_same(run):
    with pytest.raises(GankitError, match="optim.lr was"):
        gankit.fit("toy", out=run, train__samples=320, optim__lr=0.5, **SMALL)


@pytest.mark.parametrize(
    ("words", "finished"),
    [
        ([], True),
        (["train.samples=64"], True),
        (["train.samples=321"], False),
        (["train.samples=321", "train.epochs=2"], True),  # of 160 items
        (["train.samples=999", "train.epochs=2.1"], False),
        (["train.samples=999", "train.time=1e-9"], True),
        (["train.samples=999", "train.time=9999"], False),
    ],
)
def test_more_of_any_limit_goes_on(run, words, finished):
    assert is_finished(run, config(run, *words)) is finished


def test_a_run_that_time_ended(tmp_path):
    out, long = tmp_path / "run", 10**9
    gankit.fit("toy", out=out, train__samples=long, train__time=1.5, **SMALL)
    assert is_finished(out, config(out))
    assert is_finished(out, config(out, "train.time=1"))
    assert not is_finished(out, config(out, "train.time=3"))
    assert not is_finished(out, config(out, "train.time=0"))


def test_an_interrupted_run_is_not_finished(run, tmp_path):
    import json
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    record = json.loads((copy / "provenance.json").read_text())
    (copy / "provenance.json").write_text(json.dumps({**record, "status": "interrupted"}))
    assert not is_finished(copy, config(copy))


def test_other_items_in_memory_are_refused(tmp_path):
    """They have no name to know them by, so they are read; the codec stays as it is."""
    items = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    words = {"hidden": 8, "train__batch": 32, "train__threads": 1, "train__samples": 64}
    gankit.fit("toy", items, out=tmp_path / "run", **words)
    gankit.fit("toy", items.copy(), out=tmp_path / "run", **words)
    with pytest.raises(GankitError, match="the data has changed"):
        gankit.fit("toy", items + 1, out=tmp_path / "run", **words)
