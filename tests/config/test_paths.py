"""Where a run's data is: as typed, and absolute beside it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.config.paths import absolute, as_text, expanded, from_text, located, printable
from gankit.errors import GankitError


def test_a_path_is_kept_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    assert absolute("a.csv") == str(tmp_path / "a.csv")
    assert absolute(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize(
    "data",
    ["-", ":memory:", "postgresql://me:pw@host/db", "sqlite:///x.db", "gone.csv", "(in memory)"],
)
def test_anything_else_stays_as_it_is(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    assert absolute(data) is None
    assert located(data, None) == data


def test_a_file_named_like_standard_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").touch()
    assert absolute("-") is None
    assert absolute("./-") == str(tmp_path / "-")


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a.csv").touch()
    assert absolute("~/a.csv") == expanded("~/a.csv") == str(tmp_path / "home" / "a.csv")
    assert expanded("~/gone.csv") == "~/gone.csv"
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "a.csv").touch()  # a folder of that name comes first
    assert absolute("~/a.csv") == str(tmp_path / "~" / "a.csv")


def test_a_symbolic_link_stays_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v1").mkdir()
    (tmp_path / "latest").symlink_to("v1")
    assert absolute("latest") == str(tmp_path / "latest")


def test_found_from_another_folder_and_after_a_move(tmp_path, monkeypatch):
    for name in ("here", "there", "new"):
        (tmp_path / name).mkdir()
    file = tmp_path / "here" / "a.csv"
    file.touch()
    monkeypatch.chdir(tmp_path / "here")
    path = absolute("a.csv")
    assert located("a.csv", path) == "a.csv"
    monkeypatch.chdir(tmp_path / "there")
    assert located("a.csv", path) == path
    (tmp_path / "there" / "a.csv").touch()  # another file of that name is not taken for it
    assert located("a.csv", path) == path
    file.rename(tmp_path / "new" / "a.csv")
    monkeypatch.chdir(tmp_path / "new")
    assert located("a.csv", path) == str(tmp_path / "new" / "a.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GankitError) as raised:
        located("a.csv", path)
    assert path in str(raised.value)
    assert "given as 'a.csv'" in str(raised.value)
    assert "--data PATH" in str(raised.value)


@given(st.binary(min_size=1).filter(lambda b: b"\0" not in b))
def test_any_name_can_be_stored_as_utf_8(name):
    path = "/" + os.fsdecode(name)
    text = as_text(path)
    assert text.encode("utf-8")
    assert from_text(text) == path
    assert printable(path).encode("utf-8")
