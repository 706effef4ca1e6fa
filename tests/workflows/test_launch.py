"""``gankit train --nproc`` and torchrun: real processes that train one run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gankit
from gankit import launched
from gankit.errors import GankitError
from gankit.workflows.launch import PATIENCE, joined, launch

GANKIT = [sys.executable, "-W", "ignore", "-m", "gankit"]
TORCHRUN = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]
SMALL = [
    *("hidden=8", "layers=2", "d_layers=2", "count=200", "train.batch=32", "train.threads=1"),
    *("train.precision=fp32", "optim.eps=1e-3", "log.verdict=0", "checkpoint.every=320"),
    "log.every=320",
]
TOY = ["train", "--plugin", "toy", "--device", "cpu", "--seed", "3", *SMALL]


def run(words, folder, **more):
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=300, env=os.environ | more
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "generator.safetensors")


def expect_equal(a, b, atol):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=atol, msg=name)


def trained(folder: Path, **settings: object) -> Path:
    """A run of the same length by one process."""
    small = dict(word.split("=") for word in SMALL) | settings
    gankit.fit("toy", out=folder, device="cpu", seed=3, samples=960, settings=small)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone") / "run")


def test_the_same_command_on_two_processes_trains_the_same(alone, tmp_path):
    done = run([*GANKIT, *TOY, "--samples", "960", "--nproc", "2"], tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "toy-grid25-001"
    assert "processes:      2, which share each batch" in done.stderr
    assert done.stderr.count("training in") == 1
    assert done.stdout.count("done: ") == 1
    expect_equal(weights(folder), weights(alone), atol=2e-6)
    assert (tmp_path / "runs").exists()
    assert len([*(tmp_path / "runs").iterdir()]) == 1


def test_two_processes_heal_together(tmp_path):
    words = [*TOY, "--out", "run", "--nproc", "2", "--samples", "16k", "optim.lr=0.1"]
    words += ["guard.every=320", "guard.samples=64", "guard.attempts=2", "log.preview=16000"]
    done = run([*GANKIT, *[w for w in words if not w.startswith("log.every")]], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "healing: " in done.stderr
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    events = [e["kind"] for line in lines for e in json.loads(line).get("events", [])]
    assert "heal" in events


def test_torchrun_starts_it_too(tmp_path):
    """Three processes, whose share of a batch is no power of two of its size."""
    words = ["--nproc-per-node", "3", "-m", "gankit", *TOY, "--samples", "960", "--json"]
    words[words.index("train.batch=32")] = "train.batch=48"
    done = run([*TORCHRUN, *words, "--out", "three"], tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["samples"] == 960
    trained(tmp_path / "one", **{"train.batch": 48})
    expect_equal(weights(tmp_path / "three"), weights(tmp_path / "one"), atol=2e-6)


def test_a_killed_process_restarts_all_from_the_last_checkpoint(alone, tmp_path):
    """And ends with the weights of a run that nobody disturbed."""
    words = [*GANKIT, *TOY, "--samples", "960", "--nproc", "2", "--max-restarts", "1"]
    killer = tmp_path / "sitecustomize.py"
    killer.write_text(
        "import os, signal, sys\n"
        "if os.environ.get('RANK') == '1' and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0':\n"
        "    import gankit.engine.trainer as trainer\n"
        "    step = trainer.Trainer.step\n"
        "    def dying(self):\n"
        "        step(self)\n"
        "        if self.clock.samples >= 480:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "    trainer.Trainer.step = dying\n"
    )
    done = run(words, tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "a process ended: all were started again (1 of at most 1)" in done.stderr
    folder = tmp_path / "runs" / "toy-grid25-001"
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [folder.name]
    expect_equal(weights(folder), weights(alone), atol=2e-6)


def test_a_killed_process_without_restarts_is_said(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "if os.environ.get('RANK') == '1':\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [*GANKIT, *TOY, "--samples", "960", "--nproc", "2"]
    done = run(words, tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "process 1 of 2 was killed (SIGKILL)" in done.stderr
    assert "--max-restarts 3" in done.stderr


def test_ctrl_c_saves_once_and_the_command_goes_on(alone, tmp_path):
    words = [*GANKIT, *TOY, "--nproc", "2", "--out", "run"]
    with subprocess.Popen(
        [*words, "--samples", "100M"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as started:
        lines = tmp_path / "run" / "metrics.jsonl"
        ends = time.monotonic() + 200
        while not (lines.is_file() and lines.read_text().count("\n") > 2):
            assert time.monotonic() < ends
            assert started.poll() is None
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGINT)
        stderr = started.communicate(timeout=120)[1]
    assert started.returncode == 130, stderr
    assert "Traceback" not in stderr
    had = json.loads(lines.read_text().splitlines()[-1])["samples"]
    reached = had - had % 32 + 64
    done = run([*words, "--samples", str(reached)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(lines.read_text().splitlines()[-1])["samples"] == reached


def test_bad_input_is_said_once(tmp_path):
    """Also where restarts are allowed: none would help."""
    words = ["privacy.epsilon=3", "loss.objective=nonsaturating"]
    said = "privacy.epsilon cannot be used with several processes: its batches are drawn from all"
    command = [*GANKIT, "train", "--plugin", "toy", *words, "--nproc", "2", "--max-restarts", "2"]
    done = run(command, tmp_path)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert said in errors[0]
    assert not (tmp_path / "runs").exists()


def test_more_processes_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(GankitError, match="--nproc 3: this machine has 2 cores. Use --nproc 2"):
        launch(["train"], 3)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(GankitError, match="--nproc 2: this machine has 1 GPU. Leave out --nproc"):
        launch(["train"], 2)


def test_a_process_that_never_comes_is_said(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    done = run([*GANKIT, *TOY], tmp_path, **group, GANKIT_RENDEZVOUS_SECONDS="1")
    assert done.returncode == 2
    assert "process 0 did not meet the other 1 at 127.0.0.1:" in done.stderr


@pytest.mark.parametrize("text", ["soon", "0", "-1", "1e3", "9" * 30])
def test_a_wait_that_is_no_number_of_seconds(monkeypatch, text):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", PATIENCE: text}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(GankitError, match="is not a number of seconds. Use 1 to 86400"), joined():
        pass


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 is set, and RANK is not"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK=2: of WORLD_SIZE=2 processes, ranks are 0 to 1"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two' is not a number"),
    ],
)
def test_a_launcher_that_contradicts_itself(monkeypatch, given, said):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(GankitError, match=said):
        launched.rank()
