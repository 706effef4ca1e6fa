"""Private tables: the command line, and the generator's conditions while training."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch

from gankit_tabular.codec.codec import CONDITIONED, EACH, SINGLE, TableCodec

pytest.importorskip("dp_accounting")


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    n = 400
    return pa.table(
        {
            "age": rng.integers(17, 91, n),
            "city": [("Oslo", "Lima", "Rome")[v] for v in rng.integers(0, 3, n)],
            "member": np.where(rng.random(n) < 0.2, "yes", "no").tolist(),
        }
    )


def test_inferred_conditions_match_and_are_as_frequent_as_real_ones(people):
    codec = TableCodec.fit(people)
    torch.manual_seed(0)
    x = torch.rand(20_000, codec.layout.shape[0])
    c = codec.infer_conditions(x)
    share = CONDITIONED * (1 - (1 - SINGLE) * (1 - EACH) ** len(codec.blocks))
    assert float(c.any(1).float().mean()) == pytest.approx(share, abs=0.01)
    for b in codec.blocks:
        block = c[:, b.slice]
        present = block.any(1)
        assert torch.equal(block[present].argmax(1), x[present, b.slice].argmax(1))
        assert (block[present].sum(1) == 1).all()


def test_a_private_run_from_the_command_line(gankit, gankit_here, tmp_path, people):
    pa.csv.write_csv(people, tmp_path / "people.csv")
    words = ("hidden=16", "train.samples=1024", "train.batch=64", "train.threads=1")
    train = ("train", "--plugin", "tabular/private", "--data", "people.csv", "--out", "run")
    planned = gankit_here(*train, *words, "privacy.epsilon=3", "--dry-run")
    assert "privacy:        epsilon 3, delta 0.00031" in planned.stdout, planned.stderr

    done = gankit(*train, *words, "privacy.epsilon=3")
    assert done.returncode == 0, done.stderr
    assert "epsilon 3" in done.stderr

    shown = gankit_here("runs", "show", "run").stdout
    assert "differentially private weights, epsilon 3, delta 0.00031 (DP-SGD: clip" in shown
    assert "not covered: What the codec holds" in shown

    made = gankit_here("generate", "run", "-n", "30", "--where", "member=yes", "--out", "made")
    assert made.returncode == 0, made.stderr
    record = json.loads((tmp_path / "made" / "provenance.json").read_text())["privacy"]
    assert 2.9 < record["epsilon"] <= 3
    assert {
        "delta",
        "clip",
        "noise_multiplier",
        "sampling",
        "steps",
        "accountant",
        "adjacency",
    } <= (record.keys())

    evaluated = gankit_here("evaluate", "run", "--report", "report.html")
    assert evaluated.returncode == 0, evaluated.stderr
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Privacy</h2>" in page
    assert "Not covered:" in page
    assert "taken for public" in page
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["privacy"] == record

    longer = gankit_here("train", "--out", "run", "--samples", "10k")
    assert longer.returncode == 2
    assert "would spend more than privacy.epsilon=3" in longer.stderr
    assert "Traceback" not in longer.stderr

    relativistic = gankit_here(*train[:-1], "other", *words, "loss.objective=rpgan")
    assert relativistic.returncode == 2
    assert "its generator uses real samples" in relativistic.stderr
    assert not (tmp_path / "other").exists()
