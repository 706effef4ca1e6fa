"""Faults are remembered where that is possible, and forgetting or damage breaks nothing."""

from __future__ import annotations

import pytest

from gankit.plugins import error_log as faults


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_latest_is_remembered_until_forgotten():
    faults.remember("gankit-a", "1", "it failed")
    faults.remember("gankit-b", "2", "it failed too")
    faults.remember("gankit-a", "1", "it failed again")
    assert faults.recall() == {
        "gankit-a": ("1", "it failed again"),
        "gankit-b": ("2", "it failed too"),
    }
    faults.forget("gankit-a")
    faults.forget("never there")
    assert list(faults.recall()) == ["gankit-b"]


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 1}', '{"a": ["1", "2", "3"]}', "\0"])
def test_a_damaged_memory_is_an_empty_one(home, text):
    home.mkdir()
    (home / "faults.json").write_text(text)
    assert faults.recall() == {}
    faults.remember("gankit-a", "1", "it failed")
    assert faults.recall() == {"gankit-a": ("1", "it failed")}


def test_where_nothing_can_be_written_nothing_breaks(home):
    home.write_text("a file where the folder should be")
    faults.remember("gankit-a", "1", "it failed")
    assert faults.recall() == {}
