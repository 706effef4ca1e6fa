"""A cache folder: whole files, and errors only for a folder that the user named."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from safetensors import SafetensorError

from gankit.errors import GankitError
from gankit.kit.cache import ABANDONED, Cache, open_cache


def test_the_setting_names_the_folder(tmp_path: Path) -> None:
    auto = tmp_path / "auto"
    assert open_cache("auto", auto).path("models", "k.bin") == auto / "models" / "k.bin"
    assert open_cache(str(tmp_path / "mine"), auto).path("", "k") == tmp_path / "mine" / "k"
    for setting, folder in (("none", auto), ("", auto), ("auto", None)):
        assert open_cache(setting, folder).path("models", "k.bin") is None


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    cache = open_cache(str(tmp_path), None)
    path = cache.path("models", "k.bin")
    assert path is not None
    with pytest.raises(KeyError), cache.writing(path) as part:
        raise KeyError(part.write_bytes(b"half"))
    with cache.writing(path) as part:
        part.write_bytes(b"half")
        part.unlink()
    assert not list(tmp_path.rglob("*.*"))
    with cache.writing(path) as part:
        part.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    with cache.writing(path) as part:
        part.write_bytes(b"new")
    assert [(f.name, f.read_bytes()) for f in path.parent.iterdir()] == [("k.bin", b"new")]


def test_lines_are_appended(tmp_path: Path) -> None:
    cache = open_cache(str(tmp_path), None)
    path = cache.path("scores", "k.jsonl")
    assert path is not None
    cache.append(path, "1\n")
    cache.append(path, "2\n")
    assert path.read_text() == "1\n2\n"


def test_what_a_killed_run_left_is_deleted_but_not_what_another_run_writes(tmp_path: Path) -> None:
    old, new = tmp_path / "a.part", tmp_path / "b.part"
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (0, time.time() - ABANDONED - 60))
    with Cache(tmp_path).writing(tmp_path / "k") as part:
        part.write_bytes(b"whole")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["b.part", "k"]


def test_only_a_folder_that_the_user_named_has_to_be_writable(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    message = "cache=.*file.*: cannot be written .*Name another folder, or set cache to none"
    with pytest.raises(GankitError, match=message):
        open_cache(str(blocked / "x"), None)
    assert open_cache("auto", blocked / "x").path("models", "k") is None
    for error in (OSError(28, "No space left on device"), SafetensorError("No space left")):
        with Cache(tmp_path).writing(tmp_path / "k"):
            raise error
        with (
            pytest.raises(GankitError, match="No space left"),
            Cache(tmp_path, strict=True).writing(tmp_path / "k"),
        ):
            raise error
    Cache(blocked).append(blocked / "k", "1\n")
    with pytest.raises(GankitError, match=message):
        Cache(blocked, strict=True).append(blocked / "k", "1\n")
