"""Progress in Python: bars on terminals and in notebooks."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest
from rich.console import Console

from gankit.api.progress import Follower, NotebookBar, following, wanted


@pytest.fixture
def cell(monkeypatch):
    """What a notebook's cell shows: the content of its one element, as it was updated."""
    shown: list[str] = []
    module = ModuleType("IPython.display")
    handle = SimpleNamespace(update=shown.append)

    def display(content, display_id):
        shown.append(content)
        return handle

    module.HTML = str
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    notebook = partial(Console, force_jupyter=True)
    monkeypatch.setattr("gankit.api.progress.Console", notebook)
    return shown


def ticks(follower, seconds):
    for samples in (100, 200, 5_000):
        values = {"samples": samples, "seconds": seconds, "d_loss": 0.5, "g_loss": 0.25}
        follower.tick(values)
    follower.finished("done")


def test_a_notebook_has_one_element_that_goes(cell):
    follower = Follower(1_000, 0, private=False)
    assert isinstance(follower.bar, NotebookBar)
    ticks(follower, 1.0)
    assert 'training <progress value="100" max="1000">' in cell[0]
    assert "d_loss 0.5  g_loss 0.25" in cell[0]
    assert 'value="1000" max="1000"' in cell[2]  # more than was planned
    assert "-" not in cell[2].partition("</progress>")[2].partition("d_loss")[0]
    assert cell[3] == ""


def test_of_two_limits_the_nearer_counts(cell):
    ticks(Follower(1_000_000, 60, private=False), 45.0)
    assert 'value="750"' in cell[0]
    assert "0:15 left" in cell[0]


def test_a_step_that_is_over_at_once_has_no_bar(capsys):
    with following(True) as show:
        for i in range(100):
            show("reading", i, 100)
    assert "reading" not in capsys.readouterr().err


def test_progress_is_hidden_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert not wanted(None)
    assert wanted(True)
    assert not wanted(False)
