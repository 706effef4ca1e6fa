"""Runs that start from another one's weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from training import StopAt, final_state

import gankit
from gankit import config as configuration
from gankit.engine.checkpoint import checkpoints
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.started import lineage
from gankit.workflows.request import request
from gankit.workflows.train import train
from gankit.workflows.transfer import Start, check_plugin

WORDS = ["train.batch=16", "train.threads=1", "train.samples=160", "log.preview_count=4"]
TENSOR = {"train.batch": 16, "train.threads": 1, "hidden": 8, "latent": 4, "log.verdict": 0}


def run(vectors, folder, *words, callbacks=()):
    settings = vectors.modality.Settings
    config = configuration.resolve(vectors.info, settings, overrides=[*WORDS, *words])
    return train(vectors, config, folder, device="cpu", callbacks=callbacks)


def record(folder):
    return json.loads((folder / "provenance.json").read_text())["started_from"]


@pytest.fixture
def source(vectors, tmp_path):
    run(vectors, tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A run on vectors of the classes a and b."""
    folder = tmp_path_factory.mktemp("labelled") / "source"
    x, c = np.random.default_rng(0).normal(size=(200, 3)), ["a", "b"] * 100
    gankit.fit("tensor", x, c, out=folder, samples=64, settings=TENSOR)
    return folder


def test_it_begins_with_the_average_and_the_discriminator_of_the_source(vectors, tmp_path, source):
    started = f"transfer.run={source}"
    assert run(vectors, tmp_path / "run", started, "checkpoint.keep=9") == "done"
    first = load_file(checkpoints(tmp_path / "run" / "checkpoints")[0] / "state.safetensors")
    theirs = final_state(source)[0]
    for name, value in theirs.items():
        player, _, weight = name.partition("/")
        if player in ("ema", "discriminator"):
            mine = "generator" if player == "ema" else player
            assert torch.equal(first[f"{mine}/{weight}"], value), name
    about = record(tmp_path / "run")
    assert (about["run"], about["samples"]) == ("source", 160)
    assert about["data"] == {"licence": "", "fingerprint": "fixed"}
    assert about["generator"]["taken"] == about["generator"]["total"]
    assert about["discriminator"]["new"] == []


def test_what_is_generated_names_the_whole_line(vectors, tmp_path, source):
    run(vectors, tmp_path / "second", f"transfer.run={source}")
    run(vectors, tmp_path / "third", f"transfer.run={tmp_path / 'second' / 'model'}")
    found = lineage(gankit.load(tmp_path / "third").model)
    assert [before["run"] for before in found] == ["second", "source"]


def test_resuming_is_exact_and_does_not_start_again(vectors, tmp_path, source):
    words = [f"transfer.run={source}", "transfer.freeze_d=1", "log.every=16"]
    run(vectors, tmp_path / "whole", *words)
    stopped = run(vectors, tmp_path / "halves", *words, callbacks=[StopAt(80)])
    assert stopped == "interrupted"
    shutil.rmtree(source)
    assert run(vectors, tmp_path / "halves", *words) == "done"
    whole, halves = (final_state(tmp_path / name) for name in ("whole", "halves"))
    assert whole[0].keys() == halves[0].keys()
    assert all(torch.equal(halves[0][name], value) for name, value in whole[0].items())
    assert record(tmp_path / "whole") == record(tmp_path / "halves")


def test_frozen_layers_stay_as_they_were(vectors, tmp_path, source):
    run(vectors, tmp_path / "run", f"transfer.run={source}", "transfer.freeze_d=1")
    mine, theirs = (final_state(folder)[0] for folder in (tmp_path / "run", source))
    changed = {k for k in mine if k.startswith("discriminator/") and (mine[k] != theirs[k]).any()}
    assert changed == {"discriminator/net.3.weight", "discriminator/net.3.bias"}
    assert record(tmp_path / "run")["frozen"] == ["net.0"]


def test_freezing_needs_weights_and_a_layer_that_is_trained(vectors, tmp_path, source):
    for words, said in {
        ("transfer.freeze_d=1",): r"freeze_d=1: there are no weights to freeze.*--from RUN",
        (f"transfer.run={source}", "transfer.freeze_d=2"): r"has 2 layers.*Use at most 1",
        (f"transfer.run={source / 'model'}", "transfer.freeze_d=1"): "has no discriminator",
    }.items():
        with pytest.raises(GankitError, match=said):
            run(vectors, tmp_path / "run", *words)
    assert not (tmp_path / "run" / "run.toml").exists()


def test_what_cannot_be_a_start(vectors, tmp_path, source):
    (tmp_path / "empty").mkdir()
    for place, said in {
        "nowhere": "no run at .*nowhere",
        "empty": "is not a run",
        "run": "cannot start from itself",
    }.items():
        with pytest.raises(GankitError, match=said):
            run(vectors, tmp_path / "run", f"transfer.run={tmp_path / place}")
    generator = source / "model" / "generator.safetensors"
    weights = load_file(generator)
    for name in [*weights]:
        weights[f"other.{name}"] = weights.pop(name)
    save_file(weights, generator, metadata={"samples": "160"})
    with pytest.raises(GankitError, match=r"trained with other networks: 0 of \d+ weights"):
        run(vectors, tmp_path / "run", f"transfer.run={source}")
    save_file({k: v * torch.inf for k, v in weights.items()}, generator, {"samples": "160"})
    with pytest.raises(GankitError, match=r"generator\.safetensors is damaged: its weights are"):
        run(vectors, tmp_path / "run", f"transfer.run={source}")
    generator.write_bytes(b"not tensors")
    with pytest.raises(GankitError, match=r"generator\.safetensors cannot be read"):
        run(vectors, tmp_path / "run", f"transfer.run={source}")


def test_a_damaged_checkpoint_is_named_and_left_alone(vectors, tmp_path, source):
    for checkpoint in checkpoints(source / "checkpoints"):
        (checkpoint / "state.safetensors").write_bytes(b"cut off")
    before = sorted(source.rglob("*"))
    with pytest.raises(GankitError, match="no checkpoint can be read.*copy of its model folder"):
        run(vectors, tmp_path / "run", f"transfer.run={source}")
    assert sorted(source.rglob("*")) == before
    assert run(vectors, tmp_path / "run", f"transfer.run={source / 'model'}") == "done"


def test_the_same_data_split_otherwise_is_warned_of(vectors, tmp_path, source):
    run(vectors, tmp_path / "other", f"transfer.run={source}", "train.seed=1")
    told = json.loads((tmp_path / "other" / "provenance.json").read_text())["data"]["warnings"]
    assert "it has seen items that are held out now" in told[0]


# --- Privacy ------------------------------------------------------------------------------------


def test_private_training_does_not_start_from_private_data_of_others(tmp_path):
    pytest.importorskip("dp_accounting")
    small = {"train.batch": 32, "train.threads": 1, "hidden": 8, "count": 200, "log.verdict": 0}
    private = {
        **small,
        "privacy.epsilon": 8.0,
        "loss.objective": "nonsaturating",
        "resampling.candidates": 1,
    }
    gankit.fit("toy/ring8", out=tmp_path / "plain", samples=64, settings=small)

    def fit(name, source, settings):
        out, start = tmp_path / name, tmp_path / source
        return gankit.fit("toy", out=out, samples=64, settings=settings, from_=start)

    with pytest.raises(GankitError, match=r"does not cover the data of .*plain.*transfer.public"):
        fit("a", "plain", private)
    public = fit("a", "plain", {**private, "transfer.public": True})
    assert "they were stated to be public" in public.privacy["does_not_cover"][-1]
    again = fit("b", "a", private)
    assert "the two add up" in again.privacy["does_not_cover"][-1]
    plain = fit("c", "a", small)
    assert plain.privacy is None
    assert record(plain.path)["privacy"]["epsilon"] == public.privacy["epsilon"]


# --- Codecs and classes -------------------------------------------------------------------------


def test_the_codec_of_the_source_is_kept_where_the_data_fit(labelled, tmp_path):
    x = np.random.default_rng(1).normal(5, 2, size=(120, 3))
    out, few = tmp_path / "run", {"train.threads": 1, "train.batch": 16}
    run = gankit.fit(
        "tensor", x, ["b", "a"] * 60, from_=labelled, out=out, samples=32, settings=few
    )
    assert run.settings.hidden == 8  # the networks are those of the source
    assert (run.codec.mean == gankit.load(labelled).codec.mean).all()
    assert record(run.path)["codec"] == "source"


def test_a_new_codec_and_new_classes_where_they_do_not(labelled, tmp_path):
    x = np.random.default_rng(1).normal(5, 2, size=(120, 3))
    data, out = (x, ["b", "c"] * 60), tmp_path / "run"
    few = {"train.threads": 1, "train.batch": 16}
    start = gankit.load(labelled)
    run = gankit.fit("tensor", *data, from_=start, out=out, samples=32, settings=few)
    assert record(run.path)["codec"] == "fitted"
    assert abs(run.codec.mean - 5).max() < 1
    assert any("a new codec is fitted" in w for w in run.record["data"]["warnings"])
    few["transfer.codec"] = "source"
    with pytest.raises(GankitError, match="do not fit the codec of .*transfer.codec=fitted"):
        gankit.fit("tensor", *data, from_=labelled, out=tmp_path / "no", samples=32, settings=few)
    assert not (tmp_path / "no" / "run.toml").exists()


def test_the_start_wins_over_that_of_a_configuration(labelled, tmp_path):
    table = gankit.load(labelled).table
    assert table["transfer"]["run"] == ""
    found = request("", None, None, lambda known: [], config=table, start=labelled)
    assert found.config.engine.transfer.run == str(labelled)
    assert found.config.settings.hidden == 8
    with pytest.raises(GankitError, match="cannot start from itself"):
        request("", None, None, lambda known: [], start=labelled / "model", out=labelled)


def test_a_plugin_may_name_others_whose_weights_fit(labelled, tmp_path, monkeypatch):
    """A run of tensor, as if toy had its networks: settings of the same names are taken over."""
    modality = installed().modality("toy").modality
    monkeypatch.setattr(type(modality), "transfers_from", ("tensor",))
    found = request("toy", None, None, lambda known: [], start=labelled)
    assert found.loaded.info.name == "toy"
    assert found.config.engine.transfer.run == str(labelled)
    assert found.config.settings.hidden == 8  # of the run, not of the recipe
    start = Start(labelled)
    start.check(found.loaded, found.config)
    assert start.codec(found.loaded, found.config, None, "") == (None, None)
    engine = replace(found.config.engine.transfer, codec="source")
    with pytest.raises(GankitError, match="whose codec is not for toy"):
        start.check(found.loaded, replace_transfer(found.config, engine))
    with pytest.raises(GankitError, match="Start from a run of plugin molecule"):
        check_plugin("runs/a", "tensor", installed().modality("molecule"))


def replace_transfer(config, transfer):
    return replace(config, engine=replace(config.engine, transfer=transfer))


def test_another_plugin_and_another_architecture_are_refused(labelled, tmp_path):
    with pytest.raises(GankitError, match="is a run of plugin tensor, not toy"):
        gankit.fit("toy", from_=labelled, out=tmp_path / "run")
    x = np.zeros((100, 3))
    with pytest.raises(GankitError, match=r"another architecture \(hidden=8 there, 16 here\)"):
        gankit.fit("tensor", x, from_=labelled, out=tmp_path / "run", hidden=16)
