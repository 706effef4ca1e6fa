"""Scores of generated materials, each with the same score of real ones as its baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import Codec, EvaluationData, Evaluator, Extractor
from gankit_material.data.elements import ELEMENTS
from gankit_material.data.items import Material
from gankit_material.evaluation.features import CompositionExtractor, Floats, amounts
from gankit_material.evaluation.properties import PropertyAgreement
from gankit_material.evaluation.validity import is_valid, smact_version, verdict
from gankit_material.settings import MaterialSettings

MIN_COUNT = 50
"""Materials of which poor results are warned."""
LOW_VALIDITY, LOW_NOVELTY, LOW_UNIQUENESS = 0.5, 0.5, 0.8
Scores = dict[str, float]


def build_evaluators(
    codec: Codec[Material] | None, settings: MaterialSettings
) -> Sequence[Extractor[Material] | Evaluator[Material]]:
    """Extractors and evaluators, the default ones first."""
    found: list[Extractor[Material] | Evaluator[Material]] = [
        CompositionExtractor(),
        Validity(),
        Distribution(),
        PropertyAgreement(settings),
    ]
    if settings.structures or settings.relax or codec is None:  # files may have cells
        from gankit_material.evaluation.structures import Structures

        found.append(Structures())
    if settings.hull:
        from gankit_material.evaluation.hull import HullEnergy

        found.append(HullEnergy(settings.hull))
    return found


class Validity(Evaluator[Material]):
    """The funnel of generated compositions:

    - ``validity``: share that is valid by SMACT's rule with its defaults, where elements and alloys
      are valid without a balance of charges;
    - ``alloys``: share of all that are alloys or elements, which the rule does not test;
    - ``balanced``: share of the others that are balanced;
    - ``unique``: share of distinct reduced formulas;
    - ``novelty``: share of distinct formulas that are not in the training data;
    - ``valid_unique_new``: share that is all three.

    The baselines are those of held-out materials, of which ``novelty`` and ``valid_unique_new``
    count whether their formulas are in the training data too.
    """

    name = "validity"
    headline = ("validity", "unique", "novelty", "valid_unique_new")
    lower_is_better: Mapping[str, bool] = {
        "validity": False,
        "balanced": False,
        "unique": False,
        "novelty": False,
        "valid_unique_new": False,
    }
    meanings: Mapping[str, str] = {
        "validity": "valid by SMACT's rule, alloys included",
        "alloys": "elements and alloys, which the rule does not test",
        "balanced": "charges balance, of what is no alloy",
        "unique": "distinct formulas",
        "novelty": "distinct formulas that are not in the training data",
        "valid_unique_new": "valid, distinct and not in the training data",
    }

    def __init__(self) -> None:
        self.fingerprint = f"1 {smact_version()}"

    def evaluate(self, data: EvaluationData[Material], rng: np.random.Generator) -> Scores:
        made = [sample.item for sample in data.generated]
        if not made:
            return {}
        known = {item.formula for item in data.train}
        scores = _funnel(made, known)
        if len(data.heldout):
            scores |= {f"{k}_real": v for k, v in _funnel(list(data.heldout), known).items()}
        return {name: v for name, v in scores.items() if name.removesuffix("_real") in scores}

    def details(
        self, data: EvaluationData[Material], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """The survival funnel: how many materials pass each stage and those before it."""
        made = [sample.item for sample in data.generated]
        if not made or not len(data.heldout):
            return []
        known = {item.formula for item in data.train}
        shares, real = _survival(made, known), _survival(list(data.heldout), known)
        return [
            {"stage": stage, "share": shares[stage], "share_real": real[stage], "meaning": meaning}
            for stage, meaning in STAGES.items()
        ]

    def warnings(self, data: EvaluationData[Material]) -> list[str]:
        made = [sample.item for sample in data.generated]
        if len(made) < MIN_COUNT:
            return []
        found, scores = [], _funnel(made, {item.formula for item in data.train})
        real = _funnel(list(data.heldout), set()) if len(data.heldout) >= MIN_COUNT else {}
        usual = real.get("validity", 1.0)
        if scores["validity"] < LOW_VALIDITY * usual:
            found.append(
                f"only {scores['validity']:.0%} of the formulas are valid, against {usual:.0%} of "
                "real ones: train longer"
            )
        if scores["unique"] < LOW_UNIQUENESS:
            found.append(
                f"{1 - scores['unique']:.0%} of the formulas are repeats: raise truncation to 1, "
                "or train less"
            )
        if scores.get("novelty", 1.0) < LOW_NOVELTY:
            found.append(
                f"only {scores['novelty']:.0%} of the distinct formulas are new: train less, or on "
                "more data"
            )
        return found


STAGES = {
    "valid": "SMACT's rule: charges and electronegativities balance, or all elements are metals",
    "unique": "not generated before",
    "new": "the reduced formula is not in the training data",
    "balanced": "charges and electronegativities balance: no alloy and no element",
}
"""What a generated material has to pass, in this order, and what each means."""


def _funnel(materials: Sequence[Material], known: set[str]) -> Scores:
    n = len(materials)
    verdicts = Counter(map(verdict, materials))
    alloys = verdicts["alloy"] + verdicts["element"]
    distinct = {material.formula: material for material in materials}
    new = [material for formula, material in distinct.items() if formula not in known]
    scores = {
        "validity": 1 - verdicts["unbalanced"] / n,
        "alloys": alloys / n,
        "unique": len(distinct) / n,
        "novelty": len(new) / len(distinct),
        "valid_unique_new": sum(map(is_valid, new)) / n,
    }
    if n > alloys:
        scores["balanced"] = verdicts["balanced"] / (n - alloys)
    return scores


def _survival(materials: Sequence[Material], known: set[str]) -> dict[str, float]:
    """The share that passes each of ``STAGES`` and those before."""
    n = len(materials)
    valid = [material for material in materials if is_valid(material)]
    unique = list({material.formula: material for material in valid}.values())
    new = [material for material in unique if material.formula not in known]
    balanced = [material for material in new if verdict(material) == "balanced"]
    counts = map(len, (valid, unique, new, balanced))
    return dict(zip(STAGES, (count / n for count in counts), strict=True))


class Distribution(Evaluator[Material]):
    """How the distribution of compositions differs from that of held-out materials:

    - ``wasserstein/elements``, ``wasserstein/atoms``: distances of the numbers of elements, and of
      atoms in the reduced formula;
    - ``element_overlap``: 1 minus the total variation distance of the shares of formulas that have
      each element;
    - ``anonymous_overlap``: the same of anonymous formulas, such as ABC3.

    The baselines are those of as many training materials.
    """

    name = "distribution"
    lower_is_better: Mapping[str, bool] = {
        "wasserstein/elements": True,
        "wasserstein/atoms": True,
        "element_overlap": False,
        "anonymous_overlap": False,
    }
    meanings: Mapping[str, str] = {
        "wasserstein/elements": "distance between the numbers of elements",
        "wasserstein/atoms": "distance between the numbers of atoms",
        "element_overlap": "similarity of how often each element occurs",
        "anonymous_overlap": "similarity of how often each anonymous formula occurs",
    }

    def evaluate(self, data: EvaluationData[Material], rng: np.random.Generator) -> Scores:
        made = [sample.item for sample in data.generated]
        heldout = list(data.heldout)
        if min(len(made), len(heldout), len(data.train)) < 2:
            return {}
        chosen = rng.choice(len(data.train), min(len(made), len(data.train)), replace=False)
        train = [data.train[int(i)] for i in np.sort(chosen)]
        scores: Scores = {}
        for end, one in (("", made), ("_real", train)):
            scores |= {f"{name}{end}": v for name, v in _compared(one, heldout).items()}
        return scores

    def details(
        self, data: EvaluationData[Material], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """Elements by how much more or less often they occur than in held-out materials."""
        made = [sample.item for sample in data.generated]
        heldout = list(data.heldout)
        if min(len(made), len(heldout)) < 2:
            return []
        share, real = ((amounts(one) > 0).mean(0) for one in (made, heldout))
        order = np.argsort(-np.abs(share - real), kind="stable")[:20]
        return [
            {"element": ELEMENTS[i], "generated": float(share[i]), "heldout": float(real[i])}
            for i in order
            if share[i] or real[i]
        ]


def _compared(one: Sequence[Material], other: Sequence[Material]) -> Scores:
    from scipy.stats import wasserstein_distance

    a, b = amounts(one), amounts(other)
    numbers = {"elements": ((a > 0).sum(1), (b > 0).sum(1)), "atoms": (a.sum(1), b.sum(1))}
    scores = {
        f"wasserstein/{name}": float(wasserstein_distance(x, y)) for name, (x, y) in numbers.items()
    }
    shares = [(x > 0).mean(0) for x in (a, b)]
    scores["element_overlap"] = _overlap(*(x / max(x.sum(), 1e-12) for x in shares))
    kinds = [Counter(material.anonymous for material in some) for some in (one, other)]
    names = sorted(kinds[0].keys() | kinds[1].keys())
    counted = [np.array([k[n] for n in names], np.float64) for k in kinds]
    scores["anonymous_overlap"] = _overlap(*(x / x.sum() for x in counted))
    return scores


def _overlap(a: Floats, b: Floats) -> float:
    return float(1 - np.abs(a - b).sum() / 2)
