"""The progress of commands: samples are counted, and an interruption is said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import typer
from clocks import FakeClock

import gankit
from gankit.cli._progress import INCOMPLETE, interruptible

SMALL = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8, "count": 200}


def test_an_interruption_is_said(capsys, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("gankit.screen.meter.time", clock)

    def work():
        with interruptible(INCOMPLETE) as meter:
            meter("generating", 0, 9000)
            clock.advance(3)
            meter("generating", 1234, 9000)
            raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        work()
    assert ended.value.exit_code == 130
    last = capsys.readouterr().err.splitlines()[-1]
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
