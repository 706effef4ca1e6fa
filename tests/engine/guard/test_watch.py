"""A run that fails is healed, and interrupted anywhere it goes on bit for bit."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from training import Heard, StopAt, final_state

from gankit import config as configuration
from gankit.engine.checkpoint import checkpoints
from gankit.errors import GankitError
from gankit.workflows import train as training

BASE = ["train.batch=16", "train.threads=1", "loss.r1=0.1", "loss.r2=0.1", "log.preview_count=6",
        "log.verdict=0", "guard.every=32", "guard.samples=32", "train.samples=1600",
        "ema.half_life=40", "optim.lr=1e-2"]  # fmt: skip


def train(vectors, folder, *words, callbacks=()):
    config = configuration.resolve(
        vectors.info, vectors.modality.Settings, overrides=[*BASE, *words]
    )
    return training.train(vectors, config, folder, device="cpu", callbacks=callbacks)


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def events(folder):
    return [(line["samples"], e) for line in lines(folder) for e in line.get("events", [])]


class Failing(nn.Module):
    """A generator whose samples become what ``fault`` makes of them once it has been trained for a
    number of steps; they recover with weights that were restored."""

    def __init__(self, generator, fault, after):
        super().__init__()
        self.generator, self.fault, self.after = generator, fault, after
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, z, c):
        if self.training:
            self.steps += 1
        x = self.generator(z, c)
        return self.fault(x) if self.steps > self.after else x


@pytest.fixture
def fail(vectors, monkeypatch):
    """Lets samples fail after so many passes of the generator in training."""
    build = vectors.modality.build_networks

    def set_up(fault, after=70):
        def failing(*given):
            networks = build(*given)
            broken = Failing(networks.generator, fault, after)
            return dataclasses.replace(networks, generator=broken)

        monkeypatch.setattr(vectors.modality, "build_networks", failing)

    return set_up


def collapsed(x):
    return x * 0 + x.mean(0)


def far(x):
    return x + 1e3


def broken(x):
    return x * float("nan")


@pytest.mark.parametrize(
    ("fault", "state"), [(collapsed, "collapsing"), (far, "diverged"), (broken, "diverged")]
)
def test_a_failure_is_healed(vectors, tmp_path, fail, fault, state):
    fail(fault)
    assert train(vectors, tmp_path / "run") == "done"
    found = [e for _, e in events(tmp_path / "run")]
    healed = [e["kind"] for e in found].index("heal")
    assert found[healed - 1]["state"] == state
    assert "attempt 1 of 5" in found[healed]["text"]
    # Restored, but for the clock: samples seen never go back.
    seen = [line["samples"] for line in lines(tmp_path / "run")]
    assert all(a <= b for a, b in itertools.pairwise(seen))
    assert seen[-1] == 1600


def test_a_healed_run_resumes_bit_for_bit(vectors, tmp_path, fail):
    """Interrupted before the failure, between two interventions and after them."""
    fail(collapsed)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert train(vectors, whole) == "done"
    healed = [at for at, e in events(whole) if e["kind"] == "heal"]
    assert len(healed) > 1
    for stop in (healed[0] - 64, healed[0] + 16, healed[1] + 16):
        assert train(vectors, cut, callbacks=[StopAt(stop)]) == "interrupted"
    assert train(vectors, cut) == "done"
    (tensors, about), (again, about_again) = final_state(whole), final_state(cut)
    assert tensors.keys() == again.keys()
    assert all(torch.equal(tensors[k], again[k]) for k in tensors)
    assert about["guard"] == about_again["guard"]
    assert events(whole) == events(cut)


def test_warning_leaves_training_as_it_is(vectors, tmp_path, fail):
    """A guard that only warns, and none that finds anything, train the same weights."""
    for out, action in (("a", "warn"), ("b", "heal")):
        train(vectors, tmp_path / out, f"guard.action={action}")
    a, b = (final_state(tmp_path / out)[0] for out in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)
    fail(collapsed)
    train(vectors, tmp_path / "run", "guard.action=warn")
    assert {e["kind"] for _, e in events(tmp_path / "run")} == {"state"}


def test_how_often_it_is_checked_does_not_change_training(vectors, tmp_path):
    for out, every in (("a", 32), ("b", 400)):
        train(vectors, tmp_path / out, f"guard.every={every}")
    a, b = (final_state(tmp_path / out)[0] for out in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_stopping_is_an_error_that_keeps_the_model(vectors, tmp_path, fail):
    fail(collapsed)
    with pytest.raises(GankitError, match="training collapsed after .* samples"):
        train(vectors, tmp_path / "run", "guard.action=stop")
    assert (tmp_path / "run" / "model" / "generator.safetensors").is_file()
    samples = lines(tmp_path / "run")[-1]["samples"]
    with pytest.raises(GankitError, match=f"training collapsed after {samples:,} samples"):
        train(vectors, tmp_path / "run", "guard.action=stop")
    assert lines(tmp_path / "run")[-1]["samples"] == samples
    # The last healthy checkpoint is still there to go back to.
    assert train(vectors, tmp_path / "run") == "done"
    kinds = [e["kind"] for _, e in events(tmp_path / "run")]
    assert kinds.index("stop") < kinds.index("heal")
    assert len(checkpoints(tmp_path / "run" / "checkpoints")) <= 4


def test_the_best_weights_are_kept_beside_the_latest(vectors, tmp_path, fail):
    fail(far)
    train(vectors, tmp_path / "run", "guard.action=warn")
    tensors, about = final_state(tmp_path / "run")
    assert about["guard"]["is_latest"] is False
    assert about["guard"]["best_samples"] < 1200
    best = load_file(tmp_path / "run" / "model" / "generator.safetensors")
    assert all(torch.equal(best[k], tensors[f"best/{k}"]) for k in best)


def test_the_duality_gap_is_measured_at_its_interval_and_changes_nothing(vectors, tmp_path):
    train(vectors, tmp_path / "a")
    train(vectors, tmp_path / "b", "guard.duality=800")
    measured = [line for line in lines(tmp_path / "b") if "duality_gap" in line]
    assert len(measured) == 3
    a, b = (final_state(tmp_path / out)[0] for out in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_too_few_held_out_items_are_said(vectors, tmp_path):
    heard = Heard()
    train(vectors, tmp_path / "run", "data.holdout=0", callbacks=[heard])
    assert any("held-out items are too few to watch" in text for text in heard.warnings)
    assert not any("copying" in line for line in lines(tmp_path / "run"))


def test_a_check_that_cannot_be_made_ends_nothing(vectors, tmp_path, monkeypatch):
    def raising(*given):
        raise ValueError("no features today")

    monkeypatch.setattr("gankit.metrics.in_training.Reference.compare", raising, raising=False)
    monkeypatch.setattr("gankit.metrics.in_training.Reference._baselines", lambda self: {})
    assert train(vectors, tmp_path / "run") == "done"
    assert [e["kind"] for _, e in events(tmp_path / "run")] == ["check"]
    assert "no features today" in events(tmp_path / "run")[0][1]["text"]


def test_the_line_of_a_failure_names_it(vectors, tmp_path, fail):
    fail(far)
    train(vectors, tmp_path / "run")
    healed = [line for line in lines(tmp_path / "run") if "heal" in str(line.get("events"))]
    assert {line["guard"] for line in healed} <= {"diverged", "collapsing"}


@pytest.mark.parametrize(
    "word",
    ["guard.action=cure", "guard.attempts=-1", "guard.samples=3", "guard.patience=1",
     "guard.early_stop=2", "guard.every=-5"],
)  # fmt: skip
def test_settings_out_of_range_are_refused(vectors, word):
    with pytest.raises(GankitError, match=word.split("=")[0]):
        configuration.resolve(vectors.info, vectors.modality.Settings, overrides=[word])
