"""The downstream model and mitigations of class imbalance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit.errors import GankitError
from gankit_tabular.evaluation.downstream import Boosting, oversample, smote_nc


def table(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    y = np.where(x > 0.3, "yes", "no")
    return pa.table({"x": x, "w": rng.choice(["a", "b"], n).tolist(), "y": y.tolist()})


def numeric(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = [None if i % 50 == 0 else v for i, v in enumerate(2 * x + rng.normal(0, 0.5, n))]
    return pa.table({"x": x, "y": y, "third": np.digitize(x, [-0.5, 0.5])})


def test_oversampling_equalises_classes():
    x, y = np.arange(10.0)[:, None], np.array(["a"] * 8 + ["b"] * 2)
    more, labels = oversample(x, y, np.random.default_rng(0))
    assert np.unique(labels, return_counts=True)[1].tolist() == [8, 8]
    assert set(more[labels == "b", 0].tolist()) == {8.0, 9.0}


def test_smote_rows_lie_between_neighbours():
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(size=60), rng.integers(0, 2, 60)].astype(float)
    y = np.array(["a"] * 50 + ["b"] * 10)
    more, labels = smote_nc(x, y, np.array([False, True]), rng)
    own, new = x[50:], more[60:]
    assert (labels == "b").sum() == 50
    assert (new[:, 0] >= own[:, 0].min()).all()
    assert (new[:, 0] <= own[:, 0].max()).all()
    assert set(new[:, 1].tolist()) <= {0.0, 1.0}


def test_missing_numbers_do_not_pull_smote_rows_to_zero():
    """As dates would be, which are far from it."""
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(1000, 1, 60), rng.normal(size=60)]
    x[50:54, 0] = np.nan
    y = np.array(["a"] * 50 + ["b"] * 10)
    more, _ = smote_nc(x, y, np.array([False, False]), rng)
    assert more[60:, 0].min() > 990


@pytest.mark.parametrize("mitigation", ["", *Boosting.mitigations])
def test_every_mitigation_learns_a_simple_rule(mitigation):
    train, test = table(800, 1).to_pylist(), table(800, 2).to_pylist()
    scores = Boosting().scores(train, test, "y", mitigation, 0)
    assert min(scores.values()) > 0.9
    assert Boosting().scores(train, test, "y", mitigation, 0) == scores


def test_f1_is_that_of_the_rare_class_of_the_test_rows():
    """Not of the training rows, which may be balanced."""
    test = table(2000, 2).to_pylist()
    rare = [row for row in test if row["y"] == "yes"][:50] + [r for r in test if r["y"] == "no"]
    half = table(2000, 1).to_pylist()
    noise = np.random.default_rng(0)
    for row in half:
        row["x"] += noise.normal(0, 2)  # so that it makes errors, and the classes' F1 differ
    scores = Boosting().scores(half, rare, "y", "", 0)
    assert scores["f1"] < 0.5 < scores["balanced_accuracy"]


def test_numbers_are_predicted_by_regression():
    train, test = numeric(800, 1).to_pylist(), numeric(800, 2).to_pylist()
    found = Boosting().scores(train, test, "y", "", 0)
    assert 0.8 < found["r2"] < 4 / 4.25
    assert Boosting().scores(train, test, "y", "", 1) != found  # a different subset of rows
    # Mitigations are for classes.
    assert [Boosting().scores(train, test, "y", r, 0) for r in Boosting.mitigations] == [{}] * 3


def test_a_column_that_cannot_be_predicted():
    rows = [{"x": i, "name": f"n{i}"} for i in range(100)]
    with pytest.raises(GankitError, match="needs 2 to 50 classes, or numbers"):
        Boosting().scores(rows, rows, "name", "", 0)


def test_missing_and_constant_targets():
    rows = [{"x": i, "one": "a", "none": None, "same": 1.5} for i in range(100)]
    with pytest.raises(GankitError, match="one has 1 value: the downstream model needs 2 to 50"):
        Boosting().scores(rows, rows, "one", "", 0)
    with pytest.raises(GankitError, match="none is always missing"):
        Boosting().scores(rows, rows, "none", "", 0)
    spread = [{**row, "same": float(i)} for i, row in enumerate(rows)]
    with pytest.raises(GankitError, match="same is the same in all test rows"):
        Boosting().scores(spread, rows, "same", "", 0)


def test_rows_without_a_class_do_not_count():
    train, test = table(400, 1).to_pylist(), table(400, 2).to_pylist()
    known = Boosting().scores(train, test, "y", "", 0)
    more = [{**row, "y": None} for row in train[:50]]
    assert Boosting().scores([*train, *more], [*test, *more], "y", "", 0) == known
