"""The pages for authors of plugins: their code is written to files, and their commands run."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import typer
from installing import made_known
from pages import BLOCK
from PIL import Image
from preforked import Preforked

from gankit.contract import Metric, Objective, Penalty, quiet
from gankit.errors import GankitError
from gankit.testing import CHECKS, HOOK_CHECKS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TUTORIAL, HOOKS = DOCS / "tutorials" / "build-a-plugin.md", DOCS / "how-to" / "hooks.md"
OURS = "run by tests/test_plugin_docs.py"
SMALL = ["--samples=640", "train.threads=1", "log.preview_count=8"]
ALL_PASSED = r"(\d+) of \1 checks passed"


def project(page: Path, folder: Path) -> Path:
    """Writes the blocks that begin with a file's name; blocks of one name make one file."""
    files: dict[str, list[str]] = {}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["language"] in ("python", "toml"):
            first, _, body = block["body"].partition("\n")
            files.setdefault(first.removeprefix("# "), []).append(body)
    for name, bodies in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n\n".join(bodies), encoding="utf-8")
    for recipes in folder.glob("src/*/recipes"):
        (recipes / "__init__.py").touch()
    return folder


def commands(page: Path) -> list[str]:
    """The commands that the page marks as run by this test."""
    return [
        line.removeprefix("$ gankit ")
        for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
        if block["text"] == OURS
        for line in block["body"].splitlines()
    ]


def run_all(
    page: Path, folder: Path, known: dict[str, str], preforked: Preforked
) -> dict[str, str]:
    """The output of each command of the page."""
    output = {}
    for line in commands(page):
        words = shlex.split(line)
        more = SMALL if words[0] == "train" else []
        done = preforked(["gankit", *words, *more], folder, **known)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "gankit: plugin" not in done.stderr, done.stderr
        output[line] = done.stdout
    return output


@pytest.mark.slow
def test_the_tutorial(tmp_path: Path, preforked: Preforked) -> None:
    made = project(TUTORIAL, tmp_path / "gankit-strokes")
    known = made_known(tmp_path / "site", made)
    output = run_all(TUTORIAL, tmp_path, known, preforked)
    assert re.search(ALL_PASSED, output["plugins check ./gankit-strokes"])
    (letters,) = (tmp_path / "generated").glob("*/strokes.jsonl")
    rows = [json.loads(line) for line in letters.read_text().splitlines()]
    assert len((tmp_path / "letters.jsonl").read_text().splitlines()) == 20
    assert (tmp_path / "letters.jsonl.provenance.json").is_file()
    assert (tmp_path / "runs" / "letters" / "previews" / "progress.gif").is_file()
    assert len(rows) == 20
    assert {row["label"] for row in rows} == {"S"}
    assert all(row["generated"]["Software"].startswith("gankit ") for row in rows)
    assert "trainedAlgorithmicMedia" in rows[0]["generated"]["DigitalSourceType"]
    assert "Units in a hidden layer" in output["plugins show strokes"]
    provenance = json.loads((tmp_path / "runs" / "letters" / "provenance.json").read_text())
    assert "synthetic" in provenance["data"]["description"]


@pytest.fixture
def strokes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tutorial's module ``gankit_strokes.modality``, in this process."""
    made = project(TUTORIAL, tmp_path / "gankit-strokes")
    for name in [name for name in sys.modules if name.partition(".")[0] == "gankit_strokes"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(made / "src")
    return importlib.import_module("gankit_strokes.modality")


def test_the_tutorial_reads_the_users_strokes(tmp_path: Path, strokes: ModuleType) -> None:
    file = tmp_path / "pixels.jsonl"
    good = [{"points": [[100 + i, 900], [100, 400], [300, 400]], "label": "L"} for i in range(12)]
    points = ("[[NaN, 0], [1, 1]]", "[[1, 2, 3], [4, 5, 6]]", "[1, 2, 3, 4]", "[]", "[[1, 2], [3]]")
    bad = [f'{{"points": {p}, "label": "L"}}' for p in points] + ['{"points": [[1, 2], [3, 4]]}']
    file.write_text("".join(f"{line}\n" for line in [*map(json.dumps, good), *bad]))
    modality = strokes.StrokeModality()
    found = modality.read(file, strokes.StrokeSettings(), quiet)
    assert len(found.items) == 12
    assert [p.location for p in found.issues] == [f"pixels.jsonl, line {n}" for n in range(13, 19)]
    assert all(len(item.points) == 24 for item in found.items)

    shown = modality.preview(found.items, codec=None)
    picture = Image.open(io.BytesIO(shown.content))
    assert (shown.media_type, picture.size) == ("image/png", (480, 120))
    dark = np.argwhere(np.asarray(picture) < 128)
    cells = {(int(y) // 60, int(x) // 60) for y, x in dark}
    assert cells == {(i // 8, i % 8) for i in range(12)}  # each stroke within its own cell
    assert (dark % 60 >= 3).all() and (dark % 60 < 57).all()  # noqa: PT018 - one frame
    assert "generated" in picture.text["Source"]


def test_the_tutorial_reports_why_data_cannot_be_used(tmp_path: Path, strokes: ModuleType) -> None:
    file = tmp_path / "few.jsonl"
    file.write_text('{"points": [[0, 0], [1, 1]], "label": "a"}\n{"points": []}\n')
    read = strokes.StrokeModality().read
    with pytest.raises(GankitError, match=r"few.jsonl has 1 usable strokes.*line 2") as raised:
        read(file, strokes.StrokeSettings(), quiet)
    assert "\n" not in str(raised.value)
    with pytest.raises(GankitError, match=r"nowhere.jsonl: No such file"):
        read(tmp_path / "nowhere.jsonl", strokes.StrokeSettings(), quiet)


def test_the_tutorial_is_under_150_lines() -> None:
    blocks = BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8"))
    code = [b["body"].partition("\n")[2] for b in blocks if b["language"] == "python"]
    lines = [line for body in code for line in body.splitlines() if line.strip()]
    assert 100 < len(lines) < 150


@pytest.mark.slow
def test_the_code_is_clean(tmp_path: Path) -> None:
    made = [project(page, tmp_path / page.stem) for page in (TUTORIAL, HOOKS)]
    places = [str(one / "src") for one in made]
    style = ["--isolated", "--line-length=100", "--target-version=py311"]
    for folder, *words in (
        (tmp_path, "ruff", "check", *style, "--select=E,F,W,I,B,UP,SIM,C4,N"),
        (tmp_path, "ruff", "format", *style, "--diff"),
        (ROOT, "mypy", "--config-file=pyproject.toml"),  # which says strict
    ):
        pytest.importorskip(words[0])
        done = subprocess.run(
            [sys.executable, "-m", *words, *places],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "MYPYPATH": os.pathsep.join(places)},
        )
        assert done.returncode == 0, done.stdout + done.stderr


# --- Hooks --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_hooks_work_together(tmp_path: Path, preforked: Preforked) -> None:
    made = project(HOOKS, tmp_path / "gankit-extras")
    known = made_known(tmp_path / "site", made)
    output = run_all(HOOKS, tmp_path, known, preforked)
    evaluation = output["evaluate runs/hinge --metrics sliced_wasserstein"]
    assert "sliced_wasserstein/coordinates" in evaluation
    assert (tmp_path / "runs" / "hinge" / "now.html").read_text() == "done"
    losses = output["losses runs/hinge --last 3"].splitlines()
    assert len(losses) == 3
    assert all("  D " in line and "  G " in line for line in losses)
    assert '"drift": ' in (tmp_path / "runs" / "drift" / "metrics.jsonl").read_text()
    assert "Synthetic data made by gankit" in (tmp_path / "made" / "NOTICE.txt").read_text()
    assert re.search(ALL_PASSED, output["plugins check ./gankit-extras"])


@pytest.fixture
def extras(tmp_path: Path) -> dict[str, Any]:
    """The names of the page's module."""
    return runpy.run_path(str(project(HOOKS, tmp_path) / "src" / "gankit_extras" / "__init__.py"))


def test_the_relativistic_hinge(extras: dict[str, Any]) -> None:
    (info,) = extras["gankit_objectives"]()
    assert isinstance(info, Objective)
    real, fake = torch.tensor([0.0, 2.0, 0.5]), torch.tensor([0.0, 0.0, 0.0])
    assert info.discriminator(real, fake).tolist() == [1.0, 0.0, 0.5]
    assert info.generator(real, fake).tolist() == [1.0, 3.0, 1.5]
    fake.requires_grad_()
    (slope,) = torch.autograd.grad(info.generator(real, fake).sum(), fake)
    assert (slope < 0).all()  # G gains by raising its logits
    (slope,) = torch.autograd.grad(info.discriminator(real, fake).sum(), fake)
    assert slope.tolist() == [1, 0, 1]  # D by lowering them, up to a margin of 1


def test_drift(extras: dict[str, Any]) -> None:
    (info,) = extras["gankit_penalties"]()
    assert isinstance(info, Penalty)
    x = torch.tensor([[1.0], [3.0]])
    assert info.function(lambda x, c: 2 * x[:, 0], x, x, None).tolist() == [4.0, 36.0]


def test_sliced_wasserstein(extras: dict[str, Any]) -> None:
    (info,) = extras["gankit_metrics"]()
    assert isinstance(info, Metric)
    rng = np.random.default_rng
    a = rng(0).normal(size=(500, 3))

    def distance(shift: float) -> float:
        return info.function(a, a + np.array([shift, 0, 0]), rng(1))["sliced_wasserstein"]

    assert distance(0) == 0
    # A shift by s moves each projection by s times its cosine, whose square is 1/3 on average.
    assert distance(3) == pytest.approx(3 / 3**0.5, rel=0.1)
    assert distance(6) == pytest.approx(2 * distance(3))


def test_losses_needs_a_run(extras: dict[str, Any], tmp_path: Path) -> None:
    app = typer.Typer()
    extras["gankit_commands"](app)
    (command,) = app.registered_commands
    with pytest.raises(GankitError, match=r"nowhere has no metrics.jsonl"):
        command.callback(tmp_path / "nowhere")


# --- The reference ------------------------------------------------------------------------------


def test_every_check_is_listed() -> None:
    page = runpy.run_path(str(DOCS / "_ext" / "gankit_reference.py"))["pages"]()["checks.md"]
    for check in (*CHECKS, *HOOK_CHECKS):
        assert f"| `{check.name}` | {check.summary.split()[0]}" in page
