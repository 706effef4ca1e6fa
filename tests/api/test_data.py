"""Data of other libraries, given to ``gankit.fit``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pyarrow as pa
import pytest
import torch
from torch.utils.data import Dataset

import gankit
from gankit.config import resolve
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.workflows.data import read

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (40, 8, 8, 3), np.uint8)
LABELS = [i % 2 for i in range(40)]


def found(plugin, data, **settings):
    loaded = installed().modality(plugin)
    config = resolve(loaded.info, loaded.modality.Settings, files=[settings], data="x")
    return read(loaded, data, config.settings)


class Pictures(Dataset):
    classes = ("cat", "dog")

    def __init__(self, as_pillow):
        self.as_pillow = as_pillow

    def __len__(self):
        return 40

    def __getitem__(self, i):
        if i == 7:
            raise OSError("truncated")
        if self.as_pillow:
            return PIL.Image.fromarray(PIXELS[i]), LABELS[i]
        return torch.from_numpy(PIXELS[i]).permute(2, 0, 1) / 255, LABELS[i]  # as ToTensor does


@pytest.mark.parametrize("as_pillow", [True, False])
def test_pictures_of_a_torch_data_set(as_pillow):
    data = found("image", Pictures(as_pillow))
    assert len(data.items) == 39
    assert data.items[0].label == "cat"
    assert np.array_equal(data.items[3].pixels, PIXELS[3])
    assert [issue.location for issue in data.issues] == ["item 7"]


def test_rows_with_an_image_and_a_label():
    rows = [
        {"image": PIL.Image.fromarray(p), "label": str(y)}
        for p, y in zip(PIXELS, LABELS, strict=True)
    ]
    data = found("image", rows)
    assert (len(data.items), data.items[1].label) == (40, "1")
    with pytest.raises(GankitError, match="the data have no 'labels'; they have image, label"):
        found("image", rows, label_key="labels")
    with pytest.raises(GankitError, match="the data have no 'picture'; .* Set image_key"):
        found("image", rows, image_key="picture")


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_tables(kind):
    data = found("tabular", kind({"age": list(range(40)), "city": ["Oslo", "Lima"] * 20}))
    assert data.items[1] == {"age": 1, "city": "Lima"}


@pytest.mark.parametrize("values", [LABELS, [8000] * 40])
def test_sounds_with_labels_or_rates(values):
    sounds = [RNG.normal(size=4000).astype(np.float32) * 0.1 for _ in range(40)]
    data = found("audio", (sounds, values), rate=8000)
    assert len(data.items) == 40
    assert data.items[1].label == ("1" if values is LABELS else None)


def test_molecules_with_values():
    smiles = ["C" * n + "O" for n in range(1, 30)]
    data = found("molecule", (smiles, [float(len(s)) for s in smiles]))
    assert data.items[3].values == {"value": 5.0}


def test_arrays_and_labels_as_two_arguments(tmp_path):
    run = gankit.fit(
        "tensor",
        torch.randn(60, 3),
        torch.arange(60) % 2,
        out=tmp_path / "run",
        samples=64,
        settings={"train.batch": 32, "train.threads": 1, "hidden": 8},
    )
    assert run.layout.condition.fields[0].values == ("0", "1")
    samples = run.sample(4, where={"label": 1})
    assert samples.to_torch().shape == (4, 3)
    assert [c["label"] for c in samples.conditions] == ["1"] * 4
    assert run.evaluate(n=12)["frechet/values"] > 0  # of the data in memory
    again = gankit.load(run.path, data=(torch.randn(60, 3), torch.arange(60) % 2))
    with pytest.raises(gankit.GankitError, match="the data has changed"):
        again.evaluate()
