"""Private tables: the command line, and the generator's conditions while training."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch

import gankit
from gankit.contract import Fitting
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.privacy.accountant import Plan
from gankit.engine.privacy.loss import PrivateLoss
from gankit.engine.privacy.secret import Privacy
from gankit.plugins.registry import installed
from gankit_tabular.codec.codec import CONDITIONED, EACH, MANY, SINGLE, TableCodec
from gankit_tabular.data.rows import Rows
from gankit_tabular.settings import TabularSettings

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
    k = len(codec.blocks)
    few = CONDITIONED * (1 - (1 - SINGLE) * (1 - EACH) ** k)
    share = MANY * k / (k + 1) + (1 - MANY) * few  # 1 - (1 - r)^k on average, r from U(0, 1)
    assert float(c.any(1).float().mean()) == pytest.approx(share, abs=0.01)
    for b in codec.blocks:
        block = c[:, b.slice]
        present = block.any(1)
        assert torch.equal(block[present].argmax(1), x[present, b.slice].argmax(1))
        assert (block[present].sum(1) == 1).all()


def test_the_cascades_per_sample_gradients_are_those_of_a_loop(people):
    plugin = installed().modality("tabular")
    settings = TabularSettings(digit_units=8)
    codec = plugin.modality.fit_codec(Rows(people), settings, Fitting())
    torch.manual_seed(0)
    networks = plugin.modality.build_networks(codec, settings)
    batch = codec.prepare(codec.encode(Rows(people)[:20], np.random.default_rng(0)))
    params = list(networks.generator.parameters())
    loop = [torch.zeros_like(p) for p in params]
    norms = []
    for i in range(20):
        one = networks.likelihood(batch.x[i : i + 1], batch.c[i : i + 1]).sum()
        found = torch.autograd.grad(one, params)
        norms.append(float(torch.cat([g.flatten() for g in found]).norm()))
        for total, g in zip(loop, found, strict=True):
            total += g * min(1, 3 / max(norms[-1], 1e-30))  # 0 where all is requested
    assert min(norms) < 3 < max(norms)
    plan = Plan(3.0, 1e-5, 3.0, 0.0, records=400, batch=20, steps=1)
    losses = PrivateLoss(networks, OBJECTIVES["rpgan"], privacy=Privacy(plan), position=lambda: 0)
    ours, _ = losses.likelihood_step(params, batch.x, batch.c)
    for a, b in zip(ours, loop, strict=True):
        torch.testing.assert_close(a, b / 20, atol=1e-5, rtol=1e-4)


GAME = {"loss__objective": "nonsaturating", "resampling__candidates": 1, "hidden": 16}


@pytest.mark.parametrize(
    ("recipe", "settings", "covers"),
    [
        ("default", {"digit_units": 8}, "The generator's weights"),
        ("one-shot", GAME, "The weights of both networks"),
    ],
)
def test_other_recipes_can_be_private(people, tmp_path, recipe, settings, covers):
    run = gankit.fit(
        *(f"tabular/{recipe}", people),
        out=tmp_path / "run",
        **settings,
        privacy__epsilon=3,
        train__samples=1024,
        train__batch=128,
        train__threads=1,
    )
    assert 2.9 < run.privacy["epsilon"] <= 3
    assert run.privacy["covers"].startswith(covers)
    assert len(run.sample(30)) == 30


def test_a_private_run_from_the_command_line(gankit, gankit_here, tmp_path, people):
    pa.csv.write_csv(people, tmp_path / "people.csv")
    words = ("train.samples=1024", "train.batch=64", "train.threads=1")
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
    assert '<h2 id="privacy">Privacy</h2>' in page
    assert "Not covered:" in page
    assert "taken for public" in page
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["privacy"] == record

    longer = gankit_here("train", "--out", "run", "--samples", "10k")
    assert longer.returncode == 2
    assert "would spend more than privacy.epsilon=3" in longer.stderr
    assert "Traceback" not in longer.stderr

    game = gankit_here(*train[:-1], "other", *words, "train.warm_up=0.5")
    assert game.returncode == 2
    assert "train.warm_up and a game after it" in game.stderr
    assert not (tmp_path / "other").exists()
