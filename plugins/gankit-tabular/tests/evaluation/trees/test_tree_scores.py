"""Scores of entities and trees: near their baselines for data of the same kind, and worse where
something is broken on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from tree_data import patients, shop

from gankit.contract import EvaluationData, Sample
from gankit.errors import GankitError
from gankit.metrics import evaluate
from gankit_tabular.evaluation.trees.column_scores import TreeColumnScores
from gankit_tabular.evaluation.trees.downstream import EntityBoosting, tree_attributes
from gankit_tabular.evaluation.trees.dynamics import autocorrelation
from gankit_tabular.evaluation.trees.entities import Entities
from gankit_tabular.evaluation.trees.parts import TreeColumns
from gankit_tabular.evaluation.trees.scores import TreeScores

BOTH = TreeColumnScores(), TreeScores()


def scores(make, **given):
    """Scores of others of the same kind, or as ``given``."""
    made = make(120, 2, first=1000, **given)
    data = EvaluationData([Sample(t, 0, {}) for t in made], make(160), make(120, 1))
    found = [e.evaluate(data, np.random.default_rng(0)) for e in BOTH]
    return found[0] | found[1]


@pytest.fixture(scope="module")
def of_patients():
    return scores(patients), scores(patients, dependent=False)


@pytest.fixture(scope="module")
def of_shops():
    return scores(shop), scores(shop, dependent=False)


@pytest.mark.parametrize("kind", ["of_patients", "of_shops"])
def test_every_score_has_a_baseline_and_a_meaning(kind, request):
    good, _ = request.getfixturevalue(kind)
    named = {k: v for e in BOTH for k, v in e.meanings.items()}
    names = {n.removesuffix("_real") for n in good}
    assert names <= named.keys()
    assert {n for n in names if f"{n}_real" not in good} == {"membership_auc"}
    assert all(np.isfinite(v) for v in good.values())
    for e in BOTH:
        assert set(e.lower_is_better) <= set(e.meanings)


def test_sequences_of_the_same_kind_and_rows_that_do_not_follow(of_patients):
    good, bad = of_patients
    assert good["fidelity"] > 0.9 > bad["fidelity"]
    assert good["two_sample_auc"] < 0.6 < 0.9 < bad["two_sample_auc"]
    assert good["lag1_difference"] < 0.1 < 0.2 < bad["lag1_difference"]
    assert good["next_r2"] > 0.8 > bad["next_r2"]
    assert good["next_auc"] > 0.8 > bad["next_auc"]
    assert good["transition_distance"] < 0.15 < bad["transition_distance"]
    assert good["tstr_auc"] == good["next_auc"]  # the last column changes: its next value
    assert good["exact_copies"] == 0
    assert abs(good["membership_auc"] - 0.5) < 0.1
    assert good["unique_keys"] == 1


def test_tables_of_the_same_kind_and_independent_ones(of_shops):
    good, bad = of_shops
    assert good["parent_trends"] > 0.8 > bad["parent_trends"]
    assert good["count_shapes"] > bad["count_shapes"]
    assert good["childless_difference"] < bad["childless_difference"]
    assert good["joined_auc"] < 0.6 < bad["joined_auc"]
    assert good["referential_integrity"] == 1
    assert not any("lag" in name or "next" in name for name in good)


def test_details_name_tables_and_columns():
    for make, column, keys in ((patients, "visits.weight", 6), (shop, "items.price", 4)):
        data = EvaluationData([Sample(t, 0, {}) for t in make(60, 2)], make(100), make(60, 1))
        rows = TreeColumnScores().details(data, np.random.default_rng(0))
        assert {len(row) for row in rows} == {keys}
        row = next(r for r in rows if r["column"] == column)
        assert 0.5 < row["shape"] <= 1
        assert any(r["column"].endswith("(rows each)") for r in rows)


def test_a_target_is_found_in_any_table():
    def found(target, make=shop):
        data = EvaluationData([Sample(t, 0, {}) for t in make(50, 2)], make(100), make(50, 1))
        result = TreeScores(target).evaluate(data, np.random.default_rng(0))
        return {n: v for n, v in result.items() if n.startswith("tstr")}

    assert found("segment")["tstr_auc"] > 0.7
    assert set(found("orders.channel")) == {"tstr_auc", "tstr_auc_real"}
    assert found("diagnosis", patients)["tstr_auc"] > 0.8
    with pytest.raises(GankitError, match="target: no scored column is named 'chanel'") as raised:
        found("chanel")
    assert "channel" in raised.value.hint


def test_autocorrelation_of_a_walk_and_of_noise():
    for dependent, low, high in ((True, 0.9, 1), (False, -0.15, 0.15)):
        trees = patients(150, dependent=dependent)
        rows = TreeColumns(trees).parts(trees)[1]
        assert low < autocorrelation(rows, "weight", 1) < high


def test_distances_are_between_entities():
    train, heldout = patients(150), patients(80, 1)
    others = [Sample(t, 0, {}) for t in patients(80, 2, dependent=False, first=1000)]
    alike = [Sample(t, 0, {}) for t in patients(80, 2, first=1000)]
    found = {}
    for name, made in (("alike", alike), ("others", others)):
        extractor = Entities()
        extractor.fit(train)
        data = EvaluationData(made, train, heldout)
        found[name] = {s.name: s for s in evaluate([extractor], data)}
    assert found["alike"]["frechet/entities"].n_generated == 80
    assert found["alike"]["frechet/entities"].value < found["others"]["frechet/entities"].value
    copies = EvaluationData([Sample(t, 0, {}) for t in train[:80]], train, heldout)
    score = next(s for s in evaluate([extractor], copies) if s.name == "copies/entities")
    assert score.value > 0.9
    assert len(extractor.fingerprint) == 16
    again = extractor.features([train[3], heldout[5]])
    assert np.array_equal(again[:1], extractor.features([train[3]]))


def test_attributes_are_what_holds_for_a_whole_entity():
    trees = patients(40)
    assert list(tree_attributes(trees[3])) == ["sex", "diagnosis"]
    first = trees[3]["visits"].slice(0, 1).to_pylist()[0]
    assert tree_attributes(trees[3])["sex"] == first["sex"]
    row = shop(30).tables["customers"].table.slice(4, 1).to_pylist()[0]
    assert dict(tree_attributes(shop(30)[4])) == row


def test_a_class_of_entities_is_predicted_from_their_rows():
    train, test = [*patients(150)], [*patients(80, 1)]
    model = EntityBoosting()
    plain, weighted = (
        model.scores(train, test, "diagnosis", mitigation, 0)
        for mitigation in ("", "class-weights")
    )
    assert plain["auc"] > 0.85
    assert weighted.keys() == plain.keys()
    with pytest.raises(GankitError, match="weight is no column"):
        model.scores(train, test, "weight", "", 0)
