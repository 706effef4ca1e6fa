"""The examples give what gankit generate gives."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import wave
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gankit

pytest.importorskip("onnxruntime")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TINY = {"samples": 8, "train__batch": 8, "train__threads": 1}


def made(plugin: str, folder: Path, data: Any = None, **settings: Any) -> gankit.Run:
    """A run of a few samples, exported as ``model.onnx`` beside it."""
    run = gankit.fit(plugin, data, out=folder / "run", **{**TINY, **settings})
    exported = run.export(folder / "model.onnx")
    assert exported.parity
    assert all(each.holds for each in exported.parity)
    return run


def ran(example: str, folder: Path, *words: str) -> str:
    """What an example prints."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / example), "model.onnx", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_a_picture(tmp_path: Path) -> None:
    run = made("image", tmp_path, architecture="compact", width=(16,), blocks=1)
    assert "seed 7, 28 x 28" in ran("pictures.py", tmp_path, "7", "label=3")
    content = (tmp_path / "picture.ppm").read_bytes()[-28 * 28 :]
    (item,) = run.sample(1, seed=7, where={"label": "3"})
    found = np.frombuffer(content, np.uint8).astype(int)
    assert np.abs(found - item.pixels.ravel()).max() <= 1


def test_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pandas = pytest.importorskip("pandas")
    age = rng.integers(18, 60, 300)
    city = np.where(age > 40, "Oslo", "Lima")
    data = pandas.DataFrame({"age": age, "city": city, "member": age % 2 == 0})
    run = made("tabular", tmp_path, data, digit_units=16)
    rows = list(csv.DictReader(io.StringIO(ran("rows.py", tmp_path, "5"))))
    wanted = run.sample(10, seed=5)
    assert [row["city"] for row in rows] == [sample["city"] for sample in wanted]
    assert [float(row["age"]) for row in rows] == [sample["age"] for sample in wanted]


@pytest.mark.parametrize("architecture", ["spectrogram", "wavegan"])
def test_a_sound(tmp_path: Path, architecture: str) -> None:
    run = made("audio", tmp_path, architecture=architecture, width=4, rounds=4, duration=0.25)
    ran("sounds.py", tmp_path, "7")
    (item,) = run.sample(1, seed=7)
    with wave.open(str(tmp_path / "sound.wav")) as file:
        assert file.getframerate() == item.rate
        assert file.getnframes() == item.samples.shape[1]


def test_molecules(tmp_path: Path) -> None:
    chem = pytest.importorskip("rdkit.Chem")
    parts = product(("C", "CC", "O", "F", "N"), ("C", "OC", "C(=O)N"), ("c1ccccc1", "C1CCCCC1"))
    data = [f"{''.join(part)}{'C' * k}" for part in parts for k in range(4)]
    small = {"latent": 8, "width": 32, "units": 16, "vocabulary": 30, "epochs": 60.0}
    alone = {"conditions": (), "cache": "none", "workers": 1, "pretrained": "none", "raw": True}
    run = made("molecule", tmp_path, data, **small, **alone, resampling__candidates=1)
    texts = ran("molecules.py", tmp_path, "3").splitlines()
    for text, item in zip(texts, run.sample(10, seed=3), strict=True):
        assert item.smiles in (text, chem.MolFromSmiles(text) and chem.CanonSmiles(text))


def test_arrays(tmp_path: Path) -> None:
    run = made("tensor", tmp_path, hidden=16)
    value = run.codec.layout.condition.fields[0].values[0]
    lines = ran("arrays.py", tmp_path, "7", f"label={value}").splitlines()
    found = np.array([line.split() for line in lines], float)
    wanted = np.stack([item.x for item in run.sample(10, seed=7, where={"label": value})])
    assert found == pytest.approx(wanted.reshape(10, -1), rel=1e-5, abs=1e-5)
