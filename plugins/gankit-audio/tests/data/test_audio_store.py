"""Decoded samples in memory, in a temporary file, or in a cache that replaces damaged files."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit_audio.data import decoding, sources
from gankit_audio.data.clips import Clip
from gankit_audio.data.store import Writer
from gankit_audio.settings import AudioSettings


def read(source: object, **settings: Any) -> Dataset[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), lambda *_: None)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for i in range(10):
        file = folder / "ab"[i % 2] / f"{i}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        sf.write(file, rng.uniform(-0.5, 0.5, 4000 + 300 * i), 8000)
    (folder / "a" / "bad.wav").write_bytes(b"no sound")
    sf.write(folder / "b" / "quiet.wav", np.zeros(4000), 8000)
    return folder


def sounds(source: Dataset[Clip]) -> np.ndarray:
    return np.stack([clip.samples for clip in source.items])


def refuse(*_: object) -> None:
    raise AssertionError("decoded again")


@given(
    st.lists(st.integers(0, 300), max_size=20),
    st.integers(0, 8000),
    st.integers(0, 8000),
)
def test_samples_written_are_read(sizes: list[int], limit: int, expected: int) -> None:
    parts = [np.random.default_rng(i).normal(size=(2, n)).astype("f4") for i, n in enumerate(sizes)]
    writer = Writer(limit, expected)
    for part in parts:
        writer.append(part)
    found = writer.finish()
    assert found.dtype == np.float32
    assert (found == np.concatenate([np.zeros(0, "f4"), *(p.reshape(-1) for p in parts)])).all()
    found += 1  # writable: torch warns about other arrays


@pytest.mark.parametrize("slice", ["first", "random", "all", "onset"])
def test_a_temporary_file_gives_the_same_clips(recordings: Path, slice: str) -> None:
    in_memory = read(recordings, slice=slice, duration=0.2)
    for memory in (0.0, 2e-5):  # from the start, and after a while
        on_disk = read(recordings, slice=slice, duration=0.2, memory=memory)
        assert (sounds(on_disk) == sounds(in_memory)).all()
        for a, b in zip(in_memory.items, on_disk.items, strict=True):
            assert (a.name, a.values) == (b.name, b.values)
            assert (a.recording is None) == (b.recording is None) == (slice != "random")
            assert a.recording is None or (a.recording == b.recording).all()


def test_clips_are_views_of_one_block(recordings: Path) -> None:
    items = read(recordings, duration=0.2).items
    assert np.shares_memory(items[3].samples, items[3].samples)


def test_a_cache_is_used_again(recordings: Path, tmp_path: Path, monkeypatch: Any) -> None:
    cache = tmp_path / "new" / "cache"
    plain = read(recordings)
    first = read(recordings, cache=str(cache))
    assert sorted(p.suffix for p in cache.iterdir()) == [".f32", ".json"]
    monkeypatch.setattr(decoding, "decode", refuse)
    moved = recordings.rename(tmp_path / "moved")
    second = read(moved, cache=str(cache), workers=1, conditional=False)
    for found in (first, second):
        assert (sounds(found) == sounds(plain)).all()
        assert found.fingerprint == plain.fingerprint
        assert found.issues == plain.issues
        assert [c.name for c in found.items] == [c.name for c in plain.items]
        assert [c.values for c in found.items] == [c.values for c in plain.items]
    relabelled = read(moved, cache=str(cache), label="prefix")
    assert relabelled.items[0].label == "0"


@pytest.mark.parametrize(
    "changed",
    [
        {"rate": 4000},
        {"duration": 0.3},
        {"channels": "stereo"},
        {"slice": "all"},
        {"pad": "reflect"},
        {"loudness": -30},
        {"trim": 6.0},
        {"silent": -10.0},
    ],
)
def test_other_settings_have_another_cache(
    recordings: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    cache = str(tmp_path / "cache")
    read(recordings, cache=cache)
    found, plain = read(recordings, cache=cache, **changed), read(recordings, **changed)
    assert (sounds(found) == sounds(plain)).all()
    assert len(list((tmp_path / "cache").glob("*.json"))) == 2


def test_other_data_have_another_cache(recordings: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    before = read(recordings, cache=cache)
    sf.write(recordings / "a" / "0.wav", np.random.default_rng(9).uniform(-1, 1, 4000), 8000)
    after = read(recordings, cache=cache)
    assert before.fingerprint != after.fingerprint
    assert (sounds(after) == sounds(read(recordings))).all()


def cut_short(block: Path, index: Path) -> None:
    os.truncate(block, block.stat().st_size // 2)


def flip(block: Path, index: Path) -> None:
    data = bytearray(block.read_bytes())
    data[1000] ^= 1
    block.write_bytes(data)


def lose_block(block: Path, index: Path) -> None:
    block.unlink()


def empty_block(block: Path, index: Path) -> None:
    block.write_bytes(b"")


def lose_index(block: Path, index: Path) -> None:
    index.unlink()


def half_index(block: Path, index: Path) -> None:
    index.write_text(index.read_text()[:100])


def rewrite(index: Path, **changes: Any) -> None:
    content = json.loads(index.read_text())
    content["index"] |= changes
    index.write_text(json.dumps(content))


def wild_index(block: Path, index: Path) -> None:
    rewrite(index, pieces=[10**6] * 10)


def wild_rows(block: Path, index: Path) -> None:
    rewrite(index, rows=[-1] * 10)


def wild_windows(block: Path, index: Path) -> None:
    rewrite(index, windows=[1] * 10)


def words(block: Path, index: Path) -> None:
    rewrite(index, sizes=["x"] * 10)


def no_object(block: Path, index: Path) -> None:
    index.write_text("[]")


def another_version(block: Path, index: Path) -> None:
    index.write_text(index.read_text().replace('"version": 1', '"version": 0'))


@pytest.mark.parametrize(
    "damage",
    [cut_short, flip, lose_block, empty_block, lose_index, half_index, wild_index, wild_rows,
     wild_windows, words, no_object, another_version],
)  # fmt: skip
def test_a_damaged_cache_is_rewritten(recordings: Path, tmp_path: Path, damage: Any) -> None:
    cache = tmp_path / "cache"
    first = sounds(read(recordings, cache=str(cache)))
    (block,), (index,) = cache.glob("*.f32"), cache.glob("*.json")
    whole = block.read_bytes(), index.read_bytes()
    damage(block, index)
    assert (sounds(read(recordings, cache=str(cache))) == first).all()
    assert (block.read_bytes(), index.read_bytes()) == whole


def test_an_interrupted_run_leaves_no_files(
    recordings: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    cache = tmp_path / "cache"

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(recordings, cache=str(cache))
    assert not list(cache.iterdir())


def test_abandoned_files_are_deleted(recordings: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    old, new, other = cache / "x.part", cache / "y.part", cache / "notes.txt"
    for file in (old, new, other):
        file.write_bytes(b"")
    for file in (old, other):
        os.utime(file, (time.time() - 1e6,) * 2)
    read(recordings, cache=str(cache))
    assert not old.exists()
    assert new.exists()
    assert other.exists()


def test_changing_a_clip_changes_no_cache(recordings: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    first = read(recordings, cache=cache)
    before = sounds(first)
    first.items[0].samples[:] = 0
    assert (sounds(read(recordings, cache=cache)) == before).all()


def test_strict_is_strict_with_a_cache_too(recordings: Path, tmp_path: Path) -> None:
    (recordings / "a" / "bad.wav").unlink()
    cache = str(tmp_path / "cache")
    read(recordings, cache=cache)
    with pytest.raises(GankitError, match="quiet.wav: silent"):
        read(recordings, cache=cache, strict=True)


def test_a_cache_that_cannot_be_written(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GankitError, match="cache=.*file: cannot be written"):
        read(recordings, cache=str(tmp_path / "file"))


def test_a_full_disk_is_reported(recordings: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "append", full)
    with pytest.raises(GankitError, match="cannot store decoded audio in .*: No space left"):
        read(recordings)
    with pytest.raises(GankitError, match=r"cache=.*: cannot be written \(No space left"):
        read(recordings, cache=str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


def test_the_systems_cache_is_optional(recordings: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = sounds(read(recordings))
    assert (sounds(read(recordings, cache="auto")) == plain).all()
    (block,) = (tmp_path / "gankit" / "audio").glob("*.f32")
    block.unlink()
    append = Writer.append

    def full(writer: Writer, samples: Any) -> None:
        if writer._file is not None:
            raise OSError(28, "No space left on device")
        append(writer, samples)

    monkeypatch.setattr(Writer, "append", full)
    assert (sounds(read(recordings, cache="auto")) == plain).all()
    assert not list(block.parent.glob("*.f32"))
