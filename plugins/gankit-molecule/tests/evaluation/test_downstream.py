from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gankit.errors import GankitError
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import measure
from gankit_molecule.evaluation import downstream as module
from gankit_molecule.evaluation.chemnet import canonical
from gankit_molecule.evaluation.downstream import FingerprintModel
from gankit_molecule.settings import MoleculeSettings

ACID = "C(=O)O"


def library() -> list[Molecule]:
    """Different molecules, a third of them acids, each with its kind and a potency."""
    cores = ("c1ccc({a})cc1{b}", "c1cc({a})ncc1{b}", "C1CCN({a})CC1{b}", "c1cc({a})oc1{b}")
    tails = ("C", "CC", "C(C)C", "CO", "CCO", "CN", "CC#N", "CCOC", "CCF")
    ends = (ACID, "C" + ACID, "CC" + ACID, "CC", "CCO", "CC(C)C", "CCl", "COC", "C(=O)N")
    made = (c.format(a=a, b=b) for c, a, b in itertools.product(cores, tails, ends))
    smiles = sorted({text for text in map(canonical, made) if text is not None})
    rng = np.random.default_rng(0)
    weight = measure(smiles, ["mw"], 1)[:, 0]
    found = []
    for i in rng.permutation(len(smiles)):
        acid = "C(=O)O" in smiles[i] or "O=C(O)" in smiles[i]
        values = {
            "kind": "acid" if acid else "other",
            "active": float(acid),
            "potency": float(weight[i] / 10 + 5 * acid + 0.2 * rng.normal()),
            "same": "one",
            "serial": f"m{i}",
        }
        found.append(Molecule(smiles[i], values, f"m{i}"))
    return found


@pytest.fixture(scope="module")
def data() -> tuple[list[Molecule], list[Molecule]]:
    found = library()
    return found[:220], found[220:]


@pytest.fixture(scope="module")
def model() -> FingerprintModel:
    return FingerprintModel(MoleculeSettings(workers=1))


@pytest.mark.parametrize("key", ["kind", "active"])
def test_classes(
    key: str, data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    found = model.scores(*data, key, "", 0)
    assert set(found) == {"accuracy", "balanced_accuracy", "f1", "auc"}
    assert min(found.values()) > 0.9


@pytest.mark.parametrize("key", ["potency", "logp"])
def test_numbers(
    key: str, data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    found = model.scores(*data, key, "", 0)
    assert set(found) == {"r2", "spearman"}
    assert 0.75 < min(found.values()) < max(found.values()) < 1
    for remedy in model.mitigations:
        assert model.scores(*data, key, remedy, 0) == {}


def test_wrong_values_are_worth_nothing(
    data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, test = data
    shuffled = np.random.default_rng(1).permutation(len(train))
    wrong = [replace(m, values=train[i].values) for m, i in zip(train, shuffled, strict=True)]
    assert model.scores(wrong, test, "potency", "", 0)["r2"] < 0.2
    assert model.scores(wrong, test, "kind", "", 0)["auc"] < 0.7


@pytest.mark.parametrize("remedy", ["class-weights", "oversampling"])
def test_remedies_help_a_rare_class(
    remedy: str, data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, test = data
    acids = [m for m in train if m.values["kind"] == "acid"][:12]
    few = [*acids, *(m for m in train if m.values["kind"] == "other")]
    plain, mended = (model.scores(few, test, "kind", r, 0) for r in ("", remedy))
    assert mended != plain
    assert mended["balanced_accuracy"] >= plain["balanced_accuracy"]


def test_oversampling_levels_classes() -> None:
    labels = np.array(["a"] * 7 + ["b"] * 2 + ["c"])
    places = module._oversampled(labels, np.random.default_rng(0))
    assert sorted(labels[places].tolist()) == ["a"] * 7 + ["b"] * 7 + ["c"] * 7
    assert places[:10].tolist() == list(range(10))


def test_a_seed_chooses_rows_and_the_same_for_each_remedy(
    data: tuple[list[Molecule], list[Molecule]],
    model: FingerprintModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    kept = FingerprintModel._features

    def watched(self: FingerprintModel, molecules: list[Molecule], key: str) -> object:
        seen.append([m.smiles for m in molecules])
        return kept(self, molecules, key)

    monkeypatch.setattr(FingerprintModel, "_features", watched)
    found = [model.scores(*data, "kind", r, s) for r, s in (("", 0), ("class-weights", 0), ("", 1))]
    again = model.scores(*data, "kind", "", 0)
    trained = seen[::2]
    assert trained[0] == trained[1] == trained[3] != trained[2]
    assert len(trained[0]) == 198  # nine tenths
    assert found[0] == again


def test_a_property_is_not_told_itself(
    data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, _ = data
    full, without = (model._features(train[:5], key) for key in ("kind", "logp"))
    assert full.shape[1] == without.shape[1] + 1
    logp = measure([m.smiles for m in train[:5]], ["logp"], 1)[:, 0]
    assert any(np.array_equal(column, logp) for column in full.T)
    assert not any(np.array_equal(column, logp) for column in without.T)


def test_what_has_no_value_does_not_count(
    data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, test = data
    empty = [replace(m, values={**m.values, "potency": float("nan"), "kind": ""}) for m in train]
    broken = [Molecule("c1cc(", {"potency": 7.0, "kind": "acid"}, tries=0)]
    for key in ("potency", "kind"):
        clean = model.scores(train[:120], test, key, "", 0)
        assert model.scores([*train[:120], *broken], [*test, *broken], key, "", 0) == clean
        assert model.scores([*train[:120], *empty[120:]], test, key, "", 0) == clean


def test_generated_molecules_without_the_value_are_refused(
    data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, test = data
    generated = [Molecule(m.smiles) for m in test[:9]]
    with pytest.raises(GankitError, match="potency cannot be predicted"):
        model.scores([*train, *generated], test, "potency", "", 0)
    assert model.scores([*train, *generated], test, "mw", "", 0)["r2"] > 0.9  # it is computed


def test_a_class_that_the_test_lacks_or_has_alone(
    data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    train, test = data
    three = [
        replace(m, values={"kind": "c" if i < 30 else m.values["kind"]})
        for i, m in enumerate(train)
    ]
    found = model.scores(three, test, "kind", "", 0)
    assert set(found) == {"accuracy", "balanced_accuracy", "f1", "auc"}
    strange = [*test, replace(test[0], values={"kind": "unheard of"})]
    assert model.scores(train, strange, "kind", "", 0) == model.scores(train, test, "kind", "", 0)
    acids = [m for m in test if m.values["kind"] == "acid"]
    assert "auc" not in model.scores(train, acids, "kind", "", 0)


@pytest.mark.parametrize("key", ["same", "serial", "none such"])
def test_keys_that_cannot_be_predicted(
    key: str, data: tuple[list[Molecule], list[Molecule]], model: FingerprintModel
) -> None:
    with pytest.raises(GankitError, match=f"{key} cannot be predicted"):
        model.scores(*data, key, "", 0)
