"""Errors of plugins are stored where that is possible; a damaged log breaks nothing."""

from __future__ import annotations

import pytest

from gankit.plugins import error_log


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_latest_error_is_kept_until_it_is_forgotten():
    error_log.remember("gankit-a", "1", "it failed")
    error_log.remember("gankit-b", "2", "it failed too")
    error_log.remember("gankit-a", "1", "it failed again")
    assert error_log.load() == {
        "gankit-a": ("1", "it failed again"),
        "gankit-b": ("2", "it failed too"),
    }
    error_log.forget("gankit-a")
    error_log.forget("never there")
    assert list(error_log.load()) == ["gankit-b"]


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 1}', '{"a": ["1", "2", "3"]}', "\0"])
def test_a_damaged_log_is_an_empty_one(home, text):
    home.mkdir()
    (home / "faults.json").write_text(text)
    assert error_log.load() == {}
    error_log.remember("gankit-a", "1", "it failed")
    assert error_log.load() == {"gankit-a": ("1", "it failed")}


def test_a_log_that_cannot_be_written_breaks_nothing(home):
    home.write_text("a file where the folder should be")
    error_log.remember("gankit-a", "1", "it failed")
    assert error_log.load() == {}
