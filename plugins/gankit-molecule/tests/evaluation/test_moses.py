"""MOSES' scores against closed forms, numbers recorded from molsets, and molsets itself."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator
from scipy.stats import wasserstein_distance

from gankit_molecule.data.properties import measure
from gankit_molecule.evaluation import fingerprints, moses
from gankit_molecule.evaluation.alerts import alerts_of, medicinal_chemistry_filters
from gankit_molecule.evaluation.fingerprints import (
    fingerprint_of,
    mean_power,
    nearest_similarity,
    unpacked,
)

GENERATED = [
    "Oc1ccccc1-c1cccc2cnccc12",
    "Cc1noc(C)c1CN(C)C(=O)Nc1cc(F)cc(F)c1",
    "Cc1nc(NCc2ccccc2)no1-c1ccccc1",
    "c1ccc2c(",
    "COc1ccc(CC(=O)Nc2cccc(OC)c2)cc1",
    "O=C(Nc1ccccc1)c1ccc2ccccc2c1",
    "CC(C)Cc1ccc(C(C)C(=O)NCc2ccccn2)cc1",
    "Oc1ccccc1-c1cccc2cnccc12",
    "O=C1NC(=S)SC1=Cc1ccccc1",
    "C1CCCCCCC1",
    "CC(=O)C=Cc1ccc(N(C)C)cc1",
    "CNC",
    "CCN1CCN(C(=O)c2ccc(Cl)s2)CC1",
    "C[N+](C)(C)CCO",
    "N#CC(=Cc1ccccc1)C(N)=O",
]
HELDOUT = [
    "Oc1ccccc1-c1cccc2cnccc12",
    "COc1cccc(NC(=O)Cc2coc3ccc(OC)cc23)c1",
    "Cc1cc(NC(=O)c2ccc3ccccc3c2)no1",
    "CCN1CCN(C(=O)c2ccc(Br)s2)CC1",
    "CC(C)c1ccc(CC(=O)NCc2ccccn2)cc1",
    "COc1ccc(S(=O)(=O)N2CCCC2)cc1",
]
TRAIN = [
    "CNC",
    "CCO",
    "COc1ccc(CC(=O)Nc2cccc(OC)c2)cc1",
]

RECORDED = {
    "valid": 0.8666666666666667,
    "unique@5": 1.0,
    "unique": 0.9230769230769231,
    "novelty": 0.8333333333333334,
    "intdiv": 0.8279453861642871,
    "intdiv2": 0.6852223394729107,
    "snn": 0.4144650468459496,
    "frag": 0.705947483379702,
    "scaf": 0.5163977794943222,
    "filters": 0.5384615384615384,
    "wasserstein/logp": 0.5640197435897442,
    "wasserstein/qed": 0.13371687315437747,
    "wasserstein/sa": 0.3011446911021475,
    "wasserstein/mw": 61.99948717948721,
}
"""What molsets 0.3.1 says of these, by RDKit 2026.09."""


def scores(generated: list[str], heldout: list[str], train: list[str]) -> dict[str, float]:
    """As molsets names them here."""
    made = {text: found for text in generated if (found := moses.describe(text)) is not None}
    smiles = [Chem.CanonSmiles(text) for text in generated if text in made]
    described = [made[text] for text in generated if text in made]
    real = [moses.describe(text) for text in heldout]
    assert None not in real
    bits, others = (np.stack([d.bits for d in group if d]) for group in (described, real))
    alerts = [alerts_of(text) for text in smiles]
    compared = ("logp", "qed", "sa", "mw")
    ours, theirs = (measure(x, compared, 1).T for x in (smiles, heldout))
    return {
        "valid": len(smiles) / len(generated),
        "unique@5": moses.uniqueness(smiles, 5),
        "unique": moses.uniqueness(smiles),
        "novelty": moses.novelty(smiles, set(train)),
        "intdiv": moses.internal_diversity(bits),
        "intdiv2": moses.internal_diversity(bits, 2),
        "snn": moses.neighbour_similarity(bits, others),
        "frag": moses.cosine(
            moses.counted(d.fragments for d in described),
            moses.counted(d.fragments for d in real if d),
        ),
        "scaf": moses.cosine(
            moses.counted([d.scaffold] for d in described),
            moses.counted([d.scaffold] for d in real if d),
        ),
        "filters": float(np.mean([a.passes for a in alerts if a])),
        **{
            f"wasserstein/{name}": moses.wasserstein(x, y)
            for name, x, y in zip(compared, ours, theirs, strict=True)
        },
    }


def test_agrees_with_the_numbers_recorded_from_molsets() -> None:
    found = scores(GENERATED, HELDOUT, TRAIN)
    assert found == pytest.approx(RECORDED, rel=1e-5)
    assert list(found) == list(RECORDED)


def test_agrees_with_molsets_own_expectations() -> None:
    """The numbers that its own tests have, for its own sets; but for those of synthetic
    accessibility, which molsets does not reach with today's RDKit either."""
    made = [
        "CNC", "Oc1ccccc1-c1cccc2cnccc12", "INVALID", "CCCP",
        "Cc1noc(C)c1CN(C)C(=O)Nc1cc(F)cc(F)c1", "Cc1nc(NCc2ccccc2)no1-c1ccccc1",
    ]  # fmt: skip
    found = scores(made, HELDOUT[:2], TRAIN)
    assert found["valid"] == pytest.approx(2 / 3)  # the last one has an oxygen of four bonds
    theirs = {"snn": 0.3152585653588176, "frag": 0.3, "scaf": 0.5}
    theirs |= {"intdiv": 0.7189187309761661, "wasserstein/logp": 1.63229}
    theirs |= {"wasserstein/qed": 0.20370891752648637, "wasserstein/mw": 106.87}
    theirs |= {"filters": 0.75}
    assert {name: found[name] for name in theirs} == pytest.approx(theirs, rel=1e-4)


# --- Fingerprints -------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [2, 4096])
def test_similarities_are_rdkits(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "BLOCK_SIZE", block)
    one, other = [text for text in GENERATED if moses.describe(text)], HELDOUT
    bits = [np.stack([fingerprint_of(text) for text in group]) for group in (one, other)]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    theirs = [[generator.GetFingerprint(Chem.MolFromSmiles(t)) for t in g] for g in (one, other)]
    table = np.array([DataStructs.BulkTanimotoSimilarity(f, theirs[1]) for f in theirs[0]])
    assert nearest_similarity(*bits) == pytest.approx(table.max(1), abs=1e-6)
    among = np.array([DataStructs.BulkTanimotoSimilarity(f, theirs[0]) for f in theirs[0]])
    for power in (1, 2):
        assert mean_power(bits[0], power) == pytest.approx((among**power).mean(1), abs=1e-6)
    assert (unpacked(bits[0]).sum(1) == [f.GetNumOnBits() for f in theirs[0]]).all()


def test_fingerprints_without_bits_are_alike() -> None:
    none = np.zeros((2, 128), np.uint8)
    assert nearest_similarity(none, none).tolist() == [1, 1]
    assert moses.internal_diversity(none) == 0


def test_internal_diversity_in_closed_form() -> None:
    """Half of the molecules are one, half another, and these share a third of their bits."""
    a, b = np.zeros((2, 1024), np.uint8)
    a[:2], b[1:3] = 1, 1
    bits = np.packbits(np.stack([a, b] * 5), axis=1)
    assert moses.internal_diversity(bits) == pytest.approx(1 - (1 + 1 / 3) / 2)
    assert moses.internal_diversity(bits, 2) == pytest.approx(1 - np.sqrt((1 + 1 / 9) / 2))
    assert moses.neighbour_similarity(bits[:1], bits[1:2]) == pytest.approx(1 / 3)


# --- Sets ---------------------------------------------------------------------------------------


def test_uniqueness_and_novelty() -> None:
    smiles = ["A", "B", "A", "C"]
    assert moses.uniqueness(smiles) == 3 / 4
    assert moses.uniqueness(smiles, 2) == 1
    assert moses.novelty(smiles, {"A", "Z"}) == 2 / 3  # of the different ones
    assert moses.novelty(smiles, set()) == 1


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=1)


@given(counts, counts, st.integers(1, 1000))
def test_cosine_is_of_directions(a: dict[str, int], b: dict[str, int], times: int) -> None:
    found = moses.cosine(a, b)
    assert -1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(moses.cosine(b, a))
    assert found == pytest.approx(moses.cosine({k: times * n for k, n in a.items()}, b))
    assert moses.cosine(a, a) == pytest.approx(1)
    assert (found == 0) == (not set(a) & set(b))


def test_cosine_of_nothing_is_none() -> None:
    assert np.isnan(moses.cosine({}, {"a": 1}))
    assert moses.cosine({"a": 3, "b": 4}, {"b": 1}) == pytest.approx(0.8)


numbers = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


@given(numbers, numbers, st.floats(-100, 100))
def test_wasserstein_is_scipys(a: list[float], b: list[float], shift: float) -> None:
    x, y = np.array(a), np.array(b)
    assert moses.wasserstein(x, y) == pytest.approx(wasserstein_distance(x, y), abs=1e-9)
    assert moses.wasserstein(x, x + shift) == pytest.approx(abs(shift), abs=1e-6)


def test_counts_leave_out_what_is_empty() -> None:
    assert moses.counted([["a", "b"], ["a"], [""], []]) == Counter(a=2, b=1)


# --- One molecule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smiles", "core"),
    [
        ("CCc1ccccc1", ""),  # of one ring
        ("Cc1ccc(CNc2ccccn2)cc1", "c1ccc(CNc2ccccn2)cc1"),
        ("CCCC", ""),
        ("Cc1cccc2ccccc12", "c1ccc2ccccc2c1"),
    ],
)
def test_scaffolds(smiles: str, core: str) -> None:
    found = moses.describe(smiles)
    assert found is not None
    assert found.scaffold == core


def test_fragments_are_what_brics_cuts() -> None:
    found = moses.describe("CCC(=O)NCc1ccccc1")
    assert found is not None
    assert len(found.fragments) > 1
    bare = [text.replace("[1*]", "").replace("()", "") for text in found.fragments]
    assert any("c1ccccc1" in text for text in bare)
    assert all(Chem.MolFromSmiles(text) is not None for text in found.fragments)
    whole = moses.describe("c1ccccc1")
    assert whole is not None
    assert whole.fragments == ("c1ccccc1",)


@pytest.mark.parametrize(
    ("smiles", "length"),
    [
        ("", 0),
        ("CC", 0),
        ("CCC", 3),
        ("CCCCCCCC", 8),
        ("OCCCCCCCCN", 8),
        ("C1CC1C1CC1C1CC1", 15),
        ("ClClCl", 3),  # one token each
        ("[N+][N+][N+]", 3),
        ("CCOCCOCCOC", 10),  # a stretch may end amid its unit
        ("NCOCO", 0),  # twice is no repeat
    ],
)
def test_longest_repeats(smiles: str, length: int) -> None:
    assert moses.longest_repeat(smiles) == length


@given(st.text("CNO=", min_size=1, max_size=8), st.integers(3, 9), st.text("F", max_size=3))
def test_a_repeat_is_found_wherever_it_stands(unit: str, times: int, end: str) -> None:
    assert moses.longest_repeat(end + unit * times + end) >= len(unit) * times
    assert moses.longest_repeat(unit) <= len(unit)


@pytest.mark.parametrize("smiles", ["", "c1ccc2c(", "INVALID", "C(C)(C)(C)(C)C"])
def test_what_is_no_molecule_has_no_description(
    smiles: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert moses.describe(smiles) is None
    assert alerts_of(smiles) is None
    assert fingerprint_of(smiles) is None
    assert capfd.readouterr() == ("", "")  # RDKit keeps to itself


@pytest.mark.parametrize(
    ("smiles", "passes", "pains", "brenk"),
    [
        ("Cc1nc(NCc2ccccc2)no1", True, False, False),
        ("C1CCCCCCC1", False, False, False),  # a ring of eight
        ("C[N+](C)(C)Cc1ccccc1", False, False, None),  # a charge
        ("CCCP", False, False, None),  # phosphorus
        ("CCCBr", False, False, None),  # a pattern that names hydrogens
        ("O=C1NC(=S)SC1=Cc1ccccc1", False, True, True),  # a rhodanine
        ("CCOC1CO1", False, False, True),  # an epoxide
    ],
)
def test_alerts(smiles: str, passes: bool, pains: bool, brenk: bool | None) -> None:
    found = alerts_of(smiles)
    assert found is not None
    assert (found.passes, found.pains) == (passes, pains)
    assert brenk is None or found.brenk == brenk


def test_the_filters_are_all_there() -> None:
    assert len(medicinal_chemistry_filters()) == 22
    assert all(pattern.GetNumAtoms() > 1 for pattern in medicinal_chemistry_filters())


# --- molsets itself -----------------------------------------------------------------------------


@pytest.fixture
def molsets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """molsets, installed without what it depends on, and mended for today's Python and RDKit."""
    if importlib.util.find_spec("moses") is None or importlib.util.find_spec("fcd_torch") is None:
        pytest.skip("needs molsets and fcd_torch: pip install --no-deps molsets fcd_torch")
    import pandas as pd

    def empty(name: str, **values: Any) -> None:
        module = types.ModuleType(name)
        module.__dict__.update(values)
        monkeypatch.setitem(sys.modules, name, module)

    absent = [n for n in ("matplotlib", "tqdm") if importlib.util.find_spec(n) is None]
    empty("rdkit.six", iteritems=lambda d: iter(d.items()))
    empty("rdkit.six.moves", cPickle=__import__("pickle"))  # its scorer reads RDKit's own file
    for name in absent:
        empty(name, pyplot=None, tqdm=None)
        empty(f"{name}.pyplot")
    joined: Callable[..., Any] = lambda self, other, sort=False: pd.concat([self, other], sort=sort)  # noqa: E731
    monkeypatch.setattr(pd.DataFrame, "append", joined, raising=False)
    with rdBase.BlockLogs():
        from moses.metrics import metrics

        yield metrics


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_molsets_on_its_reference_set(molsets: Any, shared_data: Path) -> None:
    with gzip.open(shared_data / "moses" / "test.csv.gz", "rt") as file:
        heldout = [row["SMILES"] for row in csv.DictReader(file)][:1000]
    with gzip.open(shared_data / "moses" / "train.csv.gz", "rt") as file:
        made = [next(file).split(",")[0].strip() for _ in range(1001)][1:]
    made += ["CCCCCCCCCCP", "not one", made[0], *GENERATED]
    found = scores(made, heldout, made[:500])
    kept = molsets.remove_invalid(made)
    mols, real = ([molsets.get_mol(text) for text in group] for group in (kept, heldout))
    theirs = {
        "valid": molsets.fraction_valid(made),
        "unique@5": molsets.fraction_unique(kept, 5),
        "unique": molsets.fraction_unique(kept),
        "novelty": molsets.novelty(mols, made[:500]),
        "intdiv": molsets.internal_diversity(mols),
        "intdiv2": molsets.internal_diversity(mols, p=2),
        "snn": molsets.SNNMetric()(ref=real, gen=mols),
        "frag": molsets.FragMetric()(ref=real, gen=mols),
        "scaf": molsets.ScafMetric()(ref=real, gen=mols),
        "filters": molsets.fraction_passes_filters(mols),
        "wasserstein/logp": molsets.WassersteinMetric(molsets.logP)(ref=real, gen=mols),
        "wasserstein/qed": molsets.WassersteinMetric(molsets.QED)(ref=real, gen=mols),
        "wasserstein/sa": molsets.WassersteinMetric(molsets.SA)(ref=real, gen=mols),
        "wasserstein/mw": molsets.WassersteinMetric(molsets.weight)(ref=real, gen=mols),
    }
    assert found == pytest.approx(theirs, rel=1e-5)
