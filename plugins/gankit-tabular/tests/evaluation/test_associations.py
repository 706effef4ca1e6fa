"""Associations against closed forms."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from gankit_tabular.evaluation.associations import associations


def test_two_numbers_have_spearmans_correlation():
    x = np.random.default_rng(0).normal(size=400)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(v)) for v in 100 + 20 * x]
    found = associations(pa.table({"x": x, "day": days}), ["x", "day"])
    expected = spearmanr(x, [d.toordinal() for d in days])[0]
    assert found[0, 1] == found[1, 0] == pytest.approx(expected)
    assert np.diag(found) == pytest.approx(1)


def test_two_categories_by_closed_forms():
    n = 600
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, n)
    # The same with other names, a coin that agrees in 3 of 4 rows, and an independent column.
    coin, twin = a % 2, np.where(rng.random(n) < 0.25, 1 - a % 2, a % 2)
    columns = {"a": a, "b": (a + 1) % 3, "coin": coin, "twin": twin, "other": rng.integers(0, 5, n)}
    t = pa.table({name: [f"w{v}" for v in c] for name, c in columns.items()})
    found = associations(t, list(columns))
    assert found[0, 1] == pytest.approx(1)
    # V of two binary columns is their correlation; the correction is of order 1/n.
    assert found[2, 3] == pytest.approx(np.corrcoef(coin, twin)[0, 1], abs=0.01)
    assert found[0, 4] < 0.1


def test_a_number_and_a_category():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 800)
    t = pa.table(
        {
            "group": [f"g{v}" for v in group],
            "fixed": group.astype(float),
            "free": rng.normal(size=800),
            "half": group + rng.normal(0, group.std(), 800),
            "none": [1.0] * 800,
        }
    )
    found = associations(t, t.column_names)[0]
    assert found[1] == pytest.approx(1)
    assert found[2] < 0.1
    assert found[3] == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert associations(t, ["fixed", "none"])[0, 1] != associations(t, ["fixed", "none"])[0, 1]
