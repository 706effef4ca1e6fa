"""Progress in Python: bars in notebooks, which a cell shows in one element."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from clocks import FakeClock
from rich.console import Console

from gankit.engine.settings import TrainSettings
from gankit.screen.bars import NotebookBar
from gankit.screen.console import wanted
from gankit.screen.meter import Meter, following
from gankit.screen.training import Display


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
    return shown


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    for module in ("training", "meter"):
        monkeypatch.setattr(f"gankit.screen.{module}.time", clock)
    return clock


def ticks(train, clock):
    """A display in a notebook after a tick each ten seconds."""
    display = Display(train)
    display.preparing = Meter(Console(force_jupyter=True))
    assert isinstance(display.preparing.bar, NotebookBar)
    for samples, seconds in ((100, 0.0), (200, 10.0), (5_000, 20.0)):
        rest = {"samples_per_second": 10.0, "guard": "healthy", "d_loss": 0.5, "g_loss": 0.25}
        display.tick({"samples": samples, "seconds": seconds, **rest})
        clock.advance(10)
    display.finished("done")


def test_a_notebook_has_one_element_that_goes(cell, clock):
    ticks(TrainSettings(1_000), clock)
    assert 'training  <progress value="0.100"></progress>  100 samples   10 %' in cell[0]
    assert "d_loss" in cell[0]
    assert "healthy" in cell[0]
    assert "1 min 20 s left" in cell[1]
    assert 'value="1.000"' in cell[2]  # more than was planned
    assert cell[3:] == [""]


def test_of_two_limits_the_nearer_counts(cell, clock):
    ticks(TrainSettings(1_000_000, time=40), clock)
    assert 'value="0.250"' in cell[1]
    assert "30 s left" in cell[1]


def test_labels_are_no_markup(cell):
    meter = Meter(Console(force_jupyter=True))
    meter("reading <b>", 0, 0)
    assert cell == ["<pre>reading &lt;b&gt;  <progress></progress></pre>"]


def test_a_step_that_is_over_at_once_has_no_bar(capsys):
    with following(True) as show:
        for i in range(100):
            show("reading", i, 100)
    assert "reading" not in capsys.readouterr().err


def test_progress_is_hidden_where_nobody_looks(capsys):
    assert not wanted(None)
    assert wanted(True)
    assert not wanted(False)
