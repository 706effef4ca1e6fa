"""Training through the public door, on a modality of numbers."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from playing import StopAt, final_state
from safetensors.torch import load_file

from gankit import config as configuration
from gankit.errors import GankitError
from gankit.workflows import train as training

BASE = ["train.batch=16", "train.threads=1", "loss.r1=0.1", "loss.r2=0.1", "log.preview_count=6"]


def resolve(vectors, *words):
    return configuration.resolve(vectors.info, vectors.modality.Settings, overrides=[*BASE, *words])


def train(vectors, folder, *words, callbacks=()):
    return training.train(
        vectors, resolve(vectors, *words), folder, device="cpu", callbacks=callbacks
    )


VARIANTS = {
    "rpgan": [],
    "schedules": [
        "train.burn_in=200",
        "optim.lr=[1e-3, 1e-4]",
        "optim.beta2=[0.9, 0.99]",
        "ema.half_life=[0, 100]",
    ],
    "wgan-gp": [
        "loss.objective=wasserstein",
        "loss.r1=0",
        "loss.r2=0",
        "loss.gradient_penalty=10",
        "train.d_steps=3",
    ],
    "accumulate": ["train.accumulate=4", "train.precision=bf16"],
    "streamed": ["data.cache=never", "data.workers=0"],
    "finite-difference": ["loss.penalty_form=finite-difference", "loss.penalty_every=4"],
}


COMPILED = pytest.param(["train.compile=true"], id="compiled", marks=[
    pytest.mark.slow, pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")])  # fmt: skip


@pytest.mark.parametrize(
    "words", [*(pytest.param(words, id=name) for name, words in VARIANTS.items()), COMPILED]
)
def test_interrupted_and_resumed_is_bit_identical(vectors, tmp_path, words):
    """20 steps = 10 + Ctrl-C + 10."""
    words = [*words, "train.samples=960", "log.every=16"]
    assert train(vectors, tmp_path / "whole", *words) == "done"
    assert train(vectors, tmp_path / "cut", *words, callbacks=[StopAt(480)]) == "interrupted"
    assert train(vectors, tmp_path / "cut", *words) == "done"
    whole, about = final_state(tmp_path / "whole")
    cut, about_cut = final_state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    for name in whole:
        assert torch.equal(whole[name], cut[name]), name
    assert about["position"] == about_cut["position"]
    assert about["clock"]["samples"] == about_cut["clock"]["samples"] == 960
    seen = [
        json.loads(line)["samples"]
        for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
    ]
    assert seen == sorted(set(seen))


def test_training_moves_the_networks_and_finds_the_mean(vectors, tmp_path):
    """Each class's mean is learnt: conditions reach both networks."""
    train(
        vectors,
        tmp_path / "run",
        "train.samples=40_000",
        "train.batch=64",
        "optim.lr=2e-3",
        "ema.half_life=2000",
    )
    from gankit.workflows.data import read_data

    data = read_data(vectors, resolve(vectors))
    real = torch.tensor([v for v, k in data.train if k == 2]).mean()
    run = tmp_path / "run"
    made = load_file(run / "model" / "generator.safetensors")
    from vectors import MLP

    generator = MLP(4, 2)
    generator.load_state_dict(made)
    with torch.no_grad():
        fake = generator(torch.randn(4000, 4), torch.eye(3)[[2]].expand(4000, 3))
    assert abs(float(fake.mean()) - float(real)) < 0.35


def test_run_directory_is_complete(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=320")
    run = tmp_path / "run"
    for name in (
        "run.toml",
        "provenance.json",
        "metrics.jsonl",
        "log.txt",
        "previews",
        "checkpoints",
        "model/model.json",
        "model/generator.safetensors",
    ):
        assert (run / name).exists(), name
    record = json.loads((run / "provenance.json").read_text())
    assert record["status"] == "done"
    assert record["data"]["fingerprint"] == "fixed"
    assert record["data"]["train"] + record["data"]["heldout"] == 300
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["samples"] == 320
    assert {"d_loss", "g_loss", "r1", "r2", "guard", "samples_per_second"} <= last.keys()


def test_changed_settings_are_named(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=160")
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "run").rglob("*.toml"))
    with pytest.raises(GankitError, match=r"optim\.lr was 0\.0002, now 0\.01"):
        train(vectors, tmp_path / "run", "train.samples=160", "optim.lr=0.01")
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "run").rglob("*.toml"))


def test_a_finished_run_can_be_extended(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=160")
    assert train(vectors, tmp_path / "run", "train.samples=320") == "done"
    assert final_state(tmp_path / "run")[1]["clock"]["samples"] == 320


def test_changed_data_is_refused(vectors, tmp_path, monkeypatch):
    train(vectors, tmp_path / "run", "train.samples=160")
    read = vectors.modality.read
    monkeypatch.setattr(
        vectors.modality, "read", lambda *a: dataclasses.replace(read(*a), fingerprint="other")
    )
    with pytest.raises(GankitError, match="data has changed"):
        train(vectors, tmp_path / "run", "train.samples=320")


def test_divergence_keeps_the_last_good_checkpoint(vectors, tmp_path):
    with pytest.raises(GankitError, match="diverged"):
        train(
            vectors,
            tmp_path / "run",
            "train.samples=16_000",
            "optim.lr=1e30",
            "checkpoint.every=16",
            "optim.beta1=0.9",
        )
    tensors, _ = final_state(tmp_path / "run")
    assert all(t.isfinite().all() for k, t in tensors.items() if k.startswith("ema/"))
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())["status"] == "failed"


def test_time_budget_ends_a_run(vectors, tmp_path):
    assert train(vectors, tmp_path / "run", "train.samples=100_000_000", "train.time=1") == "done"
    assert 0.9 < final_state(tmp_path / "run")[1]["clock"]["seconds"] < 20


def test_only_one_process_trains_in_a_folder(vectors, tmp_path):
    from filelock import FileLock

    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(GankitError, match="another process"):
        train(vectors, tmp_path / "run", "train.samples=160")


def test_adaptive_augmentation_moves_p(vectors, tmp_path, monkeypatch):
    build = vectors.modality.build_networks
    monkeypatch.setattr(
        vectors.modality,
        "build_networks",
        lambda *a: dataclasses.replace(build(*a), augment=lambda x, p: x + p * torch.randn_like(x)),
    )
    train(
        vectors,
        tmp_path / "run",
        "train.samples=640",
        "augment.target=-0.0",
        "augment.speed=1000",
        "augment.p=0.25",
    )
    assert float(final_state(tmp_path / "run")[0]["augment_p"]) == 0.25
    train(
        vectors,
        tmp_path / "adapted",
        "train.samples=640",
        "augment.target=0.1",
        "augment.speed=1000",
        "optim.lr=1e-6",
        "optim.d_lr=1e-2",
    )
    assert float(final_state(tmp_path / "adapted")[0]["augment_p"]) > 0.05


def test_collapse_within_each_class_is_seen(vectors, tmp_path, monkeypatch):
    """A generator that ignores z and draws one thing a class: classes vary, samples do not."""

    class Deaf(torch.nn.Module):
        def __init__(self, generator):
            super().__init__()
            self.generator = generator

        def forward(self, z, c):
            return self.generator(torch.zeros_like(z), c)

    build = vectors.modality.build_networks

    def deaf(*given):
        networks = build(*given)
        return dataclasses.replace(networks, generator=Deaf(networks.generator))

    monkeypatch.setattr(vectors.modality, "build_networks", deaf)
    train(vectors, tmp_path / "run", "train.samples=640", "log.every=64")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["guard"] == "collapsing"
