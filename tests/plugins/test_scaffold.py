"""``gankit plugins new`` writes a plugin that works and conforms."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installing import made_known

from gankit.errors import GankitError
from gankit.plugins.scaffold import files, plugin_name, scaffold
from gankit.testing import CHECKS

ALL_PASSED = f"{len(CHECKS)} of {len(CHECKS)} checks passed"

HIDDEN = ("VIRTUAL_ENV", "PYTHONPATH", "GANKIT_PLUGINS")
"""Variables of this environment that a fresh one must not see."""

ROOT = Path(__file__).resolve().parents[2]


@given(st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True))
def test_every_name_gives_valid_files(name: str) -> None:
    for path, text in files(name):
        for placeholder in ("PLUGIN_", "GANKIT_BOUNDS", ".tmpl"):
            assert placeholder not in f"{path}\n{text}"
        if path.suffix == ".py":
            ast.parse(text)
        elif path.suffix == ".toml":
            table = tomllib.loads(text)
            assert "project" not in table or table["project"]["name"] == f"gankit-{name}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My Plugin", "e.g. my-plugin"),
        ("3d", "e.g. d"),
        ("waves-", "e.g. waves"),
        ("../../etc", "e.g. etc"),
        ("", "Use a-z"),
        ("gankit-", "Use a-z"),
        ("Wärme", "e.g. warme"),
        ("class", "'class' is a Python keyword"),
        ("toy", "there is a plugin named toy already"),
        ("my-own", "there is a plugin named my-own already"),
        ("other", "there is a plugin named other already"),
    ],
)
def test_names_that_do_not_fit(tmp_path: Path, monkeypatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GankitError, match=message):
        scaffold(name, taken=["toy", "gankit-other", "my_own"])
    assert not list(tmp_path.iterdir())


def test_the_prefix_is_optional() -> None:
    assert plugin_name("gankit-waves") == plugin_name("waves") == "waves"


@pytest.mark.parametrize("name", ["genome", "video", "image"])
def test_no_name_is_reserved(tmp_path: Path, name: str) -> None:
    """Only installed plugins have theirs."""
    folder = scaffold(name, tmp_path / name, taken=["toy"])
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"gankit-{name}"
    assert "gankit-bundled" not in project.get("keywords", ())


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    for target in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(GankitError, match="exists already"):
            scaffold("waves", target)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(GankitError, match="cannot replace the folder you are in"):
        scaffold("waves", Path())


def test_nothing_is_left_behind_when_the_disk_refuses(tmp_path: Path, monkeypatch) -> None:
    written: list[Path] = []

    def refuse(self: Path, *given: object, **named: object) -> None:
        written.append(self)
        if len(written) > 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(GankitError, match="No space left on device"):
        scaffold("waves", tmp_path / "waves")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffold("waves", tmp_path_factory.mktemp("made") / "gankit-waves")


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "check", "--config"], ["ruff", "format", "--check"], ["mypy"]],
    ids=" ".join,
)
def test_style_and_types(waves: Path, command: list[str]) -> None:
    """By its own rules, and by the core's."""
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ours = [str(ROOT / "pyproject.toml"), "--ignore", "I001"] if "--config" in command else []
    where, what = waves, "."
    if command[0] == "mypy":  # by the core's, which include its own: libraries are in our cache
        core, own = (
            tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["mypy"]
            for folder in (ROOT, waves)
        )
        assert own.items() <= core.items()
        where, what = ROOT, str(waves / "src")
    done = subprocess.run(
        [sys.executable, "-m", *command, *ours, what],
        cwd=where,
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(waves / "src")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_place_to_change_is_marked() -> None:
    marked = {path.name for path, text in files("waves") if "CHANGE" in text}
    expected = "pyproject.toml __init__ items codec networks evaluators preview modality default"
    for stem in expected.split():
        assert any(name.startswith(stem) for name in marked), stem


def test_its_own_tests_and_commands(waves: Path, tmp_path: Path, gankit) -> None:
    known = made_known(tmp_path / "site", waves)
    own = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=waves,
        capture_output=True,
        text=True,
        env={**os.environ, **known, "OMP_NUM_THREADS": "1"},
    )
    assert own.returncode == 0, own.stdout
    checked = gankit("plugins", "check", waves, "count=300", "hidden=16")
    assert checked.returncode == 0, checked.stdout
    assert ALL_PASSED in checked.stdout
    small = ["count=300", "hidden=16", "train.samples=640", "train.threads=1"]
    trained = gankit("train", "--plugin", "waves", "--out", "run", *small, **known)
    assert trained.returncode == 0, trained.stderr
    made = gankit("generate", "run", "-n", 5, "--where", "label=square", "--out", "made", **known)
    assert made.returncode == 0, made.stderr
    lines = (tmp_path / "made" / "curves.csv").read_text().splitlines()
    assert len(lines) == 6
    assert all(",square," in line and line.endswith(",1") for line in lines[1:])
    assert (
        "trainedAlgorithmicData" in next((tmp_path / "run" / "previews").glob("*.svg")).read_text()
    )


@pytest.mark.slow
def test_from_nothing_in_a_fresh_environment(tmp_path: Path) -> None:
    """The core as a wheel with its real dependencies, and a plugin's life from new to gone."""
    uv = shutil.which("uv") or (
        str(Path(sys.executable).with_name("uv")) if importlib.util.find_spec("uv") else None
    )
    if uv is None:
        pytest.skip("needs uv to make a fresh environment")

    def run(*words: object, needs: str = "") -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if k not in HIDDEN}
        done = subprocess.run(
            [*map(str, words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**clean, "GANKIT_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"},
        )
        if needs and done.returncode:
            pytest.skip(f"{needs}: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    index = "needs a package index"
    run(uv, "build", "--wheel", "--out-dir", tmp_path / "dist", ROOT, needs=index)
    run(uv, "venv", "--seed", tmp_path / "venv", needs=index)
    python = tmp_path / "venv" / "bin" / "python"
    (wheel,) = (tmp_path / "dist").glob("gankit-*.whl")
    constraints = ["--constraint", ROOT / "constraints.txt"]
    run(uv, "pip", "install", "--python", python, *constraints, wheel, needs=index)

    gankit = tmp_path / "venv" / "bin" / "gankit"
    run(gankit, "plugins", "new", "waves")
    run(gankit, "plugins", "install", "--editable", "./gankit-waves", "--yes")
    assert ALL_PASSED in run(gankit, "plugins", "check", "waves", "count=300").stdout
    run(gankit, "train", "--plugin", "waves", "--samples", "2k", "--out", "run")
    run(gankit, "generate", "run", "-n", "8", "--out", "made")
    assert (tmp_path / "made" / "curves.csv").is_file()
    run(gankit, "plugins", "uninstall", "waves", "--yes")
    assert json.loads(run(gankit, "plugins", "list", "--json").stdout) == []
