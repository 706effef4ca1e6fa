"""Data sets of torch and Hugging Face as plain lists."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from gankit.errors import GankitError
from gankit.kit.datasets import gathered, is_dataset


class Digits(Dataset):
    """As torchvision's: pairs of an image and the number of its class."""

    classes = ("zero", "one")

    def __init__(self, count=6, broken=()):
        self.count, self.broken = count, broken

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        if i in self.broken:
            raise OSError(f"truncated file\nat {i}")
        return torch.full((1, 2, 2), i), i % 2


class Feature:
    names = ("cat", "dog")


class HuggingFace:
    """What is used of ``datasets.Dataset``."""

    features = {"image": object(), "label": Feature()}  # noqa: RUF012
    column_names = ("image", "label")

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return {"image": np.full((2, 2), i, np.uint8), "label": i % 2}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(3))


def test_what_is_a_data_set():
    assert is_dataset(Digits())
    assert is_dataset(HuggingFace())
    assert is_dataset({"train": HuggingFace()})
    for other in ([1, 2], (np.zeros(3), np.zeros(3)), {"x": np.zeros(3)}, "path", torch.zeros(3)):
        assert not is_dataset(other)


def test_pairs_become_two_lists_with_names_of_classes():
    (x, y), issues = gathered(Subset(Digits(), [4, 5]))
    assert [int(one[0, 0, 0]) for one in x] == [4, 5]
    assert y == ["zero", "one"]
    assert not issues


def test_mappings_stay_mappings_with_names_of_classes():
    rows, _ = gathered(HuggingFace())
    assert [row["label"] for row in rows] == ["cat", "dog", "cat"]


def test_tensors():
    assert len(gathered(TensorDataset(torch.zeros(3, 2)))[0]) == 3
    x, y = gathered(TensorDataset(torch.zeros(3, 2), torch.arange(3)))[0]
    assert (len(x), y) == (3, [0, 1, 2])


def test_items_that_raise_are_left_out_and_said():
    (x, _), issues = gathered(Digits(broken=(1, 4)))
    assert len(x) == 4
    assert [issue.location for issue in issues] == ["item 1", "item 4"]
    assert issues[0].reason == "it cannot be read (OSError: truncated file)"


def test_what_cannot_be_used_is_said_in_one_line():
    with pytest.raises(GankitError, match="data set Digits, item 1: it cannot be read"):
        gathered(Digits(broken=(1,)), strict=True)
    with pytest.raises(GankitError, match="Digits has no usable item: item 0: it cannot be read"):
        gathered(Digits(2, broken=(0, 1)))
    with pytest.raises(GankitError, match="Stream is a stream without a length. Pass a list"):
        gathered(Stream())
    with pytest.raises(
        GankitError, match=r"consists of splits: train, test. Pass one .*data\['train'\]"
    ):
        gathered({"train": HuggingFace(), "test": HuggingFace()})


def test_progress_is_told():
    said = []
    gathered(Digits(250), progress=lambda *given: said.append(given))
    assert said == [("reading items", i, 250) for i in (0, 100, 200)]
