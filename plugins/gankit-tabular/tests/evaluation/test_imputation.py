"""Scores of imputations, on tables where they are known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit_tabular.evaluation.imputation import imputation_scores, remove_cells, without

N = 4000


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    return pa.table({"x": rng.normal(5, 2, N), "k": rng.choice(["a", "b"], N, p=[0.8, 0.2])})


def draws(real, m):
    rng = np.random.default_rng(1)
    return [
        pa.table({"x": rng.normal(5, 2, N), "k": rng.choice(["a", "b"], N, p=[0.8, 0.2])})
        for _ in range(m)
    ]


@pytest.mark.parametrize("mechanism", ["random", "values"])
def test_cells_are_removed_at_the_share(real, mechanism):
    removed = remove_cells(real, 0.3, mechanism, np.random.default_rng(2))
    assert np.mean([*removed.values()]) == pytest.approx(0.3, abs=0.03)
    x, k = real["x"].to_numpy(), np.array(real["k"].to_pylist())
    shift = x[removed["x"]].mean() - x.mean()
    rare = removed["k"][k == "b"].mean() - removed["k"][k == "a"].mean()
    if mechanism == "random":
        assert abs(shift) < 0.2
        assert abs(rare) < 0.1
    else:
        assert shift > 0.8
        assert rare > 0.1
    gappy = without(real, removed)
    assert gappy["x"].null_count == removed["x"].sum()


def test_draws_of_the_right_distribution(real):
    removed = remove_cells(real, 0.5, "random", np.random.default_rng(2))
    found = imputation_scores(real, removed, draws(real, 19))
    assert found["rmse"] == pytest.approx(np.sqrt(2), abs=0.06)
    assert found["rmse_mean"] == pytest.approx(np.sqrt(1 + 1 / 19), abs=0.06)
    assert found["accuracy"] == pytest.approx(0.68, abs=0.04)
    assert found["accuracy_mode"] == pytest.approx(0.8, abs=0.04)
    assert found["distance"] < 0.06
    assert found["coverage"] == pytest.approx(0.9, abs=0.03)


def test_the_truth_scores_best_and_the_mean_lacks_the_distribution(real):
    removed = remove_cells(real, 0.5, "random", np.random.default_rng(2), keep=["k"])
    perfect = imputation_scores(real, removed, [real])
    assert perfect == {"rmse": 0, "rmse_mean": 0, "distance": 0}
    mean = real.set_column(0, "x", pa.array(np.full(N, 5.0)))
    found = imputation_scores(real, removed, [mean])
    assert found["rmse"] == pytest.approx(1, abs=0.05)
    assert found["distance"] > 0.7
