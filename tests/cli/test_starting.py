"""``gankit train DATA``: what is chosen, refused and said before training."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from gankit.cli import train as command
from gankit.engine.settings import TrainSettings
from gankit.screen.run import UNSCORED
from gankit.workflows import machine, prepare
from gankit.workflows.machine import Ability

SMALL = ["hidden=8", "train.batch=16", "train.threads=1", "train.samples=64"]


@pytest.fixture
def points(tmp_path):
    (tmp_path / "points.csv").write_text("x,y\n" + "\n".join(f"{i},{i % 7}" for i in range(60)))
    (tmp_path / "people.csv").write_text(
        "age,churn\n" + "\n".join(f"{i % 50},{'ab'[i % 2]}" for i in range(60))
    )


def test_a_run_without_a_verdict_says_so(gankit_here):
    words = ["train", "--plugin", "toy", *SMALL]
    few = gankit_here(*words, "--out", "few", "log.verdict=10")
    assert UNSCORED in few.stdout, few.stderr
    none = gankit_here(*words, "--out", "none", "log.verdict=0")
    assert "quality" not in none.stdout, none.stderr


def test_the_choice_is_said_once_and_kept(gankit_here, points, tmp_path):
    done = gankit_here("train", "people.csv", "--out", "run", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "plugin:         tabular (people.csv is a table)\n" in done.stderr
    assert "recipe:         tabular/default (the default for own data)\n" in done.stderr
    again = gankit_here("train", "people.csv", "--out", "run", *SMALL)
    assert again.returncode == 0, again.stderr
    assert "plugin:" not in again.stderr
    assert 'recipe = "default"' in (tmp_path / "run" / "run.toml").read_text()
    for data, right in (("run", "train --out run"), ("run/model", "generate run/model")):
        done = gankit_here("train", data)
        assert done.returncode == 2
        assert f"gankit {right}" in done.stderr


def test_nothing_is_chosen_aloud_for_a_device_that_is_not_there(gankit_here, points):
    done = gankit_here("train", "people.csv", "--device", "cuda:99", *SMALL)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_another_recipe_for_a_run_is_refused_by_its_own_plugin(gankit_here, points):
    done = gankit_here("train", "people.csv", "--out", "run", *SMALL)
    assert done.returncode == 0, done.stderr
    done = gankit_here("train", "--out", "run", "--recipe", "nope")
    assert done.returncode == 2
    assert "plugin tabular has no recipe 'nope'" in done.stderr


def test_a_finished_run_is_continued_for_longer_than_it_took():
    train = TrainSettings(time=1, samples=10_000)
    engine = SimpleNamespace(train=train)
    assert command._longer(engine, 2_000, 27.4) == "--time 56s"
    assert command._longer(engine, 10_000, 27.4) == "--samples 20000"


def test_the_option_infers_too(gankit_here, points):
    done = gankit_here("train", "--data", "points.csv", "--dry-run", *SMALL)
    assert "tabular (points.csv is a table; --plugin toy treats it as 2-D points)" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["points.csv", "people.csv"], "points.csv and people.csv are 2 sources of data"),
        (["points.csv", "--data", "people.csv"], "both give the data"),
        (["points.csv", "epochs", "5"], "written KEY=VALUE, as one word: epochs=…"),
        (["points.csv", ""], "DATA is empty"),
        (["."], "Choose with --plugin "),
        (["toy"], "Did you mean --plugin toy?"),
        (["toy/ring8"], "Did you mean --plugin toy/ring8?"),
        (["point.csv"], "Did you mean points.csv or"),
        (["ftps://example.org/points.csv"], "databases at such an address"),
        (["nothing"], "the folder is empty"),
        (["letter.docx"], "no installed plugin reads .docx files"),
        (["both"], "Choose with --plugin "),
    ],
)
def test_one_line_and_code_2(gankit_here, points, tmp_path, words, message):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "letter.docx").touch()
    (tmp_path / "both").mkdir()
    for i in range(3):
        (tmp_path / "both" / f"{i}.png").touch()
        (tmp_path / "both" / f"{i}.wav").touch()
    done = gankit_here("train", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_long_run_is_said_before_training(gankit_here, monkeypatch):
    monkeypatch.setattr("gankit.screen.run.LONG", 0)
    words = ("train", "--plugin", "toy", "count=100", *SMALL, "--out")
    done = gankit_here(*words, "run")
    assert "warning: training takes about " in done.stderr
    assert done.stderr.index("--time 30m") < done.stderr.index("training in run")
    assert "--time" not in gankit_here(*words, "run").stderr
    assert "--time" not in gankit_here(*words, "limited", "train.time=100").stderr


def test_too_few_items_are_said(gankit_here, points, monkeypatch):
    monkeypatch.setattr(prepare, "too_few", lambda info, recipe, n: f"{n} items are few: {recipe}")
    words = ("train", "people.csv", "--dry-run", *SMALL)
    assert "warning: 60 items are few: default" in gankit_here(*words).stderr
    told = json.loads(gankit_here(*words, "--json").stdout)
    assert told["data"]["warnings"] == ["60 items are few: default"]
    assert told["chosen"]["plugin"] == "tabular (people.csv is a table)"


def test_the_doctor(gankit_here, monkeypatch):
    found = Ability("dots", "default", "Any dots", "dots", 9000, 1.0, projected=True)
    monkeypatch.setattr(machine, "abilities", lambda say: [found])
    done = gankit_here("doctor")
    assert "dots in about 2 hours" in done.stdout
    assert "about 2 h 30 min (projected)" in done.stdout
    assert "--time 30m" in done.stdout
    told = json.loads(gankit_here("doctor", "--json").stdout)
    assert told["abilities"][0]["seconds"] == 9000
    assert "abilities" not in json.loads(gankit_here("doctor", "--json", "--quick").stdout)
