"""The pages for people who write plugins: their code goes into files, and their commands run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from installing import made_known
from test_docs import BLOCK

from gankit.hookspecs import MetricInfo, ObjectiveInfo, PenaltyInfo

DOCS = Path(__file__).resolve().parents[1] / "docs"
TUTORIAL, HOOKS = DOCS / "tutorials" / "build-a-plugin.md", DOCS / "how-to" / "hooks.md"
OURS = "run by tests/test_plugin_docs.py"
SMALL = ["--budget=640", "train.threads=1", "log.preview_count=8"]


def project(page: Path, folder: Path) -> Path:
    """Writes the blocks that begin with the name of a file; those of one name are one file."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        first, _, body = block["body"].partition("\n")
        if block["language"] in ("python", "toml"):
            file = folder / first.removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(f"{body}\n")
    for recipes in folder.glob("src/*/recipes"):
        (recipes / "__init__.py").touch()
    return folder


def commands(page: Path) -> list[str]:
    """The commands that the page marks as run here."""
    return [
        line.removeprefix("$ gankit ")
        for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
        if block["text"] == OURS
        for line in block["body"].splitlines()
    ]


def run_all(page: Path, folder: Path, known: dict[str, str]) -> dict[str, str]:
    """What each command of the page says."""
    said = {}
    for line in commands(page):
        words = shlex.split(line)
        done = subprocess.run(
            [sys.executable, "-m", "gankit", *words, *(SMALL if words[0] == "train" else [])],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **known, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "gankit: plugin" not in done.stderr, done.stderr
        said[line] = done.stdout
    return said


def test_the_tutorial(tmp_path: Path) -> None:
    made = project(TUTORIAL, tmp_path / "gankit-strokes")
    known = made_known(tmp_path / "site", made)
    said = run_all(TUTORIAL, tmp_path, known)
    assert "28 of 28 hold" in said["plugins check ./gankit-strokes"]
    (letters,) = (tmp_path / "generated").glob("*/strokes.jsonl")
    lines = letters.read_text().splitlines()
    assert len(lines) == 20
    assert all('"label": "S"' in line and '"generated": true' in line for line in lines)
    assert "Units in a hidden layer" in said["plugins show strokes"]


def test_the_tutorial_is_under_150_lines() -> None:
    blocks = BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8"))
    code = [b["body"].partition("\n")[2] for b in blocks if b["language"] == "python"]
    lines = [line for body in code for line in body.splitlines() if line.strip()]
    assert 100 < len(lines) < 150


@pytest.mark.parametrize("page", [TUTORIAL, HOOKS], ids=lambda p: p.stem)
def test_the_code_is_clean(page: Path, tmp_path: Path) -> None:
    made = project(page, tmp_path)
    pytest.importorskip("ruff")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--line-length=100",
            "--select=E,F,B",
            made,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


# --- Hooks --------------------------------------------------------------------------------------


def test_the_hooks_work_together(tmp_path: Path) -> None:
    made = project(HOOKS, tmp_path / "gankit-extras")
    known = made_known(tmp_path / "site", made)
    said = run_all(HOOKS, tmp_path, known)
    assert (
        "sliced_wasserstein/coordinates" in said["evaluate runs/hinge --metrics sliced_wasserstein"]
    )
    assert (tmp_path / "runs" / "hinge" / "now.html").read_text() == "done"
    losses = said["losses runs/hinge --last 3"].splitlines()
    assert len(losses) == 3
    assert all("  D " in line and "  G " in line for line in losses)
    assert '"drift": ' in (tmp_path / "runs" / "drift" / "metrics.jsonl").read_text()
    assert "Synthetic data made by gankit" in (tmp_path / "made" / "NOTICE.txt").read_text()
    assert "7 of 7 hold" in said["plugins check ./gankit-extras"]


@pytest.fixture
def extras(tmp_path: Path) -> dict[str, object]:
    """The names of the page's module."""
    names: dict[str, object] = {}
    file = project(HOOKS, tmp_path) / "src" / "gankit_extras" / "__init__.py"
    exec(compile(file.read_text(), str(file), "exec"), names)
    return names


def test_the_relativistic_hinge(extras) -> None:
    (info,) = extras["gankit_objectives"]()
    assert isinstance(info, ObjectiveInfo)
    real, fake = torch.tensor([0.0, 2.0, 0.5]), torch.tensor([0.0, 0.0, 0.0])
    assert info.discriminator(real, fake).tolist() == [1.0, 0.0, 0.5]
    assert info.generator(real, fake).tolist() == [1.0, 3.0, 1.5]
    fake.requires_grad_()
    (slope,) = torch.autograd.grad(info.generator(real, fake).sum(), fake)
    assert (slope < 0).all()  # G gains by raising its logits


def test_drift(extras) -> None:
    (info,) = extras["gankit_penalties"]()
    assert isinstance(info, PenaltyInfo)
    x = torch.tensor([[1.0], [3.0]])
    assert info.function(lambda x, c: 2 * x[:, 0], x, x, None).tolist() == [4.0, 36.0]


def test_sliced_wasserstein(extras) -> None:
    (info,) = extras["gankit_metrics"]()
    assert isinstance(info, MetricInfo)
    rng = np.random.default_rng
    a = rng(0).normal(size=(500, 3))

    def distance(shift: float) -> float:
        return info.function(a, a + np.array([shift, 0, 0]), rng(1))["sliced_wasserstein"]

    assert distance(0) == 0
    # A shift by s moves each projection by s times its cosine, whose square is 1/3 on average.
    assert distance(3) == pytest.approx(3 / 3**0.5, rel=0.1)
    assert distance(6) == pytest.approx(2 * distance(3))
