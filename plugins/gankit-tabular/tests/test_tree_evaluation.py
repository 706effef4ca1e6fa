"""Scoring entities, and balancing a class of them, through the command line."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow.csv
import pytest
from tree_data import patients

WORDS = [
    "sequence.entity=patient", "sequence.order=day", "target=diagnosis", "train.samples=64",
    "train.batch=16", "train.threads=1", "digit_units=4", "hidden=8", "log.preview_count=4",
    "log.verdict=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory, gankit_):
    """A folder with data, and a run."""
    folder = tmp_path_factory.mktemp("entities")
    pyarrow.csv.write_csv(patients(80).tables["visits"].table, folder / "visits.csv")
    gankit_("train", "visits.csv", *WORDS, "--out", "run", cwd=folder)
    return folder


def test_a_report_shows_tables_and_no_entity(place, gankit_):
    words = ["evaluate", "run", "--metrics", "columns", "--report", "report.html"]
    done = gankit_(*words, "--json", cwd=place)
    named = {s["name"]: s for s in json.loads(done.stdout)["scores"]}
    for name in ("fidelity", "count_shapes", "parent_trends", "next_trends"):
        assert 0 < named[name]["value"] <= 1
        assert named[name]["real_baseline"] is not None
    page = (place / "report.html").read_text()
    for text in ("table.weight", "(rows each)", "patient.sex", "image/svg+xml"):
        assert text in page
    preview = max((place / "run" / "previews").glob("*.svg")).read_text()
    assert "patient.sex" in preview
    for name in pd.read_csv(place / "visits.csv")["patient"].unique():
        assert name not in page + preview


def test_a_class_of_entities_is_balanced(place, gankit_):
    words = ["augment", "run", "--data", "visits.csv", "--balance", "diagnosis", "--keep-all"]
    gankit_(*words, "--out", "more.csv", cwd=place)
    real, more = (pd.read_csv(place / f"{f}.csv") for f in ("visits", "more"))
    kept = more[~more["_synthetic"]].drop(columns=["_seed", "_synthetic"])
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), real)
    counts = more.groupby("patient")["diagnosis"].first().value_counts()
    assert counts["ill"] == counts["well"] > 40
    made = more[more["_synthetic"]]
    assert not set(made["patient"]) & set(real["patient"])
    assert (made.groupby("patient")["diagnosis"].nunique() == 1).all()
