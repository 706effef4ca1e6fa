"""Faults of the system in every command: one line, exit code 2, nothing half written."""

from __future__ import annotations

import shutil
import sys

import pytest
from words import once

TOY = [
    *("train", "--plugin", "toy", "hidden=8", "count=300", "train.samples=256"),
    *("train.batch=32", "train.threads=1"),
]
COMMANDS = {
    "train": [*TOY, "--out", "new"],
    "resume": ["train", "--out", "run", "train.samples=512"],
    "generate": ["generate", "run", "-n", "400", "--out", "made"],
    "generate to a file": ["generate", "run", "-n", "400", "--out", "made.csv"],
    "evaluate": ["evaluate", "run", "-n", "40"],
    "evaluate --report": ["evaluate", "run", "-n", "40", "--report", "page.html"],
    "plugins new": ["plugins", "new", "mine"],
}
RUN = """
import errno, os, resource, signal, sys, threading
{before}
import gankit.cli
sys.argv = ["gankit", *{words!r}]
gankit.cli.main()
"""


@pytest.fixture(scope="module")
def trained(gankit_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    gankit_(*TOY, "--out", "run", cwd=folder)
    return folder / "run"


@pytest.fixture
def after(preforked, trained, tmp_path):
    """Runs a command after some code that prepares the fault."""
    shutil.copytree(trained, tmp_path / "run")

    def run(words, before):
        done = preforked(["fault", RUN.format(before=before, words=words)], tmp_path)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def last(done):
    return done.stderr.strip().splitlines()[-1]


def whole(folder):
    """No temporary file is left."""
    assert not [p for p in folder.rglob(".*") if p.name not in (".lock", ".gitignore")]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "plugins new"])
def test_a_full_disk(after, tmp_path, command):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"
    done = after(COMMANDS[command], limit)
    assert done.returncode == 2, done.stderr
    assert last(done).startswith("error: cannot write ")
    assert "File too large" in last(done)
    assert "free some space" in last(done).lower() or "Choose another" in last(done)
    whole(tmp_path)
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "made.csv").exists()
    assert not (tmp_path / "page.html").exists()


REFUSE = """
import io, pathlib
opened = pathlib.Path.open
def refusing(self, mode="r", *given, **named):
    if set(mode) & set("wxa+"):
        raise OSError({number}, os.strerror({number}), str(self))
    return opened(self, mode, *given, **named)
def refused(path, *given, **named):
    raise OSError({number}, os.strerror({number}), str(path))
pathlib.Path.open = refusing
pathlib.Path.write_text = pathlib.Path.write_bytes = refused
os.mkdir = refused
"""


@pytest.mark.parametrize("name", ["EROFS", "EIO"])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_can_be_written(after, tmp_path, command, name):
    done = after(COMMANDS[command], REFUSE.format(number=f"errno.{name}"))
    assert done.returncode == 2, done.stderr
    assert last(done).startswith("error: cannot ")
    whole(tmp_path)


MEMORY = """
import torch
from gankit_toy.modality import ToyModality
def build(self, codec, settings):
    raise {error}
ToyModality.build_networks = build
"""


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError()",
        'torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")',
        'RuntimeError("DefaultCPUAllocator: can\'t allocate memory: tried to get 9 bytes")',
    ],
)
@pytest.mark.parametrize("command", ["train", "resume", "generate", "evaluate"])
def test_out_of_memory(after, command, error):
    done = after(COMMANDS[command], MEMORY.format(error=error))
    assert done.returncode == 2, done.stderr
    assert "out of memory" in last(done)
    if command in ("train", "resume"):
        of_gpu = "CUDA" in error
        assert last(done).startswith("error: the GPU") == of_gpu
        for setting in ("data.cache=never", "train.precision=bf16"):
            assert (setting in last(done)) == of_gpu
        for setting in ("train.accumulate=2", "data.workers=0"):
            assert (setting in last(done)) != of_gpu


SMALL_GPU = """
import torch
from gankit.engine.step import AdversarialLoss
step = AdversarialLoss.discriminator_step
def limited(self, params, real, *given):
    if len(real) > {fitting}:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return step(self, params, real, *given)
AdversarialLoss.discriminator_step = limited
"""


def test_a_step_that_a_gpu_s_memory_does_not_suffice_for(after, tmp_path):
    done = after(COMMANDS["resume"], SMALL_GPU.format(fitting=0))
    assert done.returncode == 2, done.stderr
    assert last(done).startswith("error: the GPU is out of memory: 2.00 GiB more were needed")
    assert (tmp_path / "run" / "checkpoints" / f"{256:012d}").is_dir()
    done = after(COMMANDS["resume"], SMALL_GPU.format(fitting=8))
    assert done.returncode == 0, done.stderr
    said = "each batch is now computed in 4 pieces of 8. In further runs, set train.accumulate=4"
    assert " ".join(done.stderr.split()).count(said) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's memory limits")
def test_a_limit_on_memory(after):
    limit = """
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
"""
    done = after(once(*TOY, "hidden=40000", "--out", "large"), limit)
    assert done.returncode == 2, done.stderr
    assert "out of memory" in last(done)


def test_too_many_open_files(after):
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))"
    done = after(["generate", "run", "-n", "2", "--out", "made"], limit)
    assert done.returncode == 2, done.stderr
    assert "Too many open files" in last(done)


def test_results_on_a_full_disk(after):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /dev/full")
    done = after(["runs", "list", "."], 'os.dup2(os.open("/dev/full", os.O_WRONLY), 1)')
    assert done.returncode == 2
    assert last(done).startswith("error: cannot write standard output: No space left on device")


def test_nobody_reads_the_results(after):
    closed = "r, w = os.pipe(); os.close(r); os.dup2(w, 1)"
    for words in (["runs", "list", "."], ["runs", "list", ".", "--json"], ["runs", "show", "run"]):
        done = after(words, closed)
        assert (done.returncode, done.stderr) == (0, "")


# --- Signals ------------------------------------------------------------------------------------

SIGNALLED = """
from gankit_toy.modality import ToyModality
from gankit_toy.codec import PointCodec
target, name = {place}
method = getattr(target, name)
def interrupted(*given, **named):
    setattr(target, name, method)
    for _ in range({times}):
        os.kill(os.getpid(), signal.{signal})
    return method(*given, **named)
setattr(target, name, interrupted)
"""
PLACES = {
    "reading": '(ToyModality, "read")',
    "networks": '(ToyModality, "build_networks")',
    "training": '(ToyModality, "preview")',
    "generating": '(PointCodec, "decode")',
}


@pytest.mark.parametrize("signal", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_training_is_saved(after, gankit_, tmp_path, signal):
    # A closed terminal sends SIGHUP twice.
    times = 2 if signal == "SIGHUP" else 1
    before = SIGNALLED.format(place=PLACES["training"], signal=signal, times=times)
    done = after(COMMANDS["train"], before)
    assert done.returncode == 130, done.stderr
    assert "interrupted: new" in done.stdout
    whole(tmp_path)
    assert "done" in gankit_("train", "--out", "new", cwd=tmp_path).stdout


def test_training_is_saved_when_the_terminal_is_gone(after, gankit_, tmp_path):
    before = SIGNALLED.format(place=PLACES["training"], signal="SIGHUP", times=2)
    before += "import pty; a, b = pty.openpty(); os.dup2(b, 1); os.dup2(b, 2); os.close(a)\n"
    done = after(COMMANDS["train"], before)
    assert done.returncode == 130
    assert "done" in gankit_("train", "--out", "new", cwd=tmp_path).stdout


@pytest.mark.parametrize("signal", ["SIGHUP", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("place", ["reading", "networks"])
def test_nothing_is_left_before_training(after, tmp_path, signal, place):
    done = after(COMMANDS["train"], SIGNALLED.format(place=PLACES[place], signal=signal, times=1))
    assert done.returncode == 130, done.stderr
    assert "interrupted before training" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("signal", ["SIGHUP", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("command", ["generate", "generate to a file", "evaluate"])
def test_nothing_is_left_half_generated(after, tmp_path, signal, command):
    before = SIGNALLED.format(place=PLACES["generating"], signal=signal, times=1)
    done = after(COMMANDS[command], before)
    assert done.returncode == 130, done.stderr
    whole(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_ignored_hangup_stays_ignored(after):
    """As with ``nohup gankit generate``."""
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    before += SIGNALLED.format(place=PLACES["generating"], signal="SIGHUP", times=1)
    assert after(COMMANDS["generate"], before).returncode == 0
