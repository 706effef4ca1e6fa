"""What ``make bench`` writes, from scripts that take no time; and other scripts at toy size."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TABLE = "| what | CPU s |\n|---|---|\n| one | 1.5 |\n| **two** | 2,500 |\n| none | – |"
WRITTEN = "# Results\n\nBy hand.\n\n## Start\n\nProse.\n\n## Step\n\nMore prose.\n"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import run

    return run


@pytest.fixture
def measured(bench, tmp_path, monkeypatch):
    """Runs a script of this text."""
    monkeypatch.setattr(bench, "HERE", tmp_path)
    results = tmp_path / "RESULTS.md"
    results.write_text(WRITTEN)

    def measure(text, **options):
        (tmp_path / "toy.py").write_text(text)
        benchmark = bench.Benchmark("toy", "A toy", **options)
        outcome = bench.measure([benchmark], results, tmp_path / "plots")["toy"]
        return outcome, results.read_text()

    return measure


def test_tables_stand_between_comments_and_prose_stays(measured):
    outcome, text = measured(f"print('''{TABLE}''')")
    assert not outcome.failure
    begin, end = text.index("<!-- bench: toy -->"), text.index("<!-- end: toy -->")
    section = text[begin:end]
    assert TABLE in section
    assert "`python benchmarks/toy.py`" in section
    assert re.search(r"\d{4}-\d\d-\d\d; .+ cores, load .+; Python 3.+torch 2", section)
    assert text.index("## Measured by `make bench`") < begin < text.index("## Start")
    outside = text[:begin] + text[end:]
    assert all(part in outside for part in ("By hand.", "## Start\n\nProse.", "More prose."))
    again = measured("print('| a |\\n|---|\\n| other |')")[1]
    assert "other" in again
    assert "2,500" not in again
    assert again.count("<!-- bench: toy -->") == 1


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("import sys; sys.exit('no data: give --data')", {}, "exit code 1: no data: give --data"),
        ("import time; time.sleep(60)", {"minutes": 0.01}, "it took more than 0.01 minutes"),
        ("print(1)", {"needs": ["no_such_package"]}, "package no_such_package is not installed"),
        ("print(1)", {"needs": ["/no/such/file"]}, "/no/such/file is missing"),
    ],
)
def test_a_failure_is_reported_and_earlier_figures_are_kept(measured, text, options, why):
    first = measured(text, **options)[1]
    assert f"{why}.**" in first
    measured(f"print('''{TABLE}''')")
    for _ in range(2):
        outcome, kept = measured(text, **options)
        assert outcome.failure == why
        assert kept.count("**Not measured on ") == 1
        assert TABLE in kept


def test_a_column_is_drawn(bench, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "plots" / "toy.svg"
    assert bench.plot(f"Words.\n\n{TABLE}\n", "CPU s", "A toy", file)
    drawn = file.read_text()
    assert all(text in drawn for text in ("A toy", "one", "1.5", "2500"))
    assert not bench.plot(TABLE, "no such column", "A toy", file)
    assert bench.plot(TABLE, "CPU s", "A toy", again := tmp_path / "again.svg")
    assert again.read_text() == drawn


def test_every_script_is_run_or_listed(bench):
    scripts = {p.stem for p in BENCHMARKS.glob("*.py") if "\ndef main(" in p.read_text()}
    listed = {b.script for b in bench.BENCHMARKS} | set(bench.LONGER) | {"run"}
    modules = {"datasets", "entity_methods", "table_methods"}
    assert scripts - modules == listed


def test_the_exponent_of_a_cost(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from growth import exponent

    sizes = (10, 100, 1000)
    assert exponent(sizes, (0.1, 1, 10), 0.01) == pytest.approx(1)
    assert exponent(sizes, (0.1, 10, 1000), 0.01) == pytest.approx(2)
    assert exponent(sizes, (0.001, 0.002, 0.003), 0.01) is None


@pytest.mark.slow
def test_a_gpu_step_at_toy_size():
    command = [sys.executable, str(BENCHMARKS / "gpu_step.py"), "--toy", "--recipes", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "**" not in done.stdout, done.stdout
    assert re.search(r"\| cpu \| fp32 \| 8, 4 \| [\d,.]+ \|", done.stdout)


def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_step
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_step.py"])
    assert gpu_step.main() == 2
    assert "no GPU" in capsys.readouterr().err
