"""Runs, files and folders with names that are markup, no UTF-8, or commands to the terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib

import pytest

from gankit.config.paths import from_text

TOY = [
    *("train", "--plugin", "toy", "hidden=8", "train.samples=128", "train.batch=32"),
    *("train.threads=1", "conditional=true"),
]


@pytest.fixture(scope="module")
def made(gankit_, tmp_path_factory):
    """A run on a file whose name is not UTF-8, and that file."""
    folder = tmp_path_factory.mktemp("odd")
    with open(os.fsdecode(bytes(folder) + b"/d\xe9.csv"), "w") as file:
        file.write("x,y,label\n" + "".join(f"{i % 7},{i % 5},[{i % 2}]\n" for i in range(60)))
    gankit_(*TOY, "--data", "d\udce9.csv", "--out", "run", cwd=folder)
    return folder


NAMES = ["run [v2]", "[bold]", "r\udce9", "a\x1b[31mb\nc", "x" * 200, "<b>&"]


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
@pytest.mark.parametrize("name", NAMES)
def test_every_command(gankit_, made, tmp_path, name):
    shutil.copytree(made / "run", tmp_path / "runs" / name)
    data = next(p for p in made.iterdir() if p.name.endswith(".csv"))
    shutil.copy(data, tmp_path / "d\udce9.csv")
    run = f"runs/{name}"
    shown = [
        gankit_("runs", "list", cwd=tmp_path).stdout,
        gankit_("runs", "show", run, cwd=tmp_path).stdout,
        gankit_("generate", run, "-n", "3", "--out", name, cwd=tmp_path).stdout,
        gankit_("evaluate", run, "-n", "12", cwd=tmp_path).stdout,
        gankit_("train", "--out", run, cwd=tmp_path).stdout,
        gankit_("generate", run, "--out", name, code=2, cwd=tmp_path).stderr,
        gankit_("generate", f"{run}x", code=2, cwd=tmp_path).stderr,
    ]
    assert not any("\x1b" in text for text in shown)
    plain = name.replace("\udce9", r"\xe9").replace("\x1b", r"\x1b").replace("\n", r"\n")
    assert all(plain in text for text in shown[1:3])
    assert plain in shown[0] or len(name) > 100  # the column is as wide as the screen
    listed = json.loads(gankit_("runs", "list", "--json", cwd=tmp_path).stdout)
    assert [os.path.basename(r["run"]) for r in listed] == [name]
    record = json.loads((tmp_path / name / "provenance.json").read_text())
    assert record["generated"]
    report = (tmp_path / run / "report.html").read_text()
    assert "<b>&" not in report


def test_a_path_that_is_not_utf_8_is_kept_byte_for_byte(made):
    table = tomllib.loads((made / "run" / "run.toml").read_text(encoding="utf-8"))
    assert from_text(table["run"]["data_path"]).endswith("/d\udce9.csv")


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1251"}, {"LC_ALL": "C"}])
def test_a_terminal_of_another_encoding(gankit, made, environment):
    done = gankit("runs", "list", ".", cwd=made, PYTHONUTF8="0", **environment)
    assert done.returncode == 0, done.stderr
    shown = gankit("runs", "show", "run", cwd=made, PYTHONUTF8="0", **environment)
    assert shown.returncode == 0, shown.stderr
