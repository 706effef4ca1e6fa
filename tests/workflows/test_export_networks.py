"""Every architecture gives in ONNX Runtime what it gives in torch; untrained networks suffice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.contract import quiet
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.graph import Exportable
from gankit.engine.sampling.sampler import Sampler
from gankit.testing.subject import Subject
from gankit.workflows.graph_files import FORMATS, in_words

pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(0)
TABLE = pa.table(
    {
        "age": RNG.integers(18, 90, 200),
        "income": RNG.lognormal(0, 1, 200).round(3),
        "city": RNG.choice(["Rome", "Oslo", "Lima"], 200).tolist(),
    }
)
NETWORKS: Mapping[str, tuple[str, Mapping[str, Any], object]] = {
    "image, r3gan": ("image", {"architecture": "r3gan", "width": [8], "blocks": 1}, None),
    "image, dcgan": ("image", {"architecture": "dcgan", "width": [4], "conditional": False}, None),
    "image, vit": ("image", {"architecture": "vit", "width": [16], "blocks": 1}, None),
    "image, textbook": ("image", {"architecture": "textbook", "width": [4]}, None),
    "image, projected": ("image", {"architecture": "projected", "width": [8]}, None),
    "sound, istft": ("audio", {"architecture": "istft", "width": 8, "duration": 0.25}, None),
    "table, one-shot": ("tabular", {"generator": "one-shot", "hidden": 16}, TABLE),
}
"""What the examples do not export, by plugin, settings and data."""


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_equals_torch(name: str, tmp_path: Path) -> None:
    plugin, settings, data = NETWORKS[name]
    subject = Subject.of(plugin, settings, data)
    torch.manual_seed(0)
    networks, c = subject.networks(), subject.real(64).c
    own = None if plugin == "tabular" or c is None else ConditionTable.from_training(c, 0)
    sampler = Sampler(
        networks.generator,
        subject.codec,
        networks.latent_dim,
        torch.device("cpu"),
        conditions=own,
    )
    about = {"plugin": plugin, "software": "gankit 0"}
    parity = FORMATS["onnx"].write(
        Exportable.of(sampler), tmp_path / "model.onnx", about, {}, range(8), quiet
    )
    for each in parity:
        print(in_words(each, 8))
        assert each.holds
