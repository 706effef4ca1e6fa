from __future__ import annotations

import importlib.resources
import itertools
from collections.abc import Sequence
from dataclasses import replace

import fcd
import numpy as np
import pytest
import torch
from rdkit import Chem

from gankit.contract import EvaluationData, Evaluator, Sample
from gankit.errors import GankitError
from gankit.metrics import GaussianStats, Score, evaluate, frechet_distance
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import measure
from gankit_molecule.evaluation import base, evaluators
from gankit_molecule.evaluation.chemnet import ChemNetExtractor, FingerprintExtractor, canonical
from gankit_molecule.evaluation.evaluators import (
    Agreement,
    Basics,
    Chemistry,
    Moses,
    Neighbours,
    build_evaluators,
)
from gankit_molecule.evaluation.memo import Memo
from gankit_molecule.evaluation.moses import describe
from gankit_molecule.settings import MoleculeSettings

SETTINGS = MoleculeSettings(workers=1)
NOTHING = Molecule("c1ccc(", tries=0)


def library() -> list[Molecule]:
    """Some 1,500 plain, different molecules, in an order of chance."""
    cores = (
        "c1ccc({a})cc1{b}", "c1cc({a})ncc1{b}", "C1CCN({a})CC1{b}", "c1cc({a})oc1{b}",
        "c1ccc2c(c1)cc({a})n2{b}", "c1nc({a})sc1{b}", "C1CC({a})CC1{b}",
        "c1ccc({a})c(-c2ccccc2)c1{b}",
    )  # fmt: skip
    tails = ("C", "CC", "C(C)C", "CO", "CCO", "CN", "CC(=O)N", "CC#N", "CCOC", "Cc3ccncc3")
    ends = (*tails, "CC4CC4", "CC(=O)NC", "CCN(C)C", "CS(C)(=O)=O", "CC(F)F", "CCc4ccco4",
            "CCC(C)C", "CCCOC", "CCC(N)=O", "CCNC(C)=O")  # fmt: skip
    made = (c.format(a=a, b=b) for c, a, b in itertools.product(cores, tails, ends))
    smiles = sorted({text for text in map(canonical, made) if text is not None})
    order = np.random.default_rng(0).permutation(len(smiles))
    return [Molecule(smiles[i]) for i in order]


def samples(molecules: Sequence[Molecule]) -> list[Sample[Molecule]]:
    return [Sample(molecule, i, {}) for i, molecule in enumerate(molecules)]


@pytest.fixture(scope="module")
def molecules() -> list[Molecule]:
    found = library()
    assert len(found) > 1400
    return found


@pytest.fixture(scope="module")
def real(molecules: list[Molecule]) -> tuple[list[Molecule], list[Molecule]]:
    return molecules[:600], molecules[600:800]


@pytest.fixture(scope="module")
def memo() -> Memo:
    return Memo(1)


def scored(evaluator: Evaluator[Molecule], data: EvaluationData[Molecule]) -> dict[str, float]:
    return evaluator.evaluate(data, np.random.default_rng(0))


def both(memo: Memo, data: EvaluationData[Molecule]) -> dict[str, float]:
    return scored(Basics(memo), data) | scored(Moses(memo), data)


# --- ChemNet ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # theirs: a temporary folder left behind
def test_activations_are_those_of_the_package(molecules: list[Molecule]) -> None:
    some = molecules[:40]
    theirs = fcd.get_predictions(
        fcd.load_ref_model(), [m.smiles for m in some], n_jobs=0, device="cpu"
    )
    ours = ChemNetExtractor().features(some)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The `disp` argument")  # theirs
def test_the_distance_is_the_packages(molecules: list[Molecule]) -> None:
    # As many as there are features: for fewer the package adds to the covariances.
    features = ChemNetExtractor().features(molecules[:1060])
    a, b = features[:530], features[530:]
    ours = frechet_distance(GaussianStats.of(a), GaussianStats.of(b))
    mean, spread = (np.mean, lambda x: np.cov(x.T))
    theirs = fcd.calculate_frechet_distance(mean(a, 0), spread(a), mean(b, 0), spread(b))
    assert ours == pytest.approx(theirs, rel=1e-6)
    assert ours > 0.1


def test_features_are_of_the_molecule_however_it_is_written() -> None:
    ours = ChemNetExtractor().features([Molecule("C1=CC=CC=C1O"), Molecule("Oc1ccccc1")])
    assert np.array_equal(ours[0], ours[1])


def test_a_long_molecule_changes_no_other(molecules: list[Molecule]) -> None:
    extractor, long = ChemNetExtractor(), Molecule("C" * 400)
    alone = extractor.features(molecules[:2])
    together = extractor.features([molecules[0], long, molecules[1]])
    np.testing.assert_allclose(together[[0, 2]], alone, atol=1e-6)
    assert np.isfinite(together).all()


def test_weights_come_with_the_package_and_no_random_number_is_drawn() -> None:
    from gankit_molecule.evaluation.chemnet import chemnet

    chemnet.cache_clear()
    state = torch.get_rng_state()
    first, second = ChemNetExtractor(), ChemNetExtractor()
    assert torch.equal(torch.get_rng_state(), state)
    assert first.fingerprint == second.fingerprint != FingerprintExtractor().fingerprint
    file = importlib.resources.files("fcd") / "ChemNet_v0.13_pretrained.pt"
    with file.open("rb") as stream:
        (_, (tensors, _, _)), *_ = torch.load(stream, weights_only=True)
    assert torch.equal(chemnet().state_dict()["1.weight"], tensors["weight"])


@pytest.mark.parametrize("extractor", [ChemNetExtractor(), FingerprintExtractor()])
def test_invalid_molecules_have_no_features(
    extractor: ChemNetExtractor | FingerprintExtractor, molecules: list[Molecule]
) -> None:
    assert extractor.accepts(molecules[0])
    assert not extractor.accepts(NOTHING)
    rows = extractor.features([NOTHING, molecules[0], Molecule("no molecule")])
    assert np.isnan(rows[[0, 2]]).all()
    np.testing.assert_allclose(rows[1], extractor.features(molecules[:1])[0], atol=1e-6)
    assert extractor.features([NOTHING]).shape == (1, extractor.width)


def test_fcd_is_of_valid_molecules_and_its_floor_of_as_many(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]]
) -> None:
    train, heldout = real
    made = molecules[800:860]
    broken = [*made, *[NOTHING] * 140]

    def fcd_of(generated: list[Molecule]) -> Score:
        data = EvaluationData(samples(generated), train[:100], heldout)
        (score,) = evaluate([ChemNetExtractor()], data, only=["fcd"])
        return score

    alone, with_broken, many = fcd_of(made), fcd_of(broken), fcd_of(molecules[800:1000])
    assert with_broken.name == "fcd"
    assert with_broken.n_generated == 60
    assert with_broken.value == pytest.approx(alone.value)
    assert with_broken.real_baseline is not None
    assert many.real_baseline is not None
    assert with_broken.real_baseline > 1.3 * many.real_baseline  # of 60, not of 200
    assert with_broken.value == pytest.approx(with_broken.real_baseline, rel=0.4)


def test_extractors_are_chosen_by_name() -> None:
    both = MoleculeSettings(extractors=("fingerprint", "chemnet", "fingerprint"), workers=1)
    assert [e.name for e in build_evaluators(both)][:2] == ["fingerprint", "chemnet"]
    with pytest.raises(GankitError, match="Did you mean chemnet"):
        build_evaluators(replace(both, extractors=("chemnett",)))


# --- MOSES --------------------------------------------------------------------------------------


def test_validity_before_and_after_decoding_again(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    made = molecules[800:900]
    again = [replace(m, tries=3) for m in made[:20]]
    data = EvaluationData(samples([*again, *made[20:70], *[NOTHING] * 30]), *real)
    found = scored(Basics(memo), data)
    counts = scored(Moses(memo), data)
    assert (counts["scored"], counts["scored_real"]) == (100, 200)
    assert found["validity/raw"] == 0.5
    assert found["validity"] == 0.7
    assert found["validity_real"] == found["validity/raw_real"] == 1


def test_uniqueness_and_novelty_of_a_generator_that_repeats_and_copies(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    fresh = molecules[800:850]
    data = EvaluationData(samples([*fresh, *fresh, *real[0][:50], NOTHING]), *real)
    found = scored(Basics(memo), data)
    assert found["unique"] == pytest.approx(100 / 150)
    assert found["novelty"] == 0.5
    assert found["unique_real"] == found["novelty_real"] == 1
    assert "unique@1k" not in found


def test_uniqueness_at_k_is_of_the_first_k(
    molecules: list[Molecule],
    real: tuple[list[Molecule], list[Molecule]],
    memo: Memo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluators, "UNIQUE_AT", {"unique@1k": 60, "unique@10k": 300})
    fresh = molecules[800:900]
    data = EvaluationData(samples([NOTHING, *fresh[:60], *fresh[:40]]), *real)
    found = scored(Basics(memo), data)
    assert found["unique@1k"] == found["unique@1k_real"] == 1
    assert found["unique"] == 0.6
    assert not {"unique@10k", "unique@10k_real"} & set(found)


def test_real_molecules_reach_the_baselines_and_a_lost_mode_does_not(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    good = both(memo, EvaluationData(samples(molecules[800:1000]), *real))
    cyclic = [m for m in molecules[800:] if m.smiles.count("1") == 2 and "c" not in m.smiles]
    lost = both(memo, EvaluationData(samples(cyclic[:30] * 3), *real))
    for name, slack in {"snn": 0.1, "frag": 0.05, "scaf": 0.05, "intdiv": 0.02}.items():
        assert good[name] == pytest.approx(good[f"{name}_real"], abs=slack)
    assert lost["intdiv"] < good["intdiv"] - 0.03
    assert lost["frag"] < good["frag"] - 0.1
    for name in ("logp", "qed", "sa", "mw"):
        assert lost[f"wasserstein/{name}"] > 2 * good[f"wasserstein/{name}_real"]
    assert 0 < good["filters_real"] <= 1


def test_baselines_of_comparisons_are_of_training_molecules(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    """Training molecules in place of generated ones: value and floor are then the same."""
    train, heldout = real
    found = both(memo, EvaluationData(samples(train), train, heldout))
    for name in ("snn", "frag", "scaf", "wasserstein/logp", "wasserstein/mw"):
        assert found[name] == pytest.approx(found[f"{name}_real"])
    assert found["novelty"] == 0


def test_all_training_molecules_count_for_novelty(
    molecules: list[Molecule],
    real: tuple[list[Molecule], list[Molecule]],
    memo: Memo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "MAX_SCORED", 50)
    monkeypatch.setattr(base, "FETCH_SIZE", 7)
    train, heldout = real
    found = both(memo, EvaluationData(samples(train), train, heldout))
    assert found["scored"] == found["scored_real"] == 50
    assert found["novelty"] == 0
    assert found["novelty_real"] == 1


def test_small_and_similar_molecules_are_doubted(
    real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    """What a generator gives that has learned to end early: alcohols, all of them valid and new."""
    alcohols = [Molecule("C" * a + "C(O)" + "C" * b) for a in range(3) for b in range(a, 6)]
    data = EvaluationData(samples(alcohols), *real)
    small, alike = Basics(memo).warnings(data)
    assert small.startswith("generated molecules are small: ")
    assert alike.startswith("generated molecules are alike: internal diversity ")


# --- Chemistry ----------------------------------------------------------------------------------


def test_alerts_and_repeats_are_counted(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    bad = [
        *[Molecule(canonical(f"O=C1NC(=S)SC1=Cc1ccc({'C' * n})cc1") or "") for n in range(1, 4)],
        *[Molecule("C" * n) for n in range(12, 19)],
    ]
    found = scored(Chemistry(memo), EvaluationData(samples([*bad, *molecules[800:890]]), *real))
    assert found["pains_rate"] == pytest.approx(0.03)
    assert found["pains_rate_real"] == 0
    assert found["brenk_rate"] >= found["brenk_rate_real"] + 0.02
    assert found["long_repeat_rate"] == pytest.approx(0.07)
    assert found["long_repeat_rate_real"] <= 0.01
    theirs = measure([m.smiles for m in real[1]], ["sa"], 1).mean()
    assert found["sa/mean_real"] == pytest.approx(theirs)


def test_a_funnel_counts_those_that_passed_all_stages_before(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    new = molecules[800:840]
    known, invalid = real[0][:20], Molecule("C(", tries=0)
    data = EvaluationData(samples([*new, *new[:20], *known, *[invalid] * 20]), *real)
    rows = Chemistry(memo).details(data, np.random.default_rng(0))
    shares = [row["share"] for row in rows]
    assert [row["stage"] for row in rows] == [
        *("valid", "unique", "new", "drug-like", "no alert", "synthesisable")
    ]
    assert shares[:3] == [0.8, 0.6, 0.4]
    assert shares == sorted(shares, reverse=True)
    heldout = [row["share_real"] for row in rows]
    assert heldout[:3] == [1, 1, 1]
    assert 0 < heldout[-1] < 1
    assert not Chemistry(memo).details(
        EvaluationData(samples([invalid] * 4), *real), np.random.default_rng(0)
    )


# --- Memorisation -------------------------------------------------------------------------------


def test_copies_are_nearer_than_heldout_molecules(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    copied = scored(Neighbours(memo), EvaluationData(samples(real[0][:200]), *real))
    assert copied["nearest_train/tanimoto"] == pytest.approx(1)
    assert copied["closer_to_train/tanimoto"] > 0.99
    assert copied["copies/tanimoto"] == 1
    fresh = scored(Neighbours(memo), EvaluationData(samples(molecules[800:1000]), *real))
    assert fresh["closer_to_train/tanimoto"] == pytest.approx(0.5, abs=0.08)
    assert fresh["copies/tanimoto"] < 0.06
    assert fresh["closer_to_train/tanimoto_real"] == 0.5
    far = [Molecule("FC(F)(F)S(=O)(=O)OI"), Molecule("BrP(Br)Br"), Molecule("C[Si](C)(C)Cl")]
    strange = scored(Neighbours(memo), EvaluationData(samples(far), *real))
    assert strange["closer_to_train/tanimoto"] < 0.05


# --- Conditions ---------------------------------------------------------------------------------


def conditioned(molecules: Sequence[Molecule], **values: Sequence[float]) -> list[Sample[Molecule]]:
    columns = zip(*values.values(), strict=True)
    return [
        Sample(molecule, i, dict(zip(values, row, strict=True)))
        for i, (molecule, row) in enumerate(zip(molecules, columns, strict=True))
    ]


def test_computed_properties_are_compared_with_conditions(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    made = molecules[800:900]
    logp, mw = measure([m.smiles for m in made], ["logp", "mw"], 1).T
    generated = conditioned(made, logp=logp + 0.5, mw=mw[::-1], potency=mw)
    generated += [Sample(NOTHING, 1000, {"logp": 99.0}), Sample(made[0], 1001, {"kind": "acid"})]
    found = scored(Agreement(memo), EvaluationData(generated, *real))
    assert found["requested/logp/correlation"] == pytest.approx(1)
    assert found["requested/logp/mean_absolute_error"] == pytest.approx(0.5)
    assert found["requested/mw/correlation"] == pytest.approx(np.corrcoef(mw, mw[::-1])[0, 1])
    assert found["requested/mw/mean_absolute_error"] == pytest.approx(np.abs(mw - mw[::-1]).mean())
    assert {name.split("/")[1] for name in found} == {"logp", "mw"}


def test_other_properties_and_one_value_for_all(
    molecules: list[Molecule], real: tuple[list[Molecule], list[Molecule]], memo: Memo
) -> None:
    made = molecules[800:810]
    found = scored(Agreement(memo), EvaluationData(conditioned(made, tpsa=[20.0] * 10), *real))
    tpsa = measure([m.smiles for m in made], ["tpsa"], 1)[:, 0]
    assert set(found) == {"requested/tpsa/mean_absolute_error"}
    assert found["requested/tpsa/mean_absolute_error"] == pytest.approx(np.abs(tpsa - 20).mean())
    assert scored(Agreement(memo), EvaluationData(samples(made), *real)) == {}


# --- Together -----------------------------------------------------------------------------------


def test_every_score_has_a_baseline_except_agreement(
    molecules: list[Molecule],
    real: tuple[list[Molecule], list[Molecule]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    made = [*molecules[800:845], *[NOTHING] * 5]
    logp = np.linspace(0, 4, 50)
    data = EvaluationData(conditioned(made, logp=logp), real[0][:90], real[1][:60])
    scores = evaluate(build_evaluators(SETTINGS), data)
    names = [score.name for score in scores]
    assert len(set(names)) == len(names)
    assert {
        "fcd", "validity/raw", "validity", "unique", "novelty", "filters", "intdiv", "intdiv2",
        "snn", "frag", "scaf", "wasserstein/logp", "wasserstein/qed", "wasserstein/sa",
        "wasserstein/mw", "pains_rate", "brenk_rate", "sa/mean", "long_repeat_rate",
        "nearest_train/tanimoto", "closer_to_train/tanimoto", "copies/tanimoto",
        "requested/logp/correlation", "requested/logp/mean_absolute_error",
    } <= set(names)  # fmt: skip
    assert {s.name for s in scores if s.real_baseline is None} == {
        "requested/logp/correlation",
        "requested/logp/mean_absolute_error",
    }
    assert all(np.isfinite(s.value) and s.extractor_fingerprint for s in scores)
    again = {s.name: s.value for s in evaluate(build_evaluators(SETTINGS)[1:], data)}
    assert again == {s.name: s.value for s in scores if s.extractor != "chemnet"}
    assert capfd.readouterr() == ("", "")  # RDKit is silent


def test_a_generator_of_nothing_is_only_invalid(
    real: tuple[list[Molecule], list[Molecule]],
) -> None:
    train, heldout = real[0][:40], real[1][:20]
    scores = evaluate(
        build_evaluators(SETTINGS), EvaluationData(samples([NOTHING] * 20), train, heldout)
    )
    assert {s.name: s.value for s in scores} == {"scored": 20, "validity/raw": 0, "validity": 0}


def test_too_few_molecules_give_nothing(real: tuple[list[Molecule], list[Molecule]]) -> None:
    some = real[0][:4]
    for evaluator in build_evaluators(SETTINGS):
        if isinstance(evaluator, Evaluator):
            assert scored(evaluator, EvaluationData(samples(some[:1]), some, some)) == {}
            assert scored(evaluator, EvaluationData(samples(some), some, [])) == {}


def test_nothing_is_computed_twice(molecules: list[Molecule]) -> None:
    memo, seen = Memo(1), []

    def watched(smiles: str) -> int | None:
        seen.append(smiles)
        return len(smiles) if smiles else None

    assert memo.of(watched, ["C", "CC", "C", ""]) == [1, 2, 1, None]
    assert memo.of(watched, ["CCC", "C", ""]) == [3, 1, None]
    assert seen == ["C", "CC", "", "CCC"]
    smiles = [m.smiles for m in molecules[:5]]
    for names in (["mw", "logp"], ["logp", "mw"], ["logp"]):
        np.testing.assert_array_equal(memo.properties(smiles, names), measure(smiles, names, 1))
    assert memo.properties([], ["mw"]).shape == (0, 1)


def test_processes_give_the_same(
    molecules: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gankit_molecule.data import parallel

    monkeypatch.setattr(parallel, "MIN_ITEMS", 2)
    monkeypatch.setattr(parallel, "CHUNK", 7)
    smiles = [m.smiles for m in molecules[:20]]
    several, alone = Memo(2).of(describe, smiles), Memo(1).of(describe, smiles)
    for one, other in zip(several, alone, strict=True):
        assert one is not None
        assert other is not None
        assert np.array_equal(one.bits, other.bits)
        assert replace(one, bits=other.bits) == other
    assert Chem.MolFromSmiles(smiles[0]) is not None
