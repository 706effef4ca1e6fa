"""``gankit.fit``: what may be said in its arguments, progress, interruption."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import gankit
from gankit.errors import GankitError
from gankit.workflows.choosing import Chosen
from gankit.workflows.interrupts import StopRequest

SMALL = {"train.batch": 32, "train.threads": 1, "hidden": 8, "count": 200}


def test_limits_in_words(tmp_path):
    run = gankit.fit("toy/ring8", out=tmp_path / "a", samples="0.1k", seed=3, settings=SMALL)
    train = run.config.engine.train
    assert (train.samples, train.time, train.seed) == (100, 0, 3)
    with pytest.raises(GankitError, match="samples and train.samples set the same"):
        gankit.fit("toy", samples=100, train__samples=200)
    with pytest.raises(GankitError, match="time=10x is not a time"):
        gankit.fit("toy", time="10x")
    with pytest.raises(GankitError, match=r"optim\.lr is given twice"):
        gankit.fit("toy", settings={"optim.lr": 1e-3}, optim__lr=1e-4)


def test_settings_by_the_names_of_other_libraries(tmp_path):
    names = {"batch_size": 16, "lr": 1e-3, "train__threads": 1, "random_state": 5}
    run = gankit.fit("toy/ring8", out=tmp_path / "run", samples=32, count=100, **names)
    engine = run.config.engine
    assert (engine.train.batch, engine.optim.lr, engine.train.seed) == (16, 1e-3, 5)
    with pytest.raises(GankitError, match=r"train\.seed is given twice"):
        gankit.fit("toy", seed=1, random_state=5)
    with pytest.raises(GankitError, match=r"train\.batch is given twice"):
        gankit.fit("toy", batch_size=16, train__batch=32)


def test_the_first_argument_may_be_the_data(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "gankit.workflows.request.choose_plugin", lambda data: Chosen("toy", "by its name", 50)
    )
    points = tmp_path / "points.npy"
    np.save(points, np.random.default_rng(0).normal(size=(50, 2)))
    small = {k: v for k, v in SMALL.items() if k != "count"}
    run = gankit.fit(str(points), out=tmp_path / "run", samples=64, settings=small)
    assert (run.plugin.info.name, run.config.data) == ("toy", str(points))
    with pytest.raises(GankitError, match=r"the first argument is a ndarray.*gankit.fit\(PLUGIN"):
        gankit.fit(np.zeros((50, 2)))
    with pytest.raises(GankitError, match="no plugin given for data in memory. Name one: .*tensor"):
        gankit.fit(data=np.zeros((50, 2)))
    with pytest.raises(GankitError, match="no plugin named 'toys'"):
        gankit.fit("toys")


def test_the_folder_of_a_run_is_enough_to_train_it_longer(tmp_path):
    first = gankit.fit("toy/ring8", out=tmp_path / "run", samples=64, settings=SMALL)
    longer = gankit.fit(out=first.path, samples=128)
    assert longer.samples_trained == 128
    assert longer.config.settings == first.config.settings


def test_two_recipes_are_refused():
    with pytest.raises(GankitError, match="plugin toy/ring8 and recipe grid25 name two recipes"):
        gankit.fit("toy/ring8", recipe="grid25")


def test_callbacks_are_objects_or_functions(tmp_path):
    seen = []

    class Preview:
        def preview(self, file):
            seen.append(file.suffix)

    gankit.fit(
        "toy/ring8",
        out=tmp_path / "run",
        samples=64,
        settings=SMALL,
        callbacks=[Preview(), lambda values: seen.append(values["samples"])],
    )
    assert {".png", 64} <= set(seen)


def test_an_own_objective_is_recorded_by_its_name(tmp_path):
    def margin(real, fake):
        return (fake - real + 1).relu()

    given = {"out": tmp_path / "run", "settings": SMALL, "objective": margin}
    run = gankit.fit("toy/ring8", samples=64, **given)
    assert run.config.engine.loss.objective == "margin"
    assert gankit.fit("toy/ring8", samples=128, **given).samples_trained == 128
    with pytest.raises(GankitError, match="loss.objective='margin': unknown name"):
        gankit.fit("toy/ring8", samples=192, **given | {"objective": "margin"})


def interrupting(at):
    """A callback that presses Ctrl-C once, at so many samples."""
    pressed = []

    def tick(values):
        if values["samples"] >= at and not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    return tick


def test_the_same_call_resumes_after_ctrl_c(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(0).normal(size=(200, 2))
    small = {k: v for k, v in SMALL.items() if k != "count"} | {"log.every": 32}
    given = {"samples": 320, "settings": small, "callbacks": [interrupting(96)]}
    with pytest.raises(KeyboardInterrupt, match="saved in runs/toy-grid25-001 after .* samples;"):
        gankit.fit("toy", points, **given)
    run = gankit.fit("toy", points, **given)
    assert (run.name, run.samples_trained) == ("toy-grid25-001", 320)
    ticks = [values["samples"] for values in run.metrics()]
    assert ticks == sorted(set(ticks))
    whole = gankit.fit("toy", points, out=tmp_path / "whole", samples=320, settings=small)
    assert whole.sample(3) == run.sample(3)


def test_an_objective_takes_two_logits():
    with pytest.raises(GankitError, match=r"objective <lambda>\(a\) does not take two logits"):
        gankit.fit("toy", objective=lambda a: a)


def test_a_second_ctrl_c_leaves_the_process_alive():
    stop = StopRequest(exits=False)
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_progress_is_shown_where_it_is_wanted(tmp_path, capsys):
    given = {"samples": 64, "settings": SMALL, "device": "cpu"}
    gankit.fit("toy/ring8", out=tmp_path / "quiet", **given)
    assert capsys.readouterr().err == ""
    gankit.fit("toy/ring8", out=tmp_path / "shown", progress=True, **given)
    said = capsys.readouterr().err
    assert "200 points" in said
    assert "training" in said
