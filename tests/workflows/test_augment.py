"""An augmented data set: the real items as they were, then the generated ones."""

from __future__ import annotations

import csv
import json
from collections import Counter

import numpy as np
import pytest
from augmenting import AugmentableToy

import gankit
from gankit.runs.directory import Run
from gankit_toy.modality import ToyModality

SMALL = {"train__samples": 6400, "train__batch": 64, "train__threads": 1, "hidden": 16}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on 240 points of two labels, one three times as frequent, and its data."""
    folder = tmp_path_factory.mktemp("augmented")
    rng = np.random.default_rng(0)
    labels = ["rare" if i % 4 == 0 else "common" for i in range(240)]
    rows = [
        f"{x + (label == 'rare'):.4f},{y:.4f},{label}"
        for (x, y), label in zip(rng.normal(0, 0.4, (240, 2)), labels, strict=True)
    ]
    source = folder / "real.csv"
    source.write_text("x,y,label\n" + "\n".join(rows) + "\n")
    run = gankit.fit("toy", source, out=folder / "run", device="cpu", conditional=True, **SMALL)
    return run.path, source


@pytest.fixture
def augmentable(monkeypatch):
    monkeypatch.setattr("gankit_toy.modality.ToyModality", AugmentableToy)


@pytest.fixture
def augment(gankit_here, augmentable, trained):
    """``gankit augment`` of the run and its data."""
    run, source = trained

    def command(*words, code=0):
        done = gankit_here("augment", run, "--data", source, *words)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return command


def rows(file):
    with file.open(newline="") as opened:
        return [tuple(row.values()) for row in csv.DictReader(opened)]


def test_classes_are_balanced_and_real_items_kept(augment, trained, tmp_path):
    source = trained[1]
    before = source.read_bytes()
    done = augment("--balance", "label", "--out", "more", "--keep-all")
    assert done.stdout == "240 real and 120 generated: more\n"
    made = rows(tmp_path / "more" / "points.csv")
    real = [(str(float(x)), str(float(y)), label, "0") for x, y, label in rows(source)]
    assert made[:240] == real
    assert Counter(row[2:] for row in made[240:]) == {("rare", "1"): 120}
    assert source.read_bytes() == before
    record = json.loads((tmp_path / "more" / "provenance.json").read_text())
    assert record["augmented"]["real"] == 240
    assert record["augmented"]["before"] == {"rare": 60, "common": 180}
    assert record["augmented"]["generated"] == {"kept": 120, "dropped": {}, "missing": 0}
    assert record["count"] == 360
    again = augment("--balance", "label", "--out", "more", code=2)
    assert "exists already" in again.stderr


def test_near_duplicates_and_outliers_are_dropped_and_counted(augment, tmp_path):
    done = augment("--factor", "6", "--out", "more.csv", "--json")
    result = json.loads(done.stdout)
    counts = result["augmented"]["generated"]
    assert counts["kept"] + counts["missing"] == 1200  # of so many some are near, on any machine
    assert sum(counts["dropped"].values()) > 0
    assert set(counts["dropped"]) <= {"near duplicate", "outlier"}
    assert result["path"] == "more.csv"
    assert len(rows(tmp_path / "more.csv")) == 240 + counts["kept"]
    assert (tmp_path / "more.csv.provenance.json").is_file()


def test_a_condition_and_a_number(augment, tmp_path):
    augment("-n", 7, "--where", "label=rare", "--out", "more.csv", "--keep-all")
    assert [row[2:] for row in rows(tmp_path / "more.csv")[240:]] == [("rare", "1")] * 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--factor", "2"], "no output given. Add --out PATH, or --measure"),
        (["--out", "o"], "it is unclear how much to generate"),
        (["--out", "o", "--balance", "z"], "items have no attribute 'z'"),
        (["--out", "o", "-n", "5", "--where", "label=z"], "the data has no such label"),
        (["--out", "o.npy", "-n", "5"], "plugin toy cannot write o.npy"),
        (["--measure", "-n", "5"], "--measure has no target"),
        (["--measure", "-n", "5", "--target", "z"], "items have no attribute 'z'"),
        (["--measure", "-n", "5", "--target", "label", "--where", "label=x"], "no such label"),
    ],
)
def test_impossible_requests(augment, tmp_path, words, message):
    done = augment(*words, code=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_output_inside_the_data_is_refused(gankit_here, augmentable, trained, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "real.csv").write_bytes(trained[1].read_bytes())
    words = ["augment", trained[0], "--data", "data", "-n", 5, "--out"]
    for out, where in (("data", "the real data"), ("data/more", "inside data")):
        done = gankit_here(*words, out)
        assert done.returncode == 2
        assert f"{out} is {where}, which must not be changed" in done.stderr
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["real.csv"]


def test_a_modality_without_attributes_cannot_augment(gankit_here, trained):
    assert not hasattr(ToyModality, "attributes")
    done = gankit_here("augment", trained[0], "--data", trained[1], "-n", 5, "--out", "o")
    assert done.returncode == 2
    assert "plugin toy does not support augmentation" in done.stderr
    none = gankit_here("augment", "nowhere", "--data", trained[1], "-n", 5, "--out", "o")
    assert "no run at nowhere" in none.stderr


# --- Benchmarks ---------------------------------------------------------------------------------


def test_the_benchmark_has_each_training_set_and_a_verdict(augment):
    done = augment("--balance", "label", "--measure", "--repeats", 2)
    for trained_on in ("real ", "real + generated ", "real, weights "):
        assert f"\n{trained_on}" in done.stdout
    assert "accuracy: " in done.stdout
    assert "over 2 repetitions" in done.stderr


def test_the_target_need_not_be_balanced_nor_a_class(augment):
    augment("--measure", "--repeats", 2, "--factor", "1.1", "--target", "label")
    number = augment("--measure", "--repeats", 2, "-n", 20, "--target", "x", "--json")
    found = json.loads(number.stdout)
    assert [b["trained_on"] for b in found["benchmarks"]] == ["real", "real + generated"]
    assert [list(b["scores"]) for b in found["benchmarks"]] == [["mae"]] * 2
    assert found["repeats"] == 2
    assert found["verdict"][0].startswith("mae: ")


@pytest.mark.parametrize(
    ("words", "times"),
    [(["--out", "more"], 1), (["--measure", "--repeats", 2], 2)],
)
def test_the_generator_is_loaded_no_more_than_needed(augment, monkeypatch, words, times):
    """Once; for a benchmark once a repetition, whose keys need not differ from the others'."""
    loaded, load = [], Run.sampler
    monkeypatch.setattr(Run, "sampler", lambda *a: loaded.append(a) or load(*a))
    augment("--balance", "label", *words)
    assert len(loaded) == times
