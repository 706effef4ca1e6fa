"""The tutorials that are notebooks run, and their stored outputs are current."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / "tools" / "run_notebook.py"
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def ran(file: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", TOOL, file]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def kinds(cell):
    return [(o["output_type"], sorted(o.get("data", {}))) for o in cell["outputs"]]


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda p: p.name)
def test_it_runs_with_the_stored_kinds_of_output(file: Path, tmp_path: Path) -> None:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    stored = [kinds(cell) for cell in code(notebook)]
    assert [cell["execution_count"] for cell in code(notebook)] == list(range(1, len(stored) + 1))
    for cell in code(notebook):
        cell["source"] = [
            re.sub(r"(gankit\.fit\([^)]*)\)", r"\1, train__samples=10_000, log__verdict=0)", line)
            for line in cell["source"]
        ]
        cell["outputs"] = []
    small = tmp_path / file.name
    small.write_text(json.dumps(notebook), encoding="utf-8")
    done = ran(small)
    assert done.returncode == 0, done.stderr
    assert [kinds(cell) for cell in code(json.loads(small.read_text(encoding="utf-8")))] == stored


def test_it_fits_a_data_frame_and_samples_rows() -> None:
    text = "".join((ROOT / "docs" / "tutorials" / "tables.ipynb").read_text(encoding="utf-8"))
    assert 'gankit.fit(\\"tabular\\", df' in text
    assert ".sample(1000)" in text


@pytest.mark.parametrize(
    ("cell", "message"), [("1 / 0", "ZeroDivisionError"), ("!exit 3", "exit code 3")]
)
def test_a_cell_that_fails_is_a_failure(tmp_path: Path, cell: str, message: str) -> None:
    file = tmp_path / "bad.ipynb"
    before = json.dumps({"cells": [{"cell_type": "code", "source": [cell], "outputs": []}]})
    file.write_text(before)
    done = ran(file)
    assert done.returncode != 0
    assert message in done.stderr
    assert file.read_text() == before
