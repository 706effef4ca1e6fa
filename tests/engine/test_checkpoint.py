"""Checkpoints appear whole or not at all, and damaged ones do no harm."""

from __future__ import annotations

import pytest
import torch

from gankit.engine.checkpoint import (
    META,
    TENSORS,
    checkpoints,
    load_checkpoint,
    save_checkpoint,
    unreadable,
)
from gankit.errors import GankitError


def save(folder, samples, keep=2):
    return save_checkpoint(
        folder, samples, {"w": torch.full((3,), float(samples))}, {"samples": samples}, keep
    )


def test_the_newest_is_loaded_and_old_ones_are_removed(tmp_path):
    for samples in (10, 200, 3000):
        save(tmp_path, samples)
    tensors, meta = load_checkpoint(tmp_path)
    assert meta == {"samples": 3000}
    assert tensors["w"].tolist() == [3000.0] * 3
    assert [p.name for p in checkpoints(tmp_path)] == ["000000000200", "000000003000"]


def test_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "none") is None


def test_a_half_written_one_is_ignored(tmp_path):
    save(tmp_path, 10)
    partial = tmp_path / ".000000000020.partial"
    partial.mkdir()
    (partial / TENSORS).write_bytes(b"half")
    assert load_checkpoint(tmp_path)[1] == {"samples": 10}


@pytest.mark.parametrize("name", [TENSORS, META])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, name):
    save(tmp_path, 10)
    damaged = save(tmp_path, 20) / name
    damaged.write_bytes(damaged.read_bytes()[:10])
    # Other processes of the same training only read.
    assert load_checkpoint(tmp_path, set_aside=False)[1] == {"samples": 10}
    assert unreadable(tmp_path) == []
    assert load_checkpoint(tmp_path)[1] == {"samples": 10}
    assert [p.name for p in unreadable(tmp_path)] == ["000000000020.unreadable"]
    for samples in (12, 14):  # the damaged one does not count among those kept
        save(tmp_path, samples)
    assert [int(p.name) for p in checkpoints(tmp_path)] == [12, 14]


def test_an_error_where_all_are_damaged(tmp_path):
    (save(tmp_path, 10) / META).write_text("{")
    with pytest.raises(GankitError, match="no checkpoint can be read"):
        load_checkpoint(tmp_path)


def test_a_full_disk_keeps_the_last_good_one(tmp_path, monkeypatch):
    save(tmp_path, 10)

    def full(*_):
        raise OSError(28, "No space left on device", "state.safetensors")

    monkeypatch.setattr("gankit.engine.checkpoint.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, 20)
    assert load_checkpoint(tmp_path)[1] == {"samples": 10}
    assert len(list(tmp_path.iterdir())) == 1


def test_saving_the_same_point_again(tmp_path):
    save(tmp_path, 10)
    save(tmp_path, 10)
    assert load_checkpoint(tmp_path)[1] == {"samples": 10}
