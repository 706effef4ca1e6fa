"""Every modality trains on two processes what it trains on one."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
import torch
from processes import run_in_processes
from safetensors.torch import load_file

import gankit

ENGINE = {
    "train__samples": 96,
    "train__batch": 32,
    "train__threads": 1,
    "train__precision": "fp32",
    "train__compile": False,
    "optim__eps": 1e-3,  # of tiny gradients, Adam would take the sign, which is rounding's
    "log__verdict": 0,
    "log__preview_count": 4,
    "resampling__candidates": 1,
}
SMILES = [
    end + link + ring
    for ring, link, end in product(
        ("c1ccccc1", "c1ccncc1", "C1CCCCC1"), ("C", "OC", "C(=O)N"), ("C", "N", "F", "Cl", "OC")
    )
]
MOLECULES = {
    "width": 32,
    "latent": 8,
    "smooth": 0.3,
    "vocabulary": 40,
    "epochs": 2.0,
    "cache": "none",
    "workers": 1,
    "conditions": ["logp"],
}
RUNS: dict[str, tuple[str, list[str] | None, dict[str, object]]] = {
    "picture": ("image/digits", None, {"width": [16], "blocks": 1}),
    "rows": ("tabular", None, {"hidden": 8, "digit_units": 8}),
    "sound": ("audio", None, {"width": 16, "rounds": 2}),
    "molecule": ("molecule", SMILES, MOLECULES),
}
DRAWS = {"molecule", "rows"}
"""Their codecs draw for each piece of a batch: noise, and the columns that are conditioned on."""

WORKER = """
import gankit
for name, (plugin, data, settings) in RUNS.items():
    gankit.fit(plugin, data, out=folder / name, device="cpu", **ENGINE, **settings)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modalities")
    run_in_processes(f"ENGINE, RUNS = {ENGINE!r}, {RUNS!r}\n{WORKER}", folder, 2)
    return folder


def state(run: Path) -> dict[str, torch.Tensor]:
    newest = sorted((run / "checkpoints").iterdir())[-1]
    found = load_file(newest / "state.safetensors")
    return {k: v for k, v in found.items() if k.startswith(("generator/", "discriminator/"))}


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_what_one_does(folder, tmp_path, name):
    two = state(folder / name)
    assert all(bool(value.isfinite().all()) for value in two.values())
    record = json.loads((folder / name / "provenance.json").read_text())
    assert record["status"] == "done"
    if name in DRAWS:
        return
    plugin, data, settings = RUNS[name]
    gankit.fit(plugin, data, out=tmp_path / name, device="cpu", **ENGINE, **settings)
    one = state(tmp_path / name)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-5, msg=key)
