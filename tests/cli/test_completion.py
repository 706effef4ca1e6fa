"""Completion by the shell, in processes as bash and zsh start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gankit
from gankit.cli._completion import METRICS
from gankit.metrics.evaluate import GROUPS

GANKIT = str(Path(sys.executable).parent / "gankit")
SMALL = {"train__samples": 64, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``runs/toy`` on points of two labels."""
    home = tmp_path_factory.mktemp("completion")
    rows = [f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(100)]
    (home / "real.csv").write_text("x,y,label\n" + "\n".join(rows) + "\n")
    gankit.fit("toy", home / "real.csv", out=home / "runs" / "toy", conditional=True, **SMALL)
    return home


def bash(folder, line):
    """The words that complete the last one of a line."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return run(folder, {"_GANKIT_COMPLETE": "complete_bash", **asked}).split()


def run(folder, asked):
    done = subprocess.run(
        [GANKIT], cwd=folder, env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gankit tr", ["train"]),
        ("gankit train --plugin to", ["toy"]),
        ("gankit train --plugin toy/gr", ["toy/grid25"]),
        ("gankit train -p toy --recipe ri", ["ring8"]),
        ("gankit train --recipe toy/ri", ["toy/ring8"]),
        ("gankit train -p toy hid", ["hidden="]),
        ("gankit train optim.l", ["optim.lr="]),
        ("gankit train --out ru", ["runs/toy"]),
        ("gankit train --sam", ["--samples"]),
        ("gankit generate ru", ["runs/toy"]),
        ("gankit generate runs/toy --format ", ["csv"]),
        ("gankit generate runs/toy --where la", ["label="]),
        ("gankit generate runs/toy --where label=", ["label=a", "label=b"]),
        ("gankit generate runs/toy --per-class 2 --by ", ["label"]),
        ("gankit generate runs/toy hid", ["hidden="]),
        ("gankit sample ru", ["runs/toy"]),
        ("gankit evaluate runs/toy --metrics frechet,k", ["frechet,kernel"]),
        ("gankit augment ru", ["runs/toy"]),
        ("gankit runs show ru", ["runs/toy"]),
        ("gankit recipes show toy/gr", ["toy/grid25"]),
        ("gankit plugins show to", ["toy"]),
        ("gankit generate nowhere --where ", []),
        ("gankit train -p nothing --recipe ", []),
    ],
)
def test_bash(folder, line, words):
    assert bash(folder, line) == words


def test_zsh_shows_what_the_words_mean(folder):
    asked = {"_TYPER_COMPLETE_ARGS": "gankit train -p toy/gr", "_GANKIT_COMPLETE": "complete_zsh"}
    found = run(folder, asked)
    assert found.startswith('_arguments \'*: :(("toy/grid25":')
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize("name", ["image", "audio", "tabular", "molecule"])
def test_formats_and_settings_are_those_of_the_plugin(name, monkeypatch):
    from types import SimpleNamespace

    from gankit.cli import _completion
    from gankit.config import describe
    from gankit.plugins.registry import installed

    modality = installed().modality(name).modality
    context = SimpleNamespace(params={"plugin": name}, args=[])
    assert [word for word, _ in _completion.formats(context, "")] == [*modality.formats]
    keys = [word.rstrip("=") for word, _ in _completion.sampling_settings(context, "")]
    assert keys == [setting.key for setting in describe(modality.Settings)]


def test_metrics_are_the_groups_of_all_extractors():
    assert set(METRICS) == set(GROUPS)


def test_nothing_heavy_is_imported(folder):
    words = "gankit generate runs/toy --format "
    script = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print(json.dumps([m for m in ('torch', 'numpy') "
        "if m in sys.modules]), file=sys.stderr))\n"
        "sys.argv = ['gankit']\n"
        "from gankit.cli import main\n"
        "main()\n"
    )
    asked = {"COMP_WORDS": words, "COMP_CWORD": "4", "_GANKIT_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["csv"]
    assert json.loads(done.stderr) == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_of_a_shell(tmp_path, shell):
    asked = {"_GANKIT_COMPLETE": f"source_{shell}"}
    assert f"complete_{shell}" in run(tmp_path, asked)
