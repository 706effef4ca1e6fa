"""Distances to records by hand, and attacks on tables that leak or do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit_tabular.evaluation.disclosure import (
    Gower,
    closest_records,
    exact_copies,
    membership_auc,
)


def table(n, seed):
    rng = np.random.default_rng(seed)
    return pa.table({"x": rng.normal(size=n), "w": rng.choice(["a", "b"], n).tolist()})


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_gower_by_hand():
    rows = pa.table({"x": [10.0, 20.0, 30.0, None], "w": ["a", "a", "b", "c"]})
    gower = Gower([rows])
    points = gower.points(rows)
    # Ranks are 0, a half, 1, and 1 for a missing value; another category counts 1.
    distance, index = gower.nearest(points, points, same=True)
    assert distance.tolist() == [0.5 / 2, 0.5 / 2, 1 / 2, 1 / 2]
    assert index.tolist() == [1, 0, 3, 2]
    assert gower.nearest(points, points)[0].tolist() == [0, 0, 0, 0]
    # An unknown category and unknown numbers.
    other = gower.points(pa.table({"x": [10.0, 99.0], "w": ["new", "a"]}))
    assert gower.nearest(other, points)[0].tolist() == [1 / 2, 0.5 / 2]


def test_closest_records_of_copies_and_of_new_rows(rng):
    train, heldout = table(500, 1), table(500, 2)
    gower = Gower([train, heldout])
    copies = closest_records(gower, train, train, rng)
    assert copies == {"dcr_median": 0, "dcr_p5": 0, "authenticity": 0}
    fresh, baseline = (closest_records(gower, train, t, rng) for t in (table(500, 3), heldout))
    assert fresh["dcr_median"] == pytest.approx(baseline["dcr_median"], rel=0.3)
    assert abs(fresh["authenticity"] - baseline["authenticity"]) < 0.1
    assert 0 < fresh["dcr_p5"] < fresh["dcr_median"]
    far = closest_records(gower, train, pa.table({"x": [99.0] * 20, "w": ["c"] * 20}), rng)
    assert far["dcr_median"] >= 0.5
    assert far["authenticity"] == 1
    assert closest_records(gower, train, heldout.slice(0, 5), rng) == {}


def test_one_column_of_either_kind(rng):
    for name in ("x", "w"):
        train, heldout = table(60, 1).select([name]), table(60, 2).select([name])
        assert closest_records(Gower([train, heldout]), train, heldout, rng)["dcr_median"] < 0.2


def test_membership_and_copies(rng):
    train, heldout = table(600, 1), table(600, 2)
    gower = Gower([train, heldout])
    assert exact_copies(train, train) == 1
    assert exact_copies(train, heldout) == 0
    assert membership_auc(gower, train, heldout, train, rng) > 0.9
    assert abs(membership_auc(gower, train, heldout, table(600, 3), rng) - 0.5) < 0.06
    assert np.isnan(membership_auc(gower, train, heldout.slice(0, 5), train, rng))
