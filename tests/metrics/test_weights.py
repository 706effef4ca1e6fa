"""Weights from a file: nothing in it is run, and what cannot be read is named by its setting."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gankit.errors import GankitError
from gankit.metrics import fingerprint_weights, read_weights


class Runs:
    """Would write a file, if it were unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_comes_back(tmp_path, suffix):
    state, file = {"a": torch.arange(3.0)}, tmp_path / f"w{suffix}"
    save_file(state, file) if suffix == ".safetensors" else torch.save(state, file)
    assert torch.equal(read_weights(str(file), "weights")["a"], state["a"])


def test_what_a_file_holds_is_not_run(tmp_path):
    file, trace = tmp_path / "w.pth", tmp_path / "ran"
    torch.save({"a": Runs(trace)}, file)
    with pytest.raises(GankitError, match=r"^my_weights=.*w\.pth: cannot be read"):
        read_weights(str(file), "my_weights")
    assert not trace.exists()


def test_a_missing_file_is_named():
    with pytest.raises(GankitError, match="^my_weights=nowhere.pth: no such file"):
        read_weights("nowhere.pth", "my_weights")


def test_the_hash_is_of_weights_and_recipe_alone():
    torch.manual_seed(0)
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    assert fingerprint_weights(one, "a") != fingerprint_weights(one, "b")
    assert fingerprint_weights(one, "a") != fingerprint_weights(other, "a")
    other.load_state_dict(one.state_dict())
    assert fingerprint_weights(one, "a") == fingerprint_weights(other, "a")
