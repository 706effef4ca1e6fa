"""Bad input: one line with the problem and what to do, exit code 2, nothing lost."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys

import pytest
from words import once

TOY = ["train", "--plugin", "toy", "hidden=8", "count=200", "train.samples=640", "train.threads=1"]

SCREEN = ("data:", "items:")
"""Lines that say what was read, before an error that shows only then."""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "no data and no plugin given. Train on your own data with `gankit train DATA`"),
        (["train", "--plugin", "tpy"], "Did you mean toy"),
        (["train", "--plugin", "toy/grid24"], "Did you mean grid25"),
        ([*TOY, "optim.lrr=1"], "Did you mean optim.lr"),
        ([*TOY, "train.batch=many"], "train.batch='many'"),
        ([*TOY, "loss.objective=rgan"], "Did you mean rpgan"),
        ([*TOY, "--data", "nowhere.csv"], "nowhere.csv"),
        ([*TOY, "--budget", "ten"], "Use 90s"),
        ([*TOY, "--budget", "10"], "10 what? Use --time 10m, --samples 10k or --epochs 10"),
        ([*TOY, "--time", "10"], "10 what? Use --time 10s, 10m or 10h"),
        ([*TOY, "--samples", "255"], "train.samples=255 is less than one batch, train.batch=256"),
        ([*TOY, "--epochs", "0.1"], "train.epochs=0.1 of 160 items is less than one batch"),
        ([*TOY, "--epochs", "nan"], "--epochs nan: out of range. Use a number above 0"),
        ([*TOY, "--device", "tpu"], "device 'tpu' cannot be used"),
        ([*TOY, "ema.half_life=-1"], "ema.half_life=-1.0: out of range. Use at least 0"),
        ([*TOY, "checkpoint.minutes=-1"], "checkpoint.minutes=-1.0: out of range. Use above 0"),
        ([*TOY, "optim.lr=nan"], "optim.lr=NaN: out of range. Use at least 0"),
        ([*TOY, "loss.r1=[0.1, nan]"], "loss.r1=[0.1, NaN]: out of range. Use at least 0"),
        ([*TOY, "--seed", "-1"], "train.seed=-1: out of range. Use between 0 and"),
        ([*TOY, "hidden=0"], "hidden=0: out of range. Use at least 1"),
        ([*TOY, "sigma=nan"], "sigma=NaN: out of range. Use at least 0"),
        ([*TOY, "train.warm_up=64"], "train.warm_up needs networks with a likelihood"),
        ([*TOY, "--config", "none.toml"], "none.toml"),
        ([*TOY, "--out", "/proc/nothing/run"], "cannot write"),
        (["generate", "nowhere"], "no run at nowhere"),
        (["evaluate", "nowhere"], "no such path"),
        (["runs", "show", "nowhere"], "no run at nowhere"),
        (["recipes", "show", "toy/none"], "no recipe"),
        (["plugins", "show", "none"], "no plugin named"),
    ],
)
def test_one_line_and_code_2(gankit_here, tmp_path, words, message):
    done = gankit_here(*once(*words))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")  # what was read may stand before it
    assert len([line for line in lines if not line.startswith(SCREEN)]) == 1
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
    ("words", "message"),
    [
        ([*TOY, "optim.lr=0.5"], "optim.lr was"),
        ([*TOY, "hidden=9"], "hidden was 8, now 9"),
        ([*TOY, "--seed", "3"], "train.seed was 0, now 3"),
    ],
)
def test_resuming_with_other_settings(gankit_here, run, words, message):
    before = snapshot(run)
    done = gankit_here(*once(*words), "--out", run)
    assert done.returncode == 2
    assert message in done.stderr
    assert snapshot(run) == before


def test_training_into_a_folder_of_other_files(gankit_here, tmp_path):
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
    text = (copy / "run.toml").read_text().replace("format = 2", "format = 3")
    (copy / "run.toml").write_text(text)
    done = gankit_here(*words, copy)
    assert done.returncode == 2
    assert "newer gankit (format 3" in done.stderr
    assert "Upgrade gankit" in done.stderr


def test_a_run_from_an_older_version(gankit_here, run, tmp_path):
    copy = tmp_path / "old"
    shutil.copytree(run, copy)
    text = (copy / "run.toml").read_text().replace("format = 2", "format = 1")
    (copy / "run.toml").write_text(text)
    done = gankit_here("generate", copy)
    assert done.returncode == 2
    assert "was written by an older gankit (format 1; this one reads 2)" in done.stderr


def test_a_model_from_a_newer_version(gankit_here, run, tmp_path):
    shutil.copytree(run / "model", tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 7}))
    assert "newer gankit (format 7" in gankit_here("generate", "model", "-n", 2).stderr


@pytest.mark.parametrize("where", [["label=11"], ["nonsense"], ["a=1", "a=2"]])
def test_impossible_conditions(gankit_here, run, where):
    words = [word for condition in where for word in ("--where", condition)]
    done = gankit_here("generate", run, "-n", 2, *words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--between", "3"], "Use --between 3:17"),
        (["--between", "3:x"], "'x' is neither a seed nor a file of latents"),
        (["--between", "-3:4"], "'-3' is neither a seed nor a file"),
        (["--between", "3:4:4"], "both seeds are 4. Give two different seeds"),
        (["--between", "3:no.safetensors"], "no file of latents at no.safetensors"),
        (["--along", "2"], "Use --along 2:-3..3"),
        (["--along", "0:1..2"], "direction 0: out of range. Use 1, the strongest, to"),
        (["--along", "1:1..1", "-n", "3"], "in 3 steps. Use n of 2 or more with a range"),
        (["--along", "1:-1..1", "--between", "1:2"], "Use one of them"),
        (["--mix", "1"], "Use --mix 3:17, or --mix 0..5:10..14"),
        (["--mix", "1..0:2"], "1 is greater than 0"),
        (["--mix", "1:2"], "Style mixing needs a generator with stages"),
        (["--mix", "1:2", "-n", "5"], "1 times 1 seeds make 1 mixes. Leave out n"),
        (["--mix-from", "1"], "Add --mix A:B"),
        (["--latent", "7"], "no file of latents. `gankit project RUN ITEM` writes one"),
        (["--truncation", "1.1"], "Use 0 (the mean) to 1 (no truncation)"),
        (["truncation=-1"], "Use 0 (the mean) to 1 (no truncation)"),
        (["truncation=high"], "truncation=high: not a number"),
        (["truncation=1", "--truncation", "0.5"], "Give one of them"),
        (["--fps", "9"], "Add --film FILE"),
        (["--film", "walk.avi", "--between", "1:2"], "End the name in .gif, .webp, .apng or .mp4"),
        (["--film", "walk.gif"], "Add --between 3:17, or --along 1:-3..3"),
        (["--film", "walk.gif", "--out", "x"], "Leave out --out and --format, or --film"),
        (["--film", "walk.gif", "--between", "1:2", "-n", "1"], "needs two frames or more"),
        (["--film", "w.gif", "--between", "1:2", "--fps", "0"], "fps=0: out of range"),
        (["--between", "4:4"], "Give two different seeds"),
        (["--between", "1:99999999999999999999"], "out of range"),
        (["--seed", "9223372036854775807"], "out of range"),
        (["--between", "1:2", "-n", "1"], "Use n of 2 or more"),
        (["--between", "1:2", "--seed", "3"], "Use one of them"),
        (["hiden=8"], "Did you mean hidden"),
        (["hidden=8"], "hidden cannot be changed when generating"),
        (["train.batch=4"], "train.batch affects training, which is finished"),
        (["hidden"], "Use key=value"),
        (["--format", "xlsx"], "unknown format 'xlsx'. Known: csv"),
        (["--out", "points.npy"], "plugin toy cannot write points.npy: it has no format 'npy'"),
    ],
)
def test_impossible_requests(gankit_here, run, tmp_path, words, message):
    done = gankit_here("generate", run, *words)
    assert done.returncode == 2
    assert message in done.stderr
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
        [sys.executable, "-m", "gankit", *once(*TOY, "hidden=256"), "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob(".*partial"))


def test_overwrite_replaces_only_generated_output(gankit_here, run, tmp_path):
    """Not a run, not other files, not the current folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    shutil.copytree(run, tmp_path / "run")
    for target in ("mine", "run", "."):
        before = snapshot(tmp_path)
        done = gankit_here("generate", "run", "-n", 2, "--out", target, "--overwrite")
        assert done.returncode == 2
        assert "gankit replaces no folder but its own" in done.stderr
        assert snapshot(tmp_path) == before
    for _ in range(2):
        assert gankit_here("generate", "run", "-n", 2, "--out", "g", "--overwrite").returncode == 0


def test_a_damaged_checkpoint_is_named_and_set_aside(gankit_here, run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    newest = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    (newest / "state.safetensors").write_bytes(b"half")
    done = gankit_here(*once(*TOY, "train.samples=1280"), "--out", "run")
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
