"""Progress: a bar on a terminal, a line now and then elsewhere, and a steady estimate."""

from __future__ import annotations

import io
import itertools
import re

import pytest
from clocks import FakeClock
from rich.console import Console

from gankit.screen.bars import State, bar_lines
from gankit.screen.meter import Meter
from gankit.screen.pace import Pace, rough
from gankit.screen.training import columns


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("gankit.screen.meter.time", clock)
    return clock


class Lines(Console):
    """Keeps what is printed, on no terminal."""

    def __init__(self, terminal=False, width=80, encoding="utf-8"):
        self.bytes = io.BytesIO()
        file = io.TextIOWrapper(self.bytes, encoding, errors="replace", write_through=True)
        super().__init__(
            file=file, force_terminal=terminal, width=width, highlight=False, legacy_windows=False
        )

    @property
    def text(self):
        return self.bytes.getvalue().decode(self.encoding)


def test_a_line_after_two_seconds_and_then_every_ten(clock):
    console = Lines()
    meter = Meter(console=console)
    printed = []
    for second in range(60):
        meter("reading", second, 60)
        if console.text.count("\n") > len(printed):
            printed.append(second)
        clock.advance(1)
    assert printed == [2, 12, 22, 32, 42, 52]
    assert console.text.splitlines()[1] == "reading: 12 of 60, 50 s left"


def test_quick_work_is_silent(clock):
    console = Lines()
    meter = Meter(console=console)
    for i in range(100):
        meter("reading", i, 100)
        clock.advance(0.01)
    assert console.text == ""


def test_each_kind_of_work_has_its_estimate(clock):
    console = Lines()
    meter = Meter(console=console)
    for what, pace in (("reading", 1), ("encoding", 5)):
        for done in range(0, 100, pace):
            meter(what, done, 100)
            clock.advance(1)
    last = [line for line in console.text.splitlines() if line.startswith("encoding")][-1]
    left = int(re.search(r"(\d+) s left", last)[1])
    done = int(re.search(r"(\d+) of 100", last)[1])
    assert left == pytest.approx((100 - done) / 5, abs=3)


def test_work_of_unknown_length(clock):
    console = Lines()
    meter = Meter(console=console)
    meter("looking", 0, 0)
    clock.advance(3)
    meter("looking", 0, 0)
    clock.advance(11)
    meter("looking", 7, 0)
    assert console.text.splitlines() == ["looking", "looking: 7"]


def test_the_estimate_is_steady():
    """Work in bursts that takes 200 s: the end that is shown creeps, and does not jump."""
    pace, shown = Pace(0.0, 0.0), []
    for step in range(1, 200):
        now = step * 1.0
        done = (step // 5 * 5) / 200  # five at a time
        left = pace.left(done, now)
        if left is not None and 40 <= step <= 150:
            shown.append(now + left)
    assert max(shown) - min(shown) < 25
    assert all(abs(b - a) < 3 for a, b in itertools.pairwise(shown))


def test_what_was_done_before_does_not_count():
    pace = Pace(0.5, 100.0)
    assert pace.left(0.5, 110.0) is None
    assert pace.left(0.6, 110.0) == pytest.approx(40)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0, "1 s"), (7.4, "7 s"), (41, "40 s"), (59.9, "60 s"), (200, "3 min 20 s")],
        *[(300, "5 min"), (1500, "25 min"), (3600, "1 h"), (7800, "2 h 10 min")],
        *[(100_000, "27 h"), (599, "10 min")],
    ],
)
def test_durations_are_no_more_exact_than_an_estimate(seconds, text):
    assert rough(seconds) == text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_bar_fits_its_line(width, encoding):
    console = Lines(True, width, encoding)
    what = "generating the density-ratio classifier's samples"
    state = State(what, 0.31, "62,000 of 200,000", 7800)
    console.print(*bar_lines(state, width), sep="")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", console.text)
    lines = plain.splitlines()
    assert all(len(line.rstrip()) < width for line in lines)
    assert len(lines) == (1 if width == 120 else 2)
    assert "62,000 of 200,000" in lines[-1]
    if width >= 60:
        assert lines[-1].rstrip().endswith("62,000 of 200,000   31 %  2 h 10 min left")
        assert what in plain


def test_a_figure_in_the_label_is_no_other_work(clock):
    console = Lines()
    meter = Meter(console=console)
    for done in range(30):
        meter(f"fitting (loss {1 / (1 + done):.2f})", done, 100)
        clock.advance(1)
    assert console.text.splitlines()[1] == "fitting (loss 0.08): 12 of 100, 1 min 30 s left"


@pytest.mark.parametrize("width", [30, 80, 120])
def test_numbers_fit_their_line(width):
    shown = dict.fromkeys(("samples/s", "d_loss", "g_loss", "d_sign", "r1", "r2"), "-0.00123")
    names, values = columns(shown, ("memorising", "red"), width)
    assert len(values.plain) < width
    assert values.plain.endswith("memorising")
    assert len(names.plain) < width
