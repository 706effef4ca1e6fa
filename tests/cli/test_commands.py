"""The main paths, as a user types them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from words import once

import gankit.cli
import gankit.workflows.train
from gankit.cli._output import fail
from gankit.errors import GankitError
from gankit.testing import CHECKS

SMALL = [
    "--plugin",
    "toy",
    "hidden=16",
    "count=500",
    "train.batch=32",
    "train.threads=1",
    "train.samples=3200",
    "log.preview_count=20",
]


def weights(run: Path) -> str:
    return hashlib.sha256((run / "model" / "generator.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [sys.executable, "-m", "gankit", "train", *SMALL, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["status"] == "done"
    assert result["samples"] == 3200
    return folder / result["run"]


def test_train_makes_a_numbered_run(trained):
    assert trained.name == "toy-grid25-001"
    assert (trained / "run.toml").is_file()
    assert sorted((trained / "previews").iterdir())


def test_generate_by_seed(gankit_here, trained, tmp_path):
    """The same seeds give the same items, independent of -n."""
    assert gankit_here("generate", trained, "-n", 30, "--seed", 5, "--out", "a").returncode == 0
    assert gankit_here("generate", trained, "-n", 3, "--seed", 20, "--out", "b").returncode == 0
    a = (tmp_path / "a" / "points.csv").read_text().splitlines()
    b = (tmp_path / "b" / "points.csv").read_text().splitlines()
    assert b[1:] == a[16:19]
    record = json.loads((tmp_path / "a" / "provenance.json").read_text())
    assert record["seeds"] == [5, 34]
    assert record["generated"]


def test_generate_between_two_seeds(gankit_here, trained, tmp_path):
    done = gankit_here("generate", trained, "--between", "5:20", "-n", 4, "--out", "path")
    assert done.returncode == 0, done.stderr
    assert "between seeds 5 and 20" in done.stderr
    ends = []
    for seed in (5, 20):
        gankit_here("generate", trained, "-n", 1, "--seed", seed, "--out", str(seed))
        ends += (tmp_path / str(seed) / "points.csv").read_text().splitlines()[1:]
    path = (tmp_path / "path" / "points.csv").read_text().splitlines()[1:]
    assert len(set(path)) == 4
    assert [path[0], path[-1]] == ends
    record = json.loads((tmp_path / "path" / "provenance.json").read_text())
    assert record["between"] == [5, 20]
    assert record["count"] == 4
    assert "seeds" not in record


def test_items_that_can_have_no_gaps_are_not_imputed(gankit_here, trained, tmp_path):
    (tmp_path / "x.csv").write_text("x,y\n1,\n")
    done = gankit_here("impute", trained, "--data", "x.csv", "--out", "y.csv")
    assert done.returncode == 2
    assert "this run cannot fill gaps" in done.stderr
    assert not (tmp_path / "y.csv").exists()


def test_sampling_time_options(gankit_here, trained, tmp_path, monkeypatch):
    import gankit
    from gankit_toy.modality import ToyModality

    load = ToyModality.load_codec

    def scaled(self, state, settings):
        codec = load(self, state, settings)
        codec.scale = codec.scale * settings.sigma
        return codec

    monkeypatch.setattr(ToyModality, "sampling_settings", ("sigma",))
    monkeypatch.setattr(ToyModality, "load_codec", scaled)
    done = gankit_here("generate", trained, "sigma=1e-9", "-n", 5, "--out", "a", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["settings"] == {"sigma": 1e-9}
    rows = (tmp_path / "a" / "points.csv").read_text().splitlines()[1:]
    assert len({tuple(round(float(v), 6) for v in row.split(",")[:2]) for row in rows}) == 1
    points = gankit.load(trained).sample(5, settings={"sigma": 1e-9})
    assert len({round(p.x, 6) for p in points}) == 1
    assert "sampling-time options: sigma\n" in gankit_here("plugins", "show", "toy").stdout
    assert gankit_here("generate", trained, "sigma=wide").returncode == 2


def test_generate_into_one_file(gankit_here, trained, tmp_path):
    done = gankit_here("generate", trained, "-n", 5, "--out", "people.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5 generated: people.csv\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "people.csv", "people.csv.provenance.json",
    ]  # fmt: skip
    content = (tmp_path / "people.csv").read_bytes()
    record = json.loads((tmp_path / "people.csv.provenance.json").read_text())
    assert record["files"] == {"people.csv": hashlib.sha256(content).hexdigest()}
    assert (record["format"], record["count"], record["seeds"]) == ("csv", 5, [0, 4])
    before = content, (tmp_path / "people.csv.provenance.json").read_bytes()
    again = gankit_here("generate", trained, "-n", 6, "--out", "people.csv")
    assert again.returncode == 2
    assert "people.csv exists already. Choose another --out, or add --overwrite" in again.stderr
    gankit_here("generate", trained, "-n", 5, "--out", "people.csv", "--overwrite")
    assert (tmp_path / "people.csv").read_bytes() == before[0]
    (tmp_path / "mine.csv").write_text("x,y\n")
    mine = gankit_here("generate", trained, "--out", "mine.csv", "--overwrite")
    assert mine.returncode == 2
    assert "gankit replaces no file but its own" in mine.stderr
    assert (tmp_path / "mine.csv").read_text() == "x,y\n"


def test_generate_numbers_its_folders_and_overwrites_nothing(gankit_here, trained):
    one, two = (
        json.loads(gankit_here("generate", trained, "-n", 2, "--json").stdout)["path"]
        for _ in range(2)
    )
    assert (one, two) == ("generated/toy-grid25-001-001", "generated/toy-grid25-001-002")
    again = gankit_here("generate", trained, "-n", 2, "--out", one)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_copied_model_generates_alone(gankit_here, trained, tmp_path):
    import shutil

    shutil.copytree(trained / "model", tmp_path / "copied")
    assert gankit_here("generate", "copied", "-n", 3, "--out", "a").returncode == 0
    assert gankit_here("generate", trained, "-n", 3, "--out", "b").returncode == 0
    assert (tmp_path / "a" / "points.csv").read_text() == (
        tmp_path / "b" / "points.csv"
    ).read_text()


def test_a_run_shows_scores_that_are_not_finite(gankit_here, trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "run")
    score = {"name": "odd/score", "value": None, "real_baseline": None, "baselines": {}}
    (tmp_path / "run" / "scores.json").write_text(json.dumps({"scores": [score]}))
    shown = gankit_here("runs", "show", "run")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^odd/score: +-$", shown.stdout, re.MULTILINE)


def test_a_torn_last_line_of_metrics_is_dropped(gankit_here, trained, tmp_path):
    """A full disk leaves half a line; the run can be listed, shown and resumed."""
    import shutil

    shutil.copytree(trained, tmp_path / "runs" / "run")
    metrics = tmp_path / "runs" / "run" / "metrics.jsonl"
    whole = metrics.read_text()
    metrics.write_text(whole + '{"samples": 6')
    listed = json.loads(gankit_here("runs", "list", "--json").stdout)
    assert [(r["status"], r["samples"]) for r in listed] == [("done", 3200)]
    assert gankit_here("runs", "show", "runs/run").returncode == 0
    done = gankit_here(*once("train", *SMALL, "train.samples=6400", "--out", "runs/run"))
    assert done.returncode == 0, done.stderr
    assert metrics.read_text().startswith(whole)
    assert '{"samples": 6{' not in metrics.read_text()
    metrics.write_text(whole.replace("\n", "\n{]\n", 1))
    shown = gankit_here("runs", "show", "runs/run")
    assert shown.returncode == 2
    assert "metrics.jsonl, line 2: not a line of metrics" in shown.stderr
    listed = json.loads(gankit_here("runs", "list", "--json").stdout)
    assert "line 2: not a line of metrics" in listed[0]["status"]


@pytest.mark.parametrize("file", ["provenance.json", "run.toml", "metrics.jsonl"])
def test_a_damaged_run_does_not_hide_the_others(gankit_here, trained, tmp_path, file):
    import shutil

    for name in ("damaged", "whole"):
        shutil.copytree(trained, tmp_path / "runs" / name)
    text = (tmp_path / "runs" / "damaged" / file).read_text()
    (tmp_path / "runs" / "damaged" / file).write_text("]" + text[: len(text) // 2])
    done = gankit_here("runs", "list", "--json")
    assert done.returncode == 0, done.stderr
    damaged, whole = json.loads(done.stdout)
    assert f"damaged/{file}" in damaged["status"]
    assert (whole["status"], whole["samples"]) == ("done", 3200)
    (tmp_path / "runs" / "damaged" / file).unlink()
    (tmp_path / "runs" / "damaged" / file).symlink_to(file)  # as unreadable for root as for others
    done = gankit_here("runs", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert "whole" in done.stdout


def test_a_run_shows_how_its_data_was_read(gankit_here, trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "provenance.json").read_text())
    record["data"] |= {"facts": {"format": "CSV [x]"}, "warnings": ["one column"]}
    (tmp_path / "run" / "provenance.json").write_text(json.dumps(record))
    shown = gankit_here("runs", "show", "run").stdout.splitlines()
    assert "format:         CSV [x]" in shown
    assert "warning:        one column" in shown


def test_evaluate_a_run(gankit_here, trained):
    done = gankit_here("evaluate", trained, "-n", 40, "--json")
    assert done.returncode == 0, done.stderr
    scores = {s["name"]: s for s in json.loads(done.stdout)["scores"]}
    assert scores["frechet/coordinates"]["real_baseline"] < scores["frechet/coordinates"]["value"]
    assert scores["frechet/coordinates"]["n_generated"] == 40
    assert (trained / "report.html").stat().st_size > 1000
    shown = gankit_here("runs", "show", trained)
    assert "frechet/coordinates" in shown.stdout


def test_a_report_includes_the_page_of_a_preview(gankit_here, trained, tmp_path, monkeypatch):
    from gankit_toy.modality import ToyModality

    draw = ToyModality.preview

    def with_page(self, items, codec, real=()):
        return dataclasses.replace(draw(self, items, codec, real), page="<p>listen</p>")

    words = ["evaluate", trained, "-n", 40, "--metrics", "frechet", "--report"]
    assert gankit_here(*words, "plain.html").returncode == 0
    monkeypatch.setattr(ToyModality, "preview", with_page)
    assert gankit_here(*words, "paged.html").returncode == 0
    page = base64.b64encode(b"<p>listen</p>").decode()
    assert 'preview" src="data:image/png' in (tmp_path / "plain.html").read_text()
    assert f'<iframe src="data:text/html;base64,{page}"' in (tmp_path / "paged.html").read_text()


def test_evaluate_files(gankit_here, trained, tmp_path):
    gankit_here("generate", trained, "-n", 60, "--out", "made")
    gankit_here("generate", trained, "-n", 60, "--seed", 500, "--out", "real")
    alone = gankit_here("evaluate", "made")
    assert alone.returncode == 2
    assert "--data" in alone.stderr
    done = gankit_here(
        "evaluate",
        "made/points.csv",
        "--plugin",
        "toy",
        "--data",
        "real/points.csv",
        "--metrics",
        "frechet",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert [s["name"] for s in json.loads(done.stdout)["scores"]] == ["frechet/coordinates"]


def test_evaluate_a_copied_model(gankit_here, trained, tmp_path):
    """Its settings are in model.json; the real data is passed."""
    import shutil

    shutil.copytree(trained / "model", tmp_path / "copied")
    gankit_here("generate", trained, "-n", 80, "--out", "real")
    done = gankit_here(
        "evaluate", "copied", "--data", "real/points.csv", "--metrics", "frechet", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert [s["name"] for s in json.loads(done.stdout)["scores"]] == ["frechet/coordinates"]


def test_reading_commands_print_json(gankit_here, trained):
    runs = json.loads(gankit_here("runs", "list", trained.parent, "--json").stdout)
    assert [r["status"] for r in runs] == ["done"]
    assert json.loads(gankit_here("runs", "show", trained, "--json").stdout)["plugin"] == "toy"
    assert "toy" in [p["name"] for p in json.loads(gankit_here("plugins", "list", "--json").stdout)]
    shown = json.loads(gankit_here("plugins", "show", "toy", "--json").stdout)
    assert all(s["meaning"] for s in shown["settings"] + shown["engine"])
    recipes = json.loads(gankit_here("recipes", "list", "--json").stdout)
    assert {"toy/grid25", "toy/ring8"} <= {r["recipe"] for r in recipes}
    assert json.loads(gankit_here("doctor", "--quick", "--json").stdout)["versions"]["gankit"]


def test_recipes_show_and_copy(gankit_here, tmp_path):
    assert "[train]" in gankit_here("recipes", "show", "toy/ring8").stdout
    assert gankit_here("recipes", "copy", "toy/ring8", "mine.toml").returncode == 0
    assert gankit_here("recipes", "copy", "toy/ring8", "mine.toml").returncode == 2
    dry = gankit_here("train", "--plugin", "toy", "--config", "mine.toml", "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    facts = json.loads(dry.stdout)
    assert facts["parameters"]["generator"] > 0
    assert facts["config"]["shape"] == "ring8"
    assert facts["estimated_seconds"] > 0
    assert not (tmp_path / "runs").exists()


def test_run_toml_trains_the_same_again(gankit_here, trained, tmp_path):
    done = gankit_here("train", "--config", trained / "run.toml", "--out", "again")
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "again") == weights(trained)


def test_a_finished_run_is_not_changed(gankit_here, trained):
    before = weights(trained)
    files = {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()}
    done = gankit_here("train", *SMALL, "--out", trained)
    assert done.returncode == 0, done.stderr
    assert "Budget already reached (3,200 samples, " in done.stdout
    assert f"to train longer: gankit train --out {trained} --samples 6400" in done.stdout
    assert done.stderr == ""
    assert weights(trained) == before
    assert {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()} == files


def test_check_a_plugin(gankit_here):
    done = gankit_here("plugins", "check", "toy", "hidden=8", "count=400")
    assert done.returncode == 0, done.stdout
    skipped = "8 of them skipped as not applicable"
    assert f"{len(CHECKS)} of {len(CHECKS)} checks passed, {skipped}" in done.stdout


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "gankit", *once("train", *SMALL, *words)],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_until(ready, seconds=120):
    for _ in range(seconds * 50):
        if ready():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_ctrl_c_saves_and_resumes(trained, tmp_path, gankit):
    metrics = tmp_path / "run" / "metrics.jsonl"
    with start(tmp_path, "train.samples=32_000_000", "log.every=640", "--out", "run") as process:
        wait_until(lambda: metrics.is_file() and metrics.read_text())
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "gankit train --out run" in stdout
    seen = json.loads(metrics.read_text().splitlines()[-1])["samples"]
    done = gankit("train", "--out", "run", f"train.samples={seen + 3200}")
    assert done.returncode == 0, done.stderr
    last = json.loads(metrics.read_text().splitlines()[-1])
    assert last["samples"] >= seen + 3200


def test_ctrl_c_before_training_states_what_to_do(tmp_path, monkeypatch, capsys):
    def stopped(*args, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(gankit.workflows.train, "train", stopped)
    monkeypatch.setattr(sys, "argv", ["gankit", "train", *SMALL, "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        gankit.cli.main()
    assert ended.value.code == 130
    assert "the same command starts it again" in capsys.readouterr().err


KILLS = int(os.environ.get("GANKIT_KILLS", "3"))


@pytest.mark.slow
def test_killed_at_random_moments_ends_bit_identical(tmp_path, gankit):
    """SIGKILL, which nothing can catch. GANKIT_KILLS=20 for the long form."""
    words = [f"train.samples={20_000 * KILLS}", "checkpoint.every=640", "log.every=640"]
    assert gankit(*once("train", *SMALL, *words), "--out", "whole").returncode == 0
    rng, log, killed = random.Random(0), tmp_path / "cut" / "log.txt", 0
    for _ in range(KILLS):
        begun = len(log.read_text().splitlines()) if killed else 0
        with start(tmp_path, *words, "--out", "cut") as process:
            wait_until(lambda: log.is_file() and len(log.read_text().splitlines()) > begun)  # noqa: B023
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
    assert killed == KILLS
    done = gankit(*once("train", *SMALL, *words), "--out", "cut")
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_errors_are_printed_verbatim(capsys):
    """Nothing in a user's words is markup, or the name of an emoji."""
    with pytest.raises(SystemExit) as ended:
        fail(GankitError("objective=scorer.py:boom: [bold] no score", "Try it :smile:"))
    assert ended.value.code == 2
    assert "scorer.py:boom: [bold] no score. Try it :smile:" in capsys.readouterr().err


def test_a_time_budget_counts_from_the_start_of_the_command(gankit_here, monkeypatch):
    seen = {}

    def train(*given, started, **named):
        seen["started"] = started
        raise KeyboardInterrupt

    monkeypatch.setattr(gankit.workflows.train, "train", train)
    before = time.monotonic()
    gankit_here(*once("train", *SMALL, "--time", "90s"))
    assert before <= seen["started"] <= time.monotonic()


def test_a_budget_that_ends_before_training_is_an_error(gankit_here, tmp_path):
    """Less time than the command needs to read its data."""
    more = ["train.time=1e-9", "resampling.candidates=4", "--out", "run"]
    done = gankit_here(*once("train", *SMALL, *more))
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: the time was used up before training: preparing takes " in done.stderr
    assert "Give more: gankit train --out run --time 1m" in done.stderr
    done = gankit_here("generate", "run", "-n", "3")
    assert (done.returncode, "the generator is untrained" in done.stderr) == (0, True), done.stderr
