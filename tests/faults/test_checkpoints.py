"""Damaged checkpoints: the one before is used, and where there is none, that is said."""

from __future__ import annotations

import json
import shutil
import struct

import pytest
import torch
from faults import DATED, SMALL, command, outcome, said
from safetensors.torch import load_file, save_file

SELDOM = [*(word for word in SMALL if not word.startswith("log.preview=")), "log.preview=10000"]
"""Without the preview in mid-run that the last one of a shorter run stands in for."""
MORE = ["train", "--out", "run", "train.samples=352"]


@pytest.fixture(scope="module")
def trained(preforked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert preforked(command(SELDOM), folder, **DATED).returncode == 0
    return folder / "run"


@pytest.fixture(scope="module")
def longer(preforked, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("longer")
    shutil.copytree(trained, folder / "run")
    assert preforked(command(MORE), folder, **DATED).returncode == 0
    return outcome(folder / "run")


def tensors(change):
    """Damages the tensors of a checkpoint by a function of all of them."""

    def damage(folder):
        file = folder / "state.safetensors"
        values = load_file(file)
        change(values)
        save_file(values, file)

    return damage


def state(change):
    def damage(folder):
        file = folder / "state.json"
        values = json.loads(file.read_text())
        change(values)
        file.write_text(json.dumps(values))

    return damage


def put(name, change):
    return tensors(lambda values: values.update({name: change(values[name])}))


def written(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut(name):
    return lambda f: (f / name).write_bytes((f / name).read_bytes()[:-100])


WEIGHT, MOMENT = "generator/body.0.weight", "d_optimiser/0/exp_avg"
FAULTS = {
    "cut": cut("state.safetensors"),
    "cut JSON": cut("state.json"),
    "empty": written("state.safetensors", b""),
    "empty JSON": written("state.json", b""),
    "zeros": written("state.safetensors", bytes(4096)),
    "a header alone": written("state.safetensors", struct.pack("<Q", 2) + b"{}"),
    "no tensors": lambda folder: (folder / "state.safetensors").unlink(),
    "no JSON": lambda folder: (folder / "state.json").unlink(),
    "an empty folder": lambda folder: [p.unlink() for p in folder.iterdir()],
    "another shape": put(WEIGHT, lambda w: w[:, :1].clone()),
    "another type": put(WEIGHT, lambda w: w.double()),
    "half precision": put(WEIGHT, lambda w: w.half()),
    "whole numbers": put(WEIGHT, lambda w: w.int()),
    "NaN": put(WEIGHT, lambda w: w * float("nan")),
    "infinity": put(MOMENT, lambda w: w + float("inf")),
    "a moment of another type": put(MOMENT, lambda w: w.double()),
    "a moment of another shape": put(MOMENT, lambda w: torch.zeros(3)),
    "a moment too few": tensors(lambda values: values.pop(MOMENT)),
    "a tensor too many": tensors(lambda values: values.update(more=torch.zeros(3))),
    "samples below 0": state(lambda s: s["clock"].update(samples=-1)),
    "samples that are text": state(lambda s: s["clock"].update(samples="many")),
    "no clock": state(lambda s: s.pop("clock")),
    "an endless time": state(lambda s: s["clock"].update(seconds=float("inf"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_one_before_is_used(preforked, trained, longer, tmp_path, fault):
    shutil.copytree(trained, tmp_path / "run")
    damaged = sorted((tmp_path / "run" / "checkpoints").glob("0*"))[-1]
    FAULTS[fault](damaged)
    done = preforked(command(MORE), tmp_path, **DATED)
    assert done.returncode == 0, done.stderr
    assert f"checkpoint {damaged.name} cannot be read and was set aside" in done.stderr
    assert outcome(tmp_path / "run") == longer


@pytest.mark.parametrize("fault", ["cut", "another type", "NaN", "no clock"])
def test_there_is_none_before(preforked, trained, tmp_path, fault):
    shutil.copytree(trained, tmp_path / "run")
    *before, damaged = sorted((tmp_path / "run" / "checkpoints").glob("0*"))
    FAULTS[fault](damaged)
    for folder in before:
        shutil.rmtree(folder)
    done = preforked(command(MORE), tmp_path)
    assert done.returncode == 2, done.stderr
    assert "no checkpoint can be read" in said(done)
    assert "Start again with another --out" in said(done)
    assert damaged.is_dir()
    made = preforked(command(["generate", "run", "-n", "3", "--out", "made"]), tmp_path)
    assert made.returncode == 0, made.stderr
