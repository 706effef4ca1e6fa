"""Scores against closed forms and known cases."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from gankit.contract import EvaluationData, Sample
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.fidelity import column_shapes, pair_trends
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.evaluation.utility import train_and_test, two_sample_auc


def table(n, seed, shift=0.0, flip=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    y = np.where((x > 0.3) ^ flip, "yes", "no")
    return pa.table({"x": x, "w": rng.choice(["a", "b"], n).tolist(), "y": y.tolist()})


def test_shapes_by_hand():
    real = pa.table({"n": [1.0, 2.0, 3.0, 4.0], "c": ["a", "a", "b", "b"]})
    other = pa.table({"n": [3.0, 4.0, 5.0, 6.0], "c": ["a", "a", "a", "b"]})
    # KS: at 2, one half of the reals lie below and none of the others. Total variation: 1/4.
    assert column_shapes(real, other) == pytest.approx(((1 - 0.5) + (1 - 0.25)) / 2)
    assert column_shapes(real, real) == 1


def test_pairs_by_hand():
    real = pa.table({"a": [0.0, 1.0, 2.0], "b": [0.0, 1.0, 2.0]})
    other = pa.table({"a": [0.0, 1.0, 2.0], "b": [2.0, 1.0, 0.0]})
    assert pair_trends(real, other) == pytest.approx(0)  # correlations 1 and -1
    real = pa.table({"a": ["x", "y"], "b": ["u", "v"]})
    other = pa.table({"a": ["x", "y"], "b": ["v", "u"]})
    assert pair_trends(real, other) == pytest.approx(0)  # no pair in common
    assert pair_trends(real, real) == 1


def test_shapes_and_pairs_agree_with_sdmetrics():
    """Up to rounding, without its thresholds for weak pairs."""
    pandas = pytest.importorskip("pandas")
    properties = pytest.importorskip("sdmetrics.reports.single_table._properties")
    rng = np.random.default_rng(0)

    def mixed(shift):
        n = 400
        x = rng.normal(shift, 1, n)
        y = np.where(rng.random(n) < 0.1, np.nan, x + rng.normal(size=n))
        word = [None if v < 0.1 else f"w{int(4 * v + shift)}" for v in rng.random(n)]
        return pandas.DataFrame({"x": x, "y": y, "w": word, "v": rng.choice(["a", "b"], n)})

    real, other = mixed(0), mixed(0.4)
    kinds = {"x": "numerical", "y": "numerical", "w": "categorical", "v": "categorical"}
    about = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    shapes, pairs = properties.ColumnShapes(), properties.ColumnPairTrends()
    pairs.real_correlation_threshold = pairs.real_association_threshold = 0
    a, b = (
        pa.Table.from_pandas(f, preserve_index=False).replace_schema_metadata()
        for f in (real, other)
    )
    theirs = shapes.get_score(real, other, about), pairs.get_score(real, other, about)
    assert column_shapes(a, b) == pytest.approx(theirs[0], abs=1e-6)
    assert pair_trends(a, b) == pytest.approx(theirs[1], abs=1e-6)


def test_utility():
    test = table(1500, 1)
    assert train_and_test(table(1500, 2), test, "y")["auc"] > 0.95
    assert train_and_test(table(1500, 2, flip=True), test, "y")["auc"] < 0.05
    one = table(1500, 2).filter(pa.compute.field("y") == "yes")
    assert train_and_test(one, test, "y") == {"auc": 0.5}  # no row of the other class to learn from


@pytest.mark.parametrize("present", [0, 1])
def test_a_number_that_is_all_but_missing(present):
    def having(values, seed):
        mostly = pa.array([1.5] * values + [None] * (300 - values), pa.float64())
        return table(300, seed).append_column("z", mostly)

    real, made = having(100, 0), having(present, 1)
    assert two_sample_auc(real, made, np.random.default_rng(0)) > 0.6
    assert two_sample_auc(made, having(present, 2), np.random.default_rng(0)) < 0.6
    assert train_and_test(made, real, "y")["auc"] > 0.95


def numeric(n, seed, noise=0.5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = [None if i % 50 == 0 else v for i, v in enumerate(2 * x + rng.normal(0, noise, n))]
    third = np.digitize(x, [-0.5, 0.5])  # an integer of three values is a class
    return pa.table({"x": x, "y": y, "third": third})


def test_utility_for_a_number():
    test = numeric(800, 1)
    r2 = train_and_test(numeric(800, 2), test, "y")["r2"]
    assert 0.8 < r2 < 4 / 4.25  # at most the variance that x explains
    assert train_and_test(numeric(800, 2, noise=5), test, "y")["r2"] < r2


def test_utility_for_several_classes():
    test = numeric(800, 1).select(["x", "third"])
    assert train_and_test(numeric(800, 2).select(["x", "third"]), test, "third")["auc"] > 0.99
    # A table that lacks one of the classes gets 0.5 for it.
    lacking = numeric(800, 2).filter(pa.compute.field("third") != 2).select(["x", "third"])
    found = train_and_test(lacking, test, "third")["auc"]
    assert 0.6 < found < 0.9
    names = pa.table({"x": test["x"], "name": [f"n{i}" for i in range(800)]})
    assert train_and_test(names, names, "name") == {}


def test_detectability():
    rng = np.random.default_rng(0)
    assert abs(two_sample_auc(table(1000, 1), table(1000, 2), rng) - 0.5) < 0.06
    assert two_sample_auc(table(1000, 1), table(1000, 2, shift=3), rng) > 0.9


def test_all_scores_have_a_baseline():
    train, heldout, fake = (table(400, seed) for seed in (1, 2, 3))
    samples = [Sample(row, i, {}) for i, row in enumerate(fake.to_pylist())]
    data = EvaluationData(samples, train.to_pylist(), heldout.to_pylist())
    scores = TableScores("y", ["w"]).evaluate(data, np.random.default_rng(0))
    columns = ColumnScores().evaluate(data, np.random.default_rng(0))
    own = ("fidelity", "column_shapes", "pair_trends")
    assert [*columns] == [*own, *(f"{name}_real" for name in own)]
    assert columns["fidelity"] == (columns["column_shapes"] + columns["pair_trends"]) / 2
    names = {"exact_copies", "two_sample_auc", "tstr_auc"}
    names |= {"dcr_median", "dcr_p5", "authenticity"}
    names |= {f"{n}/w" for n in ("group_share", "group_target", "groups_left_out")}
    names |= {"parity_difference/w"}
    assert names | {f"{n}_real" for n in names} | {"membership_auc"} == set(scores)
    assert scores["tstr_auc"] > 0.9
    numeric = TableScores("x").evaluate(data, np.random.default_rng(0))
    assert {"tstr_r2", "tstr_r2_real"} < set(numeric)
    assert "tstr_auc" not in numeric


def test_identifiers_are_not_compared():
    keyed, tables = [], [table(300, seed) for seed in (1, 2, 3)]
    for i, one in enumerate(tables):
        keys = pa.array([f"K-{1000 * i + j:05d}" for j in range(300)])
        keyed.append(one.append_column("key", keys))
    codec = TableCodec.fit(keyed[0])
    for some in (tables, keyed):
        samples = [Sample(row, i, {}) for i, row in enumerate(some[2].to_pylist())]
        data = EvaluationData(samples, some[0].to_pylist(), some[1].to_pylist())
        scores = TableScores(codec=codec)
        found = scores.evaluate(data, np.random.default_rng(0))
        if some is tables:
            expected = found
    assert found == expected
    (warning,) = scores.warnings(data)
    assert warning.startswith("target: key, the last column, is an identifier, so y is predicted")
