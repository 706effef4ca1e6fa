"""Bad input: one clear line that says what to do, exit code 2, nothing lost."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys

import pytest

TOY = ["train", "--plugin", "toy", "hidden=8", "count=200", "train.samples=640", "train.threads=1"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train"], "Name a plugin"),
        (["train", "--plugin", "tpy"], "Did you mean toy"),
        (["train", "--plugin", "toy/grid24"], "Did you mean grid25"),
        ([*TOY, "optim.lrr=1"], "Did you mean optim.lr"),
        ([*TOY, "train.batch=many"], "train.batch='many'"),
        ([*TOY, "loss.objective=rgan"], "Did you mean rpgan"),
        ([*TOY, "--data", "nowhere.csv"], "nowhere.csv"),
        ([*TOY, "--budget", "ten"], "Write 90s"),
        ([*TOY, "--device", "tpu"], "device 'tpu' cannot be used"),
        ([*TOY, "--config", "none.toml"], "none.toml"),
        ([*TOY, "--out", "/proc/nothing/run"], "cannot write"),
        (["generate", "nowhere"], "no run at nowhere"),
        (["evaluate", "nowhere"], "no such path"),
        (["runs", "show", "nowhere"], "no run at nowhere"),
        (["recipes", "show", "toy/none"], "no recipe"),
        (["plugins", "show", "none"], "no plugin named"),
    ],
)
def test_one_line_and_code_2(gankit_here, tmp_path, words, says):
    done = gankit_here(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    subprocess.run(
        [sys.executable, "-m", "gankit", *TOY, "--out", "run"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "run"


def snapshot(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*TOY, "optim.lr=0.5"], "optim.lr was"),
        ([*TOY, "hidden=9"], "hidden was 8, now 9"),
        ([*TOY, "--seed", "3"], "train.seed was 0, now 3"),
    ],
)
def test_resuming_with_other_settings(gankit_here, run, words, says):
    before = snapshot(run)
    done = gankit_here(*words, "--out", run)
    assert done.returncode == 2
    assert says in done.stderr
    assert snapshot(run) == before


def test_training_into_a_folder_of_something_else(gankit_here, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = gankit_here(*TOY, "--out", "mine")
    assert done.returncode == 2
    assert "is not a run" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("words", [["generate", "-n", "2"], ["runs", "show"]])
def test_a_run_from_a_newer_version(gankit_here, run, tmp_path, words):
    copy = tmp_path / "new"
    shutil.copytree(run, copy)
    text = (copy / "run.toml").read_text().replace("format = 1", "format = 2")
    (copy / "run.toml").write_text(text)
    done = gankit_here(*words, copy)
    assert done.returncode == 2
    assert "newer gankit (format 2" in done.stderr
    assert "Upgrade gankit" in done.stderr


def test_a_model_from_a_newer_version(gankit_here, run, tmp_path):
    shutil.copytree(run / "model", tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 7}))
    assert "newer gankit (format 7" in gankit_here("generate", "model", "-n", 2).stderr


@pytest.mark.parametrize("where", ["label=11", "nonsense"])
def test_conditions_that_cannot_be(gankit_here, run, where):
    done = gankit_here("generate", run, "-n", 2, "--where", where)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--between", "3"], "Write --between 3:17"),
        (["--between", "3:x"], "not a pair of seeds"),
        (["--between", "-3:4"], "not a pair of seeds"),
        (["--between", "3:4:5"], "not a pair of seeds"),
        (["--between", "4:4"], "Name two seeds"),
        (["--between", "1:99999999999999999999"], "no seeds"),
        (["--between", "1:2", "-n", "1"], "Ask for 2 or more"),
        (["--between", "1:2", "--seed", "3"], "Give one of them"),
        (["hiden=8"], "Did you mean hidden"),
        (["hidden=8"], "hidden cannot be given again"),
        (["train.batch=4"], "train.batch concerns training"),
        (["hidden"], "Write settings as key=value"),
    ],
)
def test_what_cannot_be_generated(gankit_here, run, tmp_path, words, says):
    done = gankit_here("generate", run, *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.rglob("*.csv")) == []


def test_a_damaged_model(gankit_here, run, tmp_path):
    copy = tmp_path / "damaged"
    shutil.copytree(run, copy)
    (copy / "model" / "model.json").write_text("{")
    done = gankit_here("generate", copy, "-n", 2)
    assert done.returncode == 2
    assert "model.json cannot be read" in done.stderr


def test_a_full_disk(tmp_path):
    """A file-size limit stands in for it: every larger write fails as on a full disk."""
    done = subprocess.run(
        [sys.executable, "-m", "gankit", *TOY, "hidden=256", "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob(".*partial"))


def test_overwrite_spares_what_gankit_did_not_generate(gankit_here, run, tmp_path):
    """Not a run, not somebody's files, not the folder one stands in."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    shutil.copytree(run, tmp_path / "run")
    for target in ("mine", "run", "."):
        before = snapshot(tmp_path)
        done = gankit_here("generate", "run", "-n", 2, "--out", target, "--overwrite")
        assert done.returncode == 2
        assert "no folder that gankit generated" in done.stderr
        assert snapshot(tmp_path) == before
    for _ in range(2):
        assert gankit_here("generate", "run", "-n", 2, "--out", "g", "--overwrite").returncode == 0


def test_a_damaged_checkpoint_is_named_and_set_aside(gankit_here, run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    newest = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    (newest / "state.safetensors").write_bytes(b"half")
    done = gankit_here(*TOY, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert f"{newest.name} cannot be read and was set aside" in done.stderr
    assert newest.with_name(newest.name + ".unreadable").is_dir()


def test_damaged_weights(gankit_here, run, tmp_path):
    shutil.copytree(run / "model", tmp_path / "model")
    (tmp_path / "model" / "generator.safetensors").write_bytes(b"half")
    done = gankit_here("generate", "model", "-n", 2)
    assert done.returncode == 2
    assert "generator.safetensors cannot be read" in done.stderr


def test_a_refused_folder_is_left_as_it_was(gankit_here, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    gankit_here(*TOY, "--out", "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
