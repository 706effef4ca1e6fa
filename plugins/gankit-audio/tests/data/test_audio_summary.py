"""What a data set was taken for: facts, classes, doubts, strata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from gankit.contract import Dataset
from gankit.contract.data import quiet
from gankit_audio.data import sources
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings


def read(source: object, **settings: Any) -> Dataset[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), quiet)


def sound(seed: int = 0, length: int = 800, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels)).astype("f4")


def write(root: Path, name: str, data: np.ndarray, rate: int = 8000, **how: Any) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    sf.write(root / name, data, rate, **how)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for i in range(6):
        write(tmp_path, f"cat/{i}.wav", sound(i))
        write(tmp_path, f"dog/{i}.flac", sound(9 + i, 4000 + i, 2), 16000)
    return tmp_path


def test_rates_channels_lengths_and_classes_are_told(mixed: Path) -> None:
    found = read(mixed, rate=8000, duration=0.2)
    assert found.facts == {
        "labels": "2 classes, from the folders",
        "formats": "WAV, 16 bits (6); FLAC, 16 bits (6)",
        "rates": "8,000 Hz (6); 16,000 Hz (6); resampled to 8,000 Hz, "
        "without frequencies above 4,000 Hz",
        "channels": "mono (6); stereo (6); mixed down to mono",
        "lengths": "0.1 to 0.25 s, median 0.25 s; 2.1 s in all",
        "clips": "12 clips of 0.2 s; 6 longer recordings cut; 6 shorter ones padded with silence",
    }
    assert "12 recordings (FLAC, WAV, 8000 to 16000 Hz, 2.1 s)" in found.description
    assert found.table == [{"class": "cat", "clips": "6"}, {"class": "dog", "clips": "6"}]
    assert found.strata == ["cat"] * 6 + ["dog"] * 6
    assert not found.warnings


def test_a_stray_clip_leaves_the_others_their_classes(mixed: Path) -> None:
    write(mixed, "stray.wav", sound(99))
    found = read(mixed)
    assert {clip.label for clip in found.items} == {"cat", "dog"}
    assert len(found.items) == 12
    assert [(i.location, i.reason.split(":")[0]) for i in found.issues] == [
        ("stray.wav", "no class, which the other recordings have")
    ]
    whole = read(mixed, conditional=False)
    assert len(whole.items) == 13
    assert None in (whole.strata or ())


def test_many_clips_without_a_class_are_kept_and_said(mixed: Path) -> None:
    for i in range(9):
        write(mixed, f"{i}.wav", sound(90 + i))
    found = read(mixed)
    assert len(found.items) == 21
    assert "9 of 21 clips have no class" in found.warnings[0]


def test_a_class_of_one_clip_and_unequal_ones(mixed: Path) -> None:
    write(mixed, "cow/0.wav", sound(50))
    assert "1 class has one clip only (cow)" in read(mixed).warnings[0]
    write(mixed, "cow/1.wav", sound(51))
    for i in range(100):
        write(mixed, f"dog/x{i}.wav", sound(200 + i))
    assert "with 2 to 106 clips" in read(mixed).warnings[0]


def test_classes_of_single_clips_are_strata_too(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path, f"{i}/a.wav", sound(i))
    strata = read(tmp_path).strata
    assert strata == [f"{i}" for i in range(8)]


def test_duplicates_are_counted(mixed: Path) -> None:
    (mixed / "cat" / "copy.wav").write_bytes((mixed / "cat" / "0.wav").read_bytes())
    assert read(mixed).warnings[0].startswith("1 recording has the same content as another")


@pytest.mark.parametrize("cache", ["none", "folder"])
def test_dc_offsets_are_said_and_removed_on_demand(tmp_path: Path, cache: str) -> None:
    for i in range(8):
        write(tmp_path / "data", f"{i}.wav", sound(i) * 0.5 + 0.2)
    where = "none" if cache == "none" else str(tmp_path / "cache")
    for _ in range(2):  # decoded, and from the cache
        found = read(tmp_path / "data", cache=where)
        assert found.warnings == ["8 recordings have a DC offset: remove_dc=true removes it"]
        assert abs(found.items[0].samples.mean()) > 0.2
    fixed = read(tmp_path / "data", cache=where, remove_dc=True)  # another key of the cache
    assert not fixed.warnings
    assert abs(fixed.items[0].samples.mean()) < 1e-3


def test_clipped_recordings_are_said(mixed: Path) -> None:
    write(mixed, "cat/loud.wav", np.clip(3 * np.sin(np.arange(800) / 10), -1, 1))
    write(mixed, "cat/full.wav", np.sin(np.arange(800) / 3))
    clipped = [w for w in read(mixed).warnings if "clipped" in w]
    assert len(clipped) == 1
    assert clipped[0].startswith("1 recording is")


def test_wrong_lengths_in_headers_are_said(mixed: Path) -> None:
    file = mixed / "cat" / "0.wav"
    file.write_bytes(file.read_bytes()[:-16])
    found = read(mixed)
    assert not found.issues
    assert found.facts["headers"] == "1 recording with wrong lengths in the header"


def test_what_failed_alike_is_counted_together(mixed: Path) -> None:
    for i in range(4):
        write(mixed, f"cat/quiet{i}.wav", sound(i) * 10.0 ** -(4 + i), subtype="FLOAT")
        data = (mixed / "cat" / f"{i}.wav").read_bytes()
        (mixed / "cat" / f"cut{i}.wav").write_bytes(data[: 500 + 100 * i])
    assert len({issue.reason for issue in read(mixed).issues}) == 2


def test_names_that_look_like_classes_are_suggested_and_used(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path, f"{'kick' if i % 2 else 'snare'}_{i:02}.wav", sound(i))
    found = read(tmp_path)
    assert [w for w in found.warnings if "kick (4), snare (4). label=prefix" in w]
    found = read(tmp_path, label="prefix")
    assert found.facts["labels"] == "2 classes, from the file names"
    assert {clip.label for clip in found.items} == {"kick", "snare"}
    assert not found.warnings
