"""Progress: a bar on a terminal, a line now and then elsewhere, and a steady estimate."""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import typer
from clocks import FakeClock
from rich.console import Console

import gankit
from gankit.cli._display import columns
from gankit.cli._progress import INCOMPLETE, Meter, Pace, bar_lines, rough

SMALL = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8, "count": 200}


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("gankit.cli._progress.time", clock)
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
    with Meter(console=console) as meter:
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
    console.print(*bar_lines(what, 0.31, "62,000 of 200,000", 7800, width), sep="")
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
    names, values = columns(shown, ("discriminator overpowering", "red"), width)
    assert len(values.plain) < width
    assert values.plain.endswith("discriminator overpowering")
    assert len(names.plain) < width


def test_an_interruption_is_said(clock):
    console = Lines()
    meter = Meter(INCOMPLETE, console)

    def work():
        with meter:
            meter("generating", 0, 9000)
            clock.advance(3)
            meter("generating", 1234, 9000)
            raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        work()
    assert ended.value.exit_code == 130
    last = console.text.splitlines()[-1]
    assert last == "interrupted while generating, 1,234 of 9,000: the output is incomplete"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gankit.fit("toy", out=tmp_path_factory.mktemp("progress") / "run", **SMALL).path


def test_samples_are_counted_while_they_are_generated(run, tmp_path):
    from gankit.workflows.generate import Sampling, generate

    seen = []
    generate(
        gankit.load(run),
        Sampling(130),
        tmp_path / "made",
        progress=lambda what, done, total: seen.append((what, done, total)),
    )
    assert seen[:130] == [("generating", i, 130) for i in range(1, 131)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_generating_that_is_stopped_leaves_nothing(run, tmp_path, number):
    words = ["generate", str(run), "-n", "50000000", "--out", "made"]
    with subprocess.Popen(
        [sys.executable, "-m", "gankit", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        line = process.stderr.readline()
        assert re.match(r"generating: [\d,]+ of 50,000,000", line), line
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"interrupted while generating, .* of 50,000,000: nothing was written", rest)
    for _ in range(50):
        if not list(tmp_path.iterdir()):
            break
        time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []
