"""Reading arrays: objects and files, good and odd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.errors import GankitError
from gankit_tensor.settings import TensorSettings
from gankit_tensor.sources import read

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3, 4)).astype(np.float32)
LABELS = np.arange(20) % 2
SETTINGS = TensorSettings()


def files(folder):
    np.save(folder / "a.npy", X)
    np.savez(folder / "b.npz", x=X, label=LABELS, seed=LABELS)
    torch.save(torch.from_numpy(X), folder / "c.pt")
    torch.save({"x": torch.from_numpy(X), "c": torch.from_numpy(LABELS)}, folder / "d.pt")
    return [folder / name for name in ("a.npy", "b.npz", "c.pt", "d.pt")]


def test_files(tmp_path):
    found = [read(str(file), SETTINGS) for file in files(tmp_path)]
    for dataset in found:
        assert np.array_equal(np.stack([item.x for item in dataset.items]), X)
    labels = [[item.c.get("label") for item in dataset.items][:2] for dataset in found]
    assert labels == [[None, None], ["0", "1"], [None, None], ["0", "1"]]
    assert found[0].description == "20 arrays of 3×4 float32"
    assert found[0].fingerprint == found[2].fingerprint != found[1].fingerprint


@pytest.mark.parametrize(
    ("c", "names"),
    [
        (LABELS, ["label"]),
        (LABELS.astype(bool), ["label"]),
        ([str(i) for i in LABELS], ["label"]),
        (RNG.normal(size=20), ["c0"]),
        (torch.randn(20, 12), [f"c{i}" for i in range(12)]),
        (None, []),
    ],
)
def test_conditions(c, names):
    dataset = read((X, c) if c is not None else X, SETTINGS)
    assert list(dataset.items[0].c) == names
    assert (dataset.strata is not None) == (names == ["label"])


def test_many_numbers_as_conditions_come_back_in_their_order(tmp_path):
    c = RNG.normal(size=(20, 12))
    np.savez(tmp_path / "x.npz", x=X, **{f"c{i}": c[:, i] for i in range(12)})
    assert list(read(tmp_path / "x.npz", SETTINGS).items[4].c.values()) == c[4].tolist()


def test_other_forms():
    assert len(read(list(X), SETTINGS).items) == 20
    assert read(torch.arange(20), SETTINGS).items[3].x.tolist() == [3]
    assert read(torch.randn(20, 2).bfloat16().requires_grad_(), SETTINGS).items[0].x.shape == (2,)
    assert read(RNG.random((20, 2)) > 0.5, SETTINGS).items[0].x.dtype == np.uint8


def test_items_that_are_not_finite_are_left_out():
    x = X.copy()
    x[3, 0, 0] = np.nan
    dataset = read((x, LABELS), SETTINGS)
    assert len(dataset.items) == 19
    assert dataset.issues[0].location == "item 3"
    with pytest.raises(GankitError, match="has 0 usable items; item 0: a number is not finite"):
        read(X * np.nan, SETTINGS)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (X[:3], "the data has 3 usable items. Give at least 8"),
        (["a"] * 20, "the data: .* no numbers"),
        (np.zeros((20, 0)), r"shape \(20, 0\) holds no numbers"),
        ([np.zeros(2), np.zeros(3)] * 9, "no array of numbers"),
        ({"a": X, "b": X}, "no array 'x'; it has a, b. Set x_key"),
        ((X, RNG.normal(size=(20, 2)).astype(str)), "c is a table of texts"),
        ((X, [1, 2]), r"c is int64 of shape \(2,\) for 20 items. Every item needs one label"),
        ("nowhere.npy", "nowhere.npy: no such"),
    ],
)
def test_what_cannot_be_read(source, message):
    with pytest.raises(GankitError, match=message):
        read(source, SETTINGS)


def test_files_that_cannot_be_read(tmp_path):
    for file in files(tmp_path):
        file.write_bytes(file.read_bytes()[:60])
        with pytest.raises(GankitError, match=f"{file.name}: "):
            read(file, SETTINGS)
    with pytest.raises(GankitError, match=r"has 4 files of arrays \(a.npy.*Name one file"):
        read(tmp_path, SETTINGS)
    np.save(tmp_path / "objects.npy", np.array([{}] * 20), allow_pickle=True)
    with pytest.raises(GankitError, match=r"objects.npy: cannot be read \(Object arrays"):
        read(tmp_path / "objects.npy", SETTINGS)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(GankitError, match="it holds more than tensors, which is not loaded"):
        read(tmp_path / "model.pt", SETTINGS)
