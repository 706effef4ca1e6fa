"""Data that meets a run: by the codec's schema, or by its classes; differences are named."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from augmenting import AugmentableToy

import gankit
from gankit.contract import Conformed
from gankit.errors import GankitError
from gankit.workflows.conformity import attribute_warnings, conformed
from gankit_toy.codec import PointCodec
from gankit_toy.points import Point

SMALL = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8}
MODALITY = AugmentableToy()


def points(labels, n=60):
    rng = np.random.default_rng(0)
    return [Point(*map(float, rng.normal(size=2)), labels[i % len(labels)]) for i in range(n)]


CODEC = PointCodec.fit(points(["a", "b"]), conditional=True)


def warnings(items, strict=False):
    return list(conformed(MODALITY, CODEC, items, "more.csv", strict=strict).warnings)


def test_the_same_classes_are_no_difference():
    assert warnings(points(["a", "b"])) == warnings(points(["b"]), strict=True) == []


def test_unknown_classes_are_named():
    said = ["more.csv: the run does not know label c, d"]
    assert warnings(points(["a", "c", "d"])) == warnings(points(["a", "c", "d"]), True) == said
    many = points(["a", *map(str, range(9))])
    assert warnings(many) == ["more.csv: the run does not know label 0, 1, 2, 3, 4 and 4 more"]


def test_data_without_any_known_class_is_refused_where_both_share_a_data_set():
    said = "more.csv: the run knows none of its values of label: cat, dog. The run knows a, b"
    with pytest.raises(GankitError, match=said):
        warnings(points(["cat", "dog"]), strict=True)
    assert warnings(points(["cat", "dog"])) == ["more.csv: the run does not know label cat, dog"]


def test_missing_labels(monkeypatch):
    monkeypatch.setattr(AugmentableToy, "attributes", lambda self, item: {"x": item.x})
    said = "more.csv has no label, which the run is conditioned on"
    assert warnings(points([None])) == warnings(points([None]), strict=True) == [said]


def test_a_run_without_conditions_accepts_any():
    codec = PointCodec.fit(points(["a"]), conditional=False)
    assert conformed(MODALITY, codec, points(["z"]), "more.csv", strict=True).warnings == []


class Schema(PointCodec):
    """A codec that checks items itself."""

    def conform(self, items, strict):
        if strict:
            raise GankitError("column y is missing", "Add it")
        return Conformed(list(items)[:3], ["column z is ignored"])


def test_the_codecs_own_check_comes_first():
    codec = Schema.fit(points(["a"]), conditional=True)
    codec.__class__ = Schema
    found = conformed(MODALITY, codec, points(["z"]), "sqlite://me:secret@host/db")
    assert len(found.items) == 3
    assert found.warnings == ["sqlite://me@host/db: column z is ignored"]
    with pytest.raises(GankitError, match="more.csv: column y is missing. Add it"):
        conformed(MODALITY, codec, points(["z"]), "more.csv", strict=True)


def test_two_data_sets_without_a_run(monkeypatch):
    both = points(["a"])
    assert attribute_warnings(MODALITY, both, both, ("real", "made")) == []
    monkeypatch.setattr(AugmentableToy, "attributes", lambda self, item: {item.label: 1, "x": 1})
    assert attribute_warnings(MODALITY, both, points(["b"]), ("real", "made")) == [
        "made has no a, which real has",
        "real has no b, which made has",
    ]
    monkeypatch.setattr(AugmentableToy, "attributes", lambda self, item: {item.label: item.label})
    said = ["made has no a, which real has"]
    assert attribute_warnings(MODALITY, both, points([None]), ("real", "made")) == said


# --- In every command ---------------------------------------------------------------------------


def table(file, labels):
    rows = [f"{p.x:.4f},{p.y:.4f},{p.label}" for p in points(labels, 200)]
    file.write_text("x,y,label\n" + "\n".join(rows) + "\n")
    return file


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conformity")
    source = table(folder / "real.csv", ["a", "b"])
    return gankit.fit("toy", source, out=folder / "run", conditional=True, **SMALL).path


@pytest.fixture
def augmentable(monkeypatch):
    monkeypatch.setattr("gankit_toy.modality.ToyModality", AugmentableToy)


def test_evaluate_warns(gankit_here, augmentable, trained, tmp_path):
    other = table(tmp_path / "other.csv", ["a", "c"])
    done = gankit_here("evaluate", trained, "--data", other)
    assert f"warning: {other}: the run does not know label c" in done.stderr
    done = gankit_here("evaluate", trained, "--data", other, "--json")
    assert json.loads(done.stdout)["warnings"] == [f"{other}: the run does not know label c"]
    done = gankit_here("evaluate", trained / "model", "--data", other, "--json")
    assert json.loads(done.stdout)["warnings"] == [f"{other}: the run does not know label c"]


def test_augment_warns_or_refuses(gankit_here, augmentable, trained, tmp_path):
    some, none = table(tmp_path / "some.csv", ["a", "c"]), table(tmp_path / "none.csv", ["c", "d"])
    done = gankit_here("augment", trained, "--data", some, "-n", 3, "--keep-all", "--out", "more")
    assert done.returncode == 0
    assert f"warning: {some}: the run does not know label c" in done.stderr
    done = gankit_here(
        *("augment", trained, "--data", some, "-n", 3, "--keep-all", "--out", "json", "--json")
    )
    assert json.loads(done.stdout)["warnings"] == [f"{some}: the run does not know label c"]
    done = gankit_here("augment", trained, "--data", none, "-n", 3, "--out", "refused")
    assert done.returncode == 2
    assert f"{none}: the run knows none of its values of label: c, d" in done.stderr
    assert not (tmp_path / "refused").exists()
    done = gankit_here("augment", trained, "--data", none, "--measure", "--balance", "label")
    assert done.returncode == 2
    assert f"{none}: the run knows none" in done.stderr


def test_data_unlike_the_runs_is_noticed(gankit_here, augmentable, trained, tmp_path):
    far = tmp_path / "far.csv"
    rows = [f"{1e6 + i % 17},{-1e6 + i % 13},{'ab'[i % 2]}" for i in range(200)]
    far.write_text("x,y,label\n" + "\n".join(rows) + "\n")
    done = gankit_here("augment", trained, "--data", far, "-n", 3, "--out", "more")
    assert f"most generated items are unlike {far}" in done.stderr


def test_the_wrong_plugin_is_not_ignored(gankit_here, trained):
    done = gankit_here("evaluate", trained, "--plugin", "image")
    assert done.returncode == 2
    assert "is a run of plugin toy, not image" in done.stderr


# --- Where the data is --------------------------------------------------------------------------


def test_a_relative_path_is_found_from_another_folder(tmp_path, monkeypatch, gankit_here):
    table(tmp_path / "real.csv", ["a", "b"])
    small = ["hidden=8", "train.samples=320", "train.batch=32", "train.threads=1"]
    done = gankit_here("train", "-p", "toy", "--data", "real.csv", "--out", "run", *small)
    assert done.returncode == 0, done.stderr
    stored = (tmp_path / "run" / "run.toml").read_text()
    assert 'data = "real.csv"' in stored
    assert f'data_path = "{tmp_path / "real.csv"}"' in stored
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = gankit.load(tmp_path / "run")
    monkeypatch.chdir(elsewhere)
    assert run.evaluate(n=20).scores
    (tmp_path / "real.csv").rename(elsewhere / "moved.csv")
    with pytest.raises(GankitError, match="real.csv any more .given as 'real.csv'"):
        gankit.load(tmp_path / "run").evaluate(n=20)
    moved = os.path.relpath(elsewhere / "moved.csv", tmp_path)
    done = gankit_here("train", "--out", "run", "--data", moved, "--samples", "640")
    assert done.returncode == 0, done.stderr
    assert "data: 200 points" in done.stderr
    stored = (tmp_path / "run" / "run.toml").read_text()
    assert f'data_path = "{elsewhere / "moved.csv"}"' in stored
    done = gankit_here("train", "--config", "run/run.toml", "--out", "again")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_a_name_that_is_not_utf_8(tmp_path, gankit_here):
    name = os.fsdecode(b"caf\xe9 [v2].csv")
    table(tmp_path / name, ["a", "b"])
    small = ["hidden=8", "train.samples=320", "train.batch=32", "train.threads=1"]
    done = gankit_here("train", "-p", "toy", "--data", name, "--out", "run", *small)
    assert done.returncode == 0, done.stderr
    assert gankit.load(tmp_path / "run").config.source() is not None
    done = gankit_here("train", "--out", "run", "--samples", "640")
    assert done.returncode == 0, done.stderr


def test_python_takes_paths_and_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    table(tmp_path / "real.csv", ["a", "b"])
    run = gankit.fit("toy", "~/real.csv", out=tmp_path / "run", **SMALL)
    assert run.config.data_path == str(tmp_path / "real.csv")
    assert run.table["run"]["data"] == "~/real.csv"


def test_data_in_memory_has_no_path(tmp_path):
    run = gankit.fit("toy", np.random.default_rng(0).normal(size=(60, 2)), out=tmp_path, **SMALL)
    assert "data_path" not in run.table["run"]
