"""What generated materials are measured by, against cases whose scores are known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gankit.contract import EvaluationData, Sample, quiet
from gankit.errors import GankitError
from gankit_material.data.formulas import parse
from gankit_material.data.items import Material
from gankit_material.data.sources import read
from gankit_material.evaluation.baselines import baselines
from gankit_material.evaluation.downstream import CompositionModel
from gankit_material.evaluation.evaluators import Distribution, Validity, build_evaluators
from gankit_material.evaluation.features import CompositionExtractor, composition_features
from gankit_material.evaluation.properties import PropertyAgreement
from gankit_material.evaluation.validity import is_valid, verdict
from gankit_material.settings import MaterialSettings


def material(text, **values):
    return Material(parse(text).reduced(), values)


def materials(texts):
    return [material(text) for text in texts.split()]


def samples(items, **condition):
    return [Sample(item, i, condition) for i, item in enumerate(items)]


def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def built_in():
    items = list(read(None, MaterialSettings(), quiet).items)
    random.Random(0).shuffle(items)
    return items


# --- Validity -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("NaCl", "balanced"),
        ("SrTiO3", "balanced"),
        ("Fe3O4", "unbalanced"),  # mixed valence, which the rule does not have
        ("NaCl2", "unbalanced"),
        ("Cu3Au", "alloy"),
        ("Fe", "element"),
        ("O2", "element"),
    ],
)
def test_verdicts(text, wanted):
    assert verdict(material(text)) == wanted


def test_verdicts_are_those_of_smact(built_in):
    from smact.screening import smact_validity

    made = baselines(built_in, MaterialSettings(), 400, 3)
    some = [*built_in[:400], *made["random elements"], *made["substitution"]]
    assert [is_valid(one) for one in some] == [bool(smact_validity(one.formula)) for one in some]
    alone = [smact_validity(one.formula, include_alloys=False) for one in some]
    assert all(alone[i] for i, one in enumerate(some) if verdict(one) == "balanced")


def test_many_elements_do_not_take_long():
    big = Material(
        dict.fromkeys(("Li", "Na", "K", "Fe", "Mn", "Co", "Ni", "V", "Cr", "P", "S", "O"), 7)
    )
    assert verdict(big) in ("balanced", "unbalanced")


# --- The funnel ---------------------------------------------------------------------------------


def test_the_funnel_counts_what_passes_every_stage():
    train, heldout = materials("NaCl KCl CaO"), materials("LiF MgO NaF2 BaS")
    made = materials("NaCl NaCl LiBr Cu3Au NaCl2 MgCl2 MgCl2 Fe")
    data = EvaluationData(samples(made), train, heldout)
    scores = Validity().evaluate(data, rng())
    assert scores["validity"] == 7 / 8
    assert scores["alloys"] == 2 / 8
    assert scores["balanced"] == 5 / 6
    assert scores["unique"] == 6 / 8
    assert scores["novelty"] == 5 / 6
    assert scores["valid_unique_new"] == 4 / 8
    assert scores["validity_real"] == 3 / 4
    stages = {row["stage"]: row["share"] for row in Validity().details(data, rng())}
    assert stages == {"valid": 7 / 8, "unique": 5 / 8, "new": 4 / 8, "balanced": 2 / 8}


def test_poor_results_are_warned_of():
    train = materials("NaCl KCl CaO")
    invalid = EvaluationData(
        samples(materials("NaCl3 KCl3") * 30), train, materials("LiF MgO") * 30
    )
    warnings = Validity().warnings(invalid)
    assert any("0% of the formulas are valid" in warning for warning in warnings)
    assert any("repeats" in warning for warning in warnings)
    copies = EvaluationData(samples(materials("NaCl KCl CaO") * 20), train, train)
    assert any("are new" in warning for warning in Validity().warnings(copies))
    assert not Validity().warnings(EvaluationData(samples(train), train, train))


# --- Distributions ------------------------------------------------------------------------------


def test_equal_distributions_are_at_their_best_and_others_worse(built_in):
    train, heldout = built_in[:1000], built_in[1000:2000]
    same = Distribution().evaluate(EvaluationData(samples(heldout), train, heldout), rng())
    assert same["element_overlap"] == same["anonymous_overlap"] == 1
    assert same["wasserstein/elements"] == same["wasserstein/atoms"] == 0
    other = materials("NaCl KCl LiF") * 100
    poor = Distribution().evaluate(EvaluationData(samples(other), train, heldout), rng())
    assert poor["element_overlap"] < poor["element_overlap_real"]
    assert poor["wasserstein/elements"] > poor["wasserstein/elements_real"]


def test_details_of_elements_name_no_material(built_in):
    data = EvaluationData(samples(built_in[:500]), built_in[500:900], built_in[900:1500])
    rows = Distribution().details(data, rng())
    assert 0 < len(rows) <= 20
    assert set(rows[0]) == {"element", "generated", "heldout"}


def test_features_by_hand():
    found = composition_features([material("NaCl"), material("Na2Cl2"), material("Fe")])
    assert np.allclose(found[0], found[1])
    mean, deviation, least, most = (found[2, i * 10 : i * 10 + 10] for i in range(4))
    assert np.allclose(mean, least)
    assert np.allclose(mean, most)
    assert np.allclose(deviation, 0)
    assert found[0, 40] == 2
    assert found[0, 42] == pytest.approx(0.5**0.5)


def test_the_extractor_standardises_by_the_training_data(built_in):
    extractor = CompositionExtractor()
    extractor.fit(built_in[:2000])
    found = extractor.features(built_in[:2000])
    assert np.allclose(found.mean(0), 0, atol=1e-6)
    other = CompositionExtractor()
    other.fit(built_in[2000:4000])
    assert other.fingerprint != extractor.fingerprint


# --- Properties ---------------------------------------------------------------------------------


def test_requested_values_that_are_met_agree_and_others_do_not(built_in):
    heldout, rest = built_in[:600], built_in[600:900]
    settings = MaterialSettings(conditions=("seebeck",))
    met = [Sample(m, i, {"seebeck": m.values["seebeck"]}) for i, m in enumerate(rest)]
    turned = [Sample(s.item, s.seed, met[-1 - i].condition) for i, s in enumerate(met)]
    good, poor = (
        PropertyAgreement(settings).evaluate(EvaluationData(some, rest, heldout), rng())
        for some in (met, turned)
    )
    assert good["requested/seebeck/r2"] > 0.4
    assert good["requested/seebeck/r2"] == pytest.approx(good["requested/seebeck/r2_real"], abs=0.2)
    assert poor["requested/seebeck/r2"] < 0
    assert (
        PropertyAgreement(settings).evaluate(EvaluationData(samples(rest), rest, heldout), rng())
        == {}
    )


def test_the_downstream_model_of_numbers_and_of_labels(built_in):
    model, some = CompositionModel(), built_in[:600]
    scores = model.scores(some[:400], some[400:], "seebeck", "", 0)
    assert scores["r2"] > 0.3
    assert model.scores(some[:400], some[400:], "seebeck", "oversampling", 0) == {}
    named = [Material(m.counts, {}, "oxide" if "O" in m.counts else "other") for m in some]
    for mitigation in ("", *model.mitigations):
        found = model.scores(named[:400], named[400:], "label", mitigation, 0)
        assert found["balanced_accuracy"] > 0.9
    with pytest.raises(GankitError, match="cannot be predicted"):
        model.scores(some[:400], some[400:], "nosuch", "", 0)


# --- Baselines ----------------------------------------------------------------------------------


def test_baselines_are_formulas_decided_by_the_seed(built_in):
    one, other = (baselines(built_in[:500], MaterialSettings(), 50, 7) for _ in range(2))
    assert set(one) == {"substitution", "random elements", "gaussian counts"}
    for name, items in one.items():
        assert len(items) == 50
        assert [m.formula for m in items] == [m.formula for m in other[name]]
        assert all(m.counts and min(m.counts.values()) > 0 for m in items)
    again = baselines(built_in[:500], MaterialSettings(), 50, 8)
    assert again["substitution"][0] != one["substitution"][0]


def test_substitution_keeps_the_anonymous_formula(built_in):
    known = {m.anonymous for m in built_in[:500]}
    made = baselines(built_in[:500], MaterialSettings(), 100, 0)["substitution"]
    assert all(m.anonymous in known for m in made)


def test_evaluators_without_a_run():
    names = [one.name for one in build_evaluators(None, MaterialSettings())]
    assert names == ["composition", "validity", "distribution", "properties", "structures"]
