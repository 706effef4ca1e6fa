"""The health of a run's codec: measured once, shown, recorded, and no reason not to train."""

from __future__ import annotations

import json
import math

import pytest
import torch
import vectors as vectors_module
from training import Heard, StopAt, final_state
from vectors import VectorCodec

from gankit import config as configuration
from gankit.contract import Health
from gankit.engine.settings import TrainSettings
from gankit.screen.training import Display
from gankit.workflows import train as training

WORDS = ["train.batch=16", "train.threads=1", "train.samples=160", "log.every=16"]
GOOD = Health("kept", 0.9, "90 % of numbers are kept", 1.0)
POOR = Health("used", 0.0, "no code is used", remedy="Train it for longer")


def use(monkeypatch, health):
    """A codec class of its own reports this: of one class, protocols remember what it once had."""
    measured = type("Measured", (VectorCodec,), {"health": health})
    monkeypatch.setattr(vectors_module, "VectorCodec", measured)


@pytest.fixture
def calls(monkeypatch):
    """Items and flags that the codec was measured on."""
    found = []

    def health(self, items, heldout, rng):
        found.append((len(items), heldout))
        torch.randn(3)
        return [GOOD, POOR]

    use(monkeypatch, health)
    return found


def train(vectors, folder, *words, callbacks=()):
    words = [*WORDS, *words]
    config = configuration.resolve(vectors.info, vectors.modality.Settings, overrides=words)
    return training.train(vectors, config, folder, device="cpu", callbacks=callbacks)


def recorded(folder):
    return json.loads((folder / "provenance.json").read_text()).get("codec")


def test_it_is_recorded_and_shown_and_what_is_bad_is_a_warning(vectors, tmp_path, calls, capsys):
    heard = Heard()
    shown = Display(TrainSettings(160))
    assert train(vectors, tmp_path / "run", callbacks=[heard, shown]) == "done"
    assert calls == [(60, True)]
    assert recorded(tmp_path / "run") == [
        {"name": "kept", "value": 0.9, "text": "90 % of numbers are kept", "baseline": 1.0},
        {
            "name": "used",
            "value": 0.0,
            "text": "no code is used",
            "remedy": "Train it for longer",
        },
    ]
    sentence = "codec: no code is used. Train it for longer"
    assert heard.warnings.count(sentence) == 1
    assert f"warning: {sentence}" in (tmp_path / "run" / "log.txt").read_text()
    lines = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert "codec: 90 % of numbers are kept" in lines
    assert lines.count(f"warning: {sentence}") == 1


def test_a_resumed_run_keeps_what_was_measured(vectors, tmp_path, calls):
    assert train(vectors, tmp_path / "run", callbacks=[StopAt(64)]) == "interrupted"
    before, heard = recorded(tmp_path / "run"), Heard()
    assert train(vectors, tmp_path / "run", callbacks=[heard]) == "done"
    assert len(calls) == 1
    assert recorded(tmp_path / "run") == before
    assert not [line for line in heard.warnings if line.startswith("codec")]


def test_measuring_does_not_change_training(vectors, tmp_path, calls, monkeypatch):
    train(vectors, tmp_path / "measured")
    monkeypatch.setattr(vectors_module, "VectorCodec", VectorCodec)
    train(vectors, tmp_path / "not")
    one, other = (final_state(tmp_path / name)[0] for name in ("measured", "not"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert recorded(tmp_path / "not") is None


def test_where_nothing_is_held_out_training_items_serve(vectors, tmp_path, calls):
    train(vectors, tmp_path / "run", "data.holdout=0")
    assert calls == [(256, False)]


def test_a_private_run_does_not_measure_on_its_data(vectors, tmp_path, calls):
    words = ["privacy.epsilon=5", "loss.objective=nonsaturating", "train.batch=32"]
    train(vectors, tmp_path / "run", *words)
    assert calls == []
    assert recorded(tmp_path / "run") is None


@pytest.mark.parametrize("what", ["an error", "no number"])
def test_what_cannot_be_measured_is_said_and_the_run_is_trained(
    vectors, tmp_path, monkeypatch, what
):
    def health(self, items, heldout, rng):
        if what == "an error":
            raise ZeroDivisionError("oh")
        return [Health("kept", math.nan, "it is kept")]

    use(monkeypatch, health)
    heard = Heard()
    assert train(vectors, tmp_path / "run", callbacks=[heard]) == "done"
    (line,) = [line for line in heard.warnings if "health" in line]
    assert line.startswith("the codec's health could not be measured: ")
    assert ("ZeroDivisionError: oh" in line) == (what == "an error")
    assert recorded(tmp_path / "run") is None
