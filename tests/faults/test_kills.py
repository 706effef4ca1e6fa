"""SIGKILL at any instant: the same command goes on, and gives what it would have given.

``GANKIT_KILLS=1000`` kills at every change of a file, not at a few.
"""

from __future__ import annotations

import os
import random
import shutil
import sys

import pytest
from faults import (
    DATED,
    SMALL,
    command,
    counting_changes,
    killed_after,
    killed_at_change,
    outcome,
)

KILLS = int(os.environ.get("GANKIT_KILLS", "6"))
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def whole(preforked, tmp_path_factory):
    """An uninterrupted run, and how often it changes files."""
    folder = tmp_path_factory.mktemp("whole")
    done = preforked(command(SMALL, counting_changes("run")), folder, **DATED)
    assert done.returncode == 0, done.stderr
    return outcome(folder / "run"), (folder / "changes").stat().st_size


def some(count, kills):
    """So many numbers of changes, evenly spread and different each time the count changes."""
    if kills >= count:
        return range(1, count + 1)
    return sorted(random.Random(count).sample(range(1, count + 1), kills))


def test_training_is_killed_before_any_change_of_a_file(preforked, whole, tmp_path):
    expected, count = whole
    for number in some(count, KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed = preforked(command(SMALL, killed_at_change(number, "run")), folder, **DATED)
        assert killed.returncode == -9, f"change {number} of {count}: {killed.stderr}"
        done = preforked(command(SMALL), folder, **DATED)
        assert done.returncode == 0, f"change {number} of {count}: {done.stderr}"
        assert "Traceback" not in done.stderr
        assert outcome(folder / "run") == expected, f"change {number} of {count}"
        assert not [*(folder / "run" / "checkpoints").glob(".*")]
        shutil.rmtree(folder)


def test_training_is_killed_again_and_again_at_random_instants(preforked, whole, tmp_path):
    rng, killed = random.Random(1), 0
    for _ in range(6):
        done = preforked(command(SMALL, killed_after(rng.uniform(0, 1))), tmp_path, **DATED)
        assert done.returncode in (0, -9), done.stderr
        killed += done.returncode == -9
    done = preforked(command(SMALL), tmp_path, **DATED)
    assert done.returncode == 0, done.stderr
    assert outcome(tmp_path / "run") == whole[0]


def test_what_is_killed_is_readable_at_any_time(preforked, tmp_path):
    """``model/`` is whole from the first checkpoint on, whenever training is killed."""
    done = preforked(command(SMALL, killed_at_change(45, "run")), tmp_path)
    assert done.returncode == -9
    made = preforked(["gankit", "generate", "run", "-n", "3", "--out", "made"], tmp_path)
    assert made.returncode == 0, made.stderr


# --- Export and generation ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(preforked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert preforked(command(SMALL), folder).returncode == 0
    return folder / "run"


COMMANDS = {
    "generate": ["generate", "run", "-n", "20", "--out", "made"],
    "generate to a file": ["generate", "run", "-n", "20", "--out", "made.csv"],
    "generate in parts": ["generate", "run", "-n", "30", "--out", "made", "--parts", "3"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_generation_is_killed_before_any_change_of_a_file(preforked, trained, tmp_path, name):
    shutil.copytree(trained, tmp_path / "run")
    words = COMMANDS[name]

    def made():
        return {
            str(p.relative_to(tmp_path)): p.read_bytes()
            for p in tmp_path.rglob("*made*/**/*" if (tmp_path / "made").is_dir() else "*made*")
            if p.is_file()
        }

    def clear():
        for path in tmp_path.glob("*made*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in tmp_path.glob(".*made*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert preforked(command(words, counting_changes("made")), tmp_path, **DATED).returncode == 0
    expected, count = made(), (tmp_path / "changes").stat().st_size
    for number in some(count, KILLS // 2):
        clear()
        killed = preforked(command(words, killed_at_change(number, "made")), tmp_path, **DATED)
        assert killed.returncode == -9, f"change {number} of {count}: {killed.stderr}"
        # Whole, or not there; what is there already is replaced on request alone.
        done = preforked(command(words), tmp_path, **DATED)
        if done.returncode:
            assert "exists already" in done.stderr, f"change {number} of {count}: {done.stderr}"
            done = preforked(command([*words, "--overwrite"]), tmp_path, **DATED)
        assert done.returncode == 0, f"change {number} of {count}: {done.stderr}"
        assert made() == expected, f"change {number} of {count}"


def test_an_export_is_killed(preforked, trained, tmp_path):
    pytest.importorskip("onnx")
    shutil.copytree(trained, tmp_path / "run")
    words = ["export", "run", "--out", "made.pt2"]
    for number in (1, 3):
        killed = preforked(command(words, killed_at_change(number, "made.pt2")), tmp_path)
        assert killed.returncode == -9
        assert not (tmp_path / "made.pt2").exists()
    done = preforked(command(words), tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made.pt2").is_file()
    assert sys.platform
