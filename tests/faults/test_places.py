"""Locks, copies, moves and clocks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import DATED, SMALL, command, killed_at_change, outcome, said

GANKIT = [sys.executable, "-m", "gankit"]
LONGER = [*SMALL[:-4], "train.samples=100_000_000", "log.verdict=0"]
"""The same run without an end, and without what follows."""
LONGER = [word for word in LONGER if word != "train.samples=320"]


@pytest.fixture
def training(tmp_path):
    """A process that trains until it is ended."""
    process = subprocess.Popen(
        [*GANKIT, *LONGER], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ends = time.monotonic() + 120
    while not [*tmp_path.glob("run/checkpoints/0*[1-9]0*")]:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < ends
        time.sleep(0.05)
    yield process
    process.kill()
    process.communicate()


def test_two_processes_on_one_run(training, preforked, tmp_path):
    second = preforked(command(LONGER), tmp_path)
    assert second.returncode == 2
    assert "another process is training in run" in said(second)
    made = preforked(command(["generate", "run", "-n", "3", "--out", "made"]), tmp_path)
    assert made.returncode == 0, made.stderr
    scored = preforked(command(["evaluate", "run", "-n", "20"]), tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert preforked(command(["runs", "show", "run"]), tmp_path).returncode == 0
    assert training.poll() is None
    training.kill()  # its lock goes with it
    training.wait()
    ended = preforked(command([*LONGER[:3], "--out", "run", "train.samples=32"]), tmp_path)
    assert "another process" not in ended.stderr


def test_a_run_that_is_moved_while_it_trains(training, preforked, tmp_path):
    (tmp_path / "run").rename(tmp_path / "moved")
    _, errors = training.communicate(timeout=120)
    assert training.returncode == 2, errors
    assert "run is gone: the run was moved or deleted while it trained" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "run").exists()
    last = sorted((tmp_path / "moved" / "checkpoints").glob("0*"))[-1]
    more = ["train", "--out", "moved", f"train.samples={int(last.name) + 32}"]
    done = preforked(command(more), tmp_path)
    assert done.returncode == 0, done.stderr


LOCKS = """
import fcntl
flock = fcntl.flock
def other(handle, operation):
    {how}
fcntl.flock = other
"""


def test_a_lock_of_a_process_on_another_machine(preforked, tmp_path):
    """A network file system says of its locks what the local one does."""
    how = "raise BlockingIOError(errno.EAGAIN, 'held elsewhere')"
    done = preforked(command(SMALL, LOCKS.format(how=how)), tmp_path)
    assert done.returncode == 2
    assert "another process is training in run" in said(done)
    assert preforked(command(SMALL), tmp_path).returncode == 0


def test_a_file_system_without_locks(preforked, tmp_path):
    how = "raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))"
    done = preforked(command(SMALL, LOCKS.format(how=how)), tmp_path)
    assert done.returncode == 2
    assert "No locks available" in said(done)


def test_a_lock_that_a_killed_process_left(preforked, tmp_path):
    assert preforked(command(SMALL, killed_at_change(30, "run")), tmp_path).returncode == -9
    assert (tmp_path / "run" / ".lock").is_file()
    assert preforked(command(SMALL), tmp_path).returncode == 0


# --- Places -------------------------------------------------------------------------------------

POINTS = [*SMALL[:5], "rows.csv", *SMALL[5:]]


def test_a_run_that_is_copied_elsewhere_is_resumed_there(preforked, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    whole = preforked(command(SMALL), here, **DATED)
    assert whole.returncode == 0
    expected = outcome(here / "run")
    shutil.rmtree(here / "run")
    assert preforked(command(SMALL, killed_at_change(60, "run")), here, **DATED).returncode == -9
    shutil.copytree(here / "run", there / "run")
    shutil.rmtree(here)
    done = preforked(command(["train", "--out", "run"]), there, **DATED)
    assert done.returncode == 0, done.stderr
    assert outcome(there / "run") == expected


def test_the_data_of_a_run_are_gone(preforked, tmp_path):
    rows = "".join(f"{i / 50},{(i * 7) % 50 / 50}\n" for i in range(200))
    (tmp_path / "rows.csv").write_text(f"x,y\n{rows}")
    words = ["train", "--plugin", "tabular", "--data", "rows.csv", "--out", "run", "--seed", "1"]
    small = ["train.batch=32", "train.threads=1", "log.verdict=0", "--device", "cpu"]
    started = preforked(command([*words, *small, "train.samples=64"]), tmp_path)
    assert started.returncode == 0, started.stderr
    (tmp_path / "rows.csv").rename(tmp_path / "elsewhere.csv")
    more = ["train", "--out", "run", "train.samples=96"]
    gone = preforked(command(more), tmp_path)
    assert gone.returncode == 2
    assert "rows.csv" in said(gone)
    assert "--data" in said(gone)
    made = preforked(command(["generate", "run", "-n", "2", "--out", "made"]), tmp_path)
    assert made.returncode == 0, made.stderr
    moved = preforked(command([*more, "--data", "elsewhere.csv"]), tmp_path)
    assert moved.returncode == 0, moved.stderr


# --- Clocks -------------------------------------------------------------------------------------

CLOCK = """
import time, datetime
real, calls = time.time, [0]
def jumping():
    calls[0] += 1
    return real() + (-1) ** calls[0] * 366 * 24 * 3600
time.time = jumping
class Jumping(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return cls.fromtimestamp(jumping(), zone)
datetime.datetime = Jumping
"""
"""The system's time, which jumps a year back or forth whenever it is read."""


def test_a_clock_that_jumps_changes_nothing(preforked, tmp_path):
    quiet, jumpy = tmp_path / "quiet", tmp_path / "jumpy"
    for folder in (quiet, jumpy):
        folder.mkdir()
    limited = [*SMALL, "--time", "10m"]
    assert preforked(command(limited), quiet, **DATED).returncode == 0
    first = preforked(command(limited, CLOCK + killed_at_change(70, "run")), jumpy, **DATED)
    assert first.returncode == -9
    done = preforked(command(limited, CLOCK), jumpy, **DATED)
    assert done.returncode == 0, done.stderr
    assert outcome(jumpy / "run") == outcome(quiet / "run")
    made = preforked(command(["generate", "run", "-n", "3", "--out", "made"], CLOCK), jumpy)
    assert made.returncode == 0, made.stderr


def test_output_is_signed_whatever_the_clock_says(preforked, tmp_path):
    """A certificate that is not valid yet, since the clock went back, is a warning at most."""
    assert preforked(command(SMALL), tmp_path).returncode == 0
    keys = {"GANKIT_SIGN": "", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    words = ["generate", "run", "-n", "3", "--out"]
    assert preforked(command([*words, "now"]), tmp_path, **keys).returncode == 0
    back = "import time, datetime\n" + re.sub(r"\(-1\) \*\* calls\[0\]", "-1", CLOCK)
    done = preforked(command([*words, "earlier"], back), tmp_path, **keys)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "valid" in said(done)


def test_nothing_is_decided_by_the_system_s_clock():
    """Of all that reads it, only what dates something, and what tidies a cache."""
    sources = Path(__file__).resolve().parents[2]
    found = set()
    for file in [*sources.glob("src/**/*.py"), *sources.glob("plugins/*/src/**/*.py")]:
        if re.search(r"\btime\.time\(|datetime\.now\(|datetime\.utcnow\(", file.read_text()):
            found.add(file.name)
    assert found == {"provenance.py", "record.py", "keys.py", "cache.py", "callback.py"}
