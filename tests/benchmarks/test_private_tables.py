"""The benchmark of private tables, at toy size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

pytest.importorskip("dp_accounting")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_row_for_each_epsilon(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import private

    rng = np.random.default_rng(0)
    age = rng.integers(17, 91, 500)
    member = np.where(rng.random(500) < age / 120, "yes", "no").tolist()
    table = pa.table({"age": age, "city": rng.choice(["Oslo", "Lima"], 500), "member": member})
    files = [str(tmp_path / name) for name in ("train.csv", "test.csv")]
    for file, part in zip(files, (table.slice(0, 400), table.slice(400)), strict=True):
        pa.csv.write_csv(part, file)
    words = ["--train", files[0], "--test", files[1], "--epsilon", "3", "0"]
    private.main([*words, "--ours", "train.samples=1024", "train.batch=64"])
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if "|" in line]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert [row[0] for row in rows] == ["real test rows", "3", "none"]
    shown = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["steps"] for row in shown] == ["–", "16", "16"]
    for row in shown[1:]:
        for name in ("fidelity", "membership AUC, black box", "membership AUC, white box"):
            assert 0 < float(row[name].split()[0]) < 1
    assert 0.8 < float(shown[0]["fidelity"].split()[0]) < 1
