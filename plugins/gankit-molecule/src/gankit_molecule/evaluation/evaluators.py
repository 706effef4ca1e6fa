"""Scores of generated molecules, each with the same score of real ones as its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit.metrics.memorisation import closer_probability
from gankit_molecule.data.molecules import Molecule, in_blocks, smiles_of
from gankit_molecule.evaluation.alerts import Alerts, alerts_of
from gankit_molecule.evaluation.base import (
    COMPARED,
    MAX_SCORED,
    MoleculeEvaluator,
    MoleculeSet,
    Scores,
    sampled,
    valid_smiles,
    without_none,
)
from gankit_molecule.evaluation.chemnet import ChemNetExtractor, FingerprintExtractor
from gankit_molecule.evaluation.fingerprints import fingerprint_of, nearest_similarity
from gankit_molecule.evaluation.memo import Memo
from gankit_molecule.evaluation.moses import (
    cosine,
    internal_diversity,
    longest_repeat,
    neighbour_similarity,
    novelty,
    uniqueness,
    wasserstein,
)
from gankit_molecule.evaluation.requested import Agreement, ObjectiveScores
from gankit_molecule.optimize.objective import Expression, read_objective
from gankit_molecule.quality import MIN_COUNT, Counts, unlike
from gankit_molecule.settings import MoleculeSettings

MAX_NEIGHBOURS = 50_000
"""Training molecules among which nearest neighbours are searched."""
UNIQUE_AT = {"unique@1k": 1000, "unique@10k": 10_000}
MAX_DOUBTED = 500
"""Molecules of each kind whose sizes and diversity are compared for warnings."""
REPEAT_QUANTILE = 0.999
"""Quantile of the training molecules' longest repeats above which a repeat is too long."""

EXTRACTORS = {"chemnet": ChemNetExtractor, "fingerprint": FingerprintExtractor}
"""By the names in ``settings.extractors``."""


def build_evaluators(
    settings: MoleculeSettings,
) -> Sequence[Extractor[Molecule] | Evaluator[Molecule]]:
    """The extractors of the settings, then the evaluators, which share computed values.

    Raises:
        GankitError: an unknown extractor.
    """
    for name in settings.extractors:
        if name not in EXTRACTORS:
            raise GankitError(
                f"extractors={name}: there is none of that name",
                did_you_mean(name, tuple(EXTRACTORS)),
            )
    memo = Memo(settings.workers)
    return (
        *(EXTRACTORS[name]() for name in dict.fromkeys(settings.extractors)),
        Basics(memo),
        Moses(memo),
        Chemistry(memo),
        Neighbours(memo),
        Agreement(memo),
        *_objectives(settings.objective, memo),
    )


def _objectives(text: str, memo: Memo) -> list[Evaluator[Molecule]]:
    """Scores by the expression. A user's function is not run: a run may come from somebody else,
    and name any code."""
    objective = read_objective(text) if text.strip() else None
    return [ObjectiveScores(objective, memo)] if isinstance(objective, Expression) else []


# --- Validity, diversity, novelty ---------------------------------------------------------------


class Basics(MoleculeEvaluator):
    """What MOSES (Polykovskiy et al. 2020) asks first, of molecules without their descriptions:

    - ``validity/raw``: share that is valid at the first decoding; ``validity``: share that is valid
      in the end. All other scores are of valid molecules;
    - ``unique``, ``unique@1k``, ``unique@10k``: share of distinct ones among all, the first 1,000,
      and the first 10,000, where there are so many;
    - ``novelty``: share of the distinct ones that are not in the training data;
    - ``intdiv``, ``intdiv2``: internal diversity at p = 1 and 2.

    The baselines are those of held-out molecules.
    """

    name = "basics"
    headline = ("validity/raw", "unique", "novelty", "intdiv")
    meanings: Mapping[str, str] = {
        "validity/raw": "valid at the first decoding",
        "validity": "valid in the end",
        "unique": "distinct molecules",
        "unique@1k": "distinct among the first 1,000",
        "unique@10k": "distinct among the first 10,000",
        "novelty": "distinct ones that are not in the training data",
        "intdiv": "variety by Tanimoto distance",
        "intdiv2": "variety by Tanimoto distance, p = 2",
    }

    def warnings(self, data: EvaluationData[Molecule]) -> list[str]:
        made = [sample.item for sample in data.generated]
        valid = [molecule.smiles for molecule in made if molecule.valid]
        distinct = list(dict.fromkeys(valid))
        new = len(set(distinct).difference(smiles_of(data.train)))
        doubts = Counts(len(made), len(valid), len(distinct), new).doubts()
        real = valid_smiles(take(data.heldout, range(min(len(data.heldout), MAX_DOUBTED))))
        if len(distinct) >= MIN_COUNT and len(real) >= MIN_COUNT:
            (size, spread), usual = map(self._shape, (distinct[:MAX_DOUBTED], real))
            doubts += unlike((size, usual[0]), (spread, usual[1]))
        return doubts

    def _shape(self, smiles: Sequence[str]) -> tuple[float, float]:
        """Median of the heavy atoms, and internal diversity."""
        bits = np.array(without_none(self.memo.of(fingerprint_of, smiles)), np.uint8)
        atoms = self.memo.properties(smiles, ["atoms"])
        return float(np.nanmedian(atoms)), internal_diversity(bits)

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """The scores; validity alone where no generated molecule is valid."""
        scores: Scores = {}
        sets = {"": [sample.item for sample in sampled(data.generated, MAX_SCORED, rng)]}
        sets["_real"] = sampled(data.heldout, MAX_SCORED, rng)
        texts = {end: valid_smiles(molecules) for end, molecules in sets.items()}
        for end, molecules in sets.items():
            raw = sum(molecule.tries == 1 for molecule in molecules)
            scores[f"validity/raw{end}"] = raw / len(molecules)
            scores[f"validity{end}"] = len(texts[end]) / len(molecules)
        if not all(texts.values()):
            return scores
        known = _occurring(data.train, {text for one in texts.values() for text in one})
        for end, one in texts.items():
            bits = np.array(without_none(self.memo.of(fingerprint_of, one)), np.uint8)
            found = {"unique": uniqueness(one), "novelty": novelty(one, known)}
            found |= {name: uniqueness(one, k) for name, k in UNIQUE_AT.items() if len(one) >= k}
            found |= {"intdiv": internal_diversity(bits), "intdiv2": internal_diversity(bits, 2)}
            scores |= {f"{name}{end}": value for name, value in found.items()}
        return {n: v for n, v in scores.items() if n.removesuffix("_real") in scores}


# --- MOSES --------------------------------------------------------------------------------------


class Moses(MoleculeEvaluator):
    """The other scores of MOSES (Polykovskiy et al. 2020), except FCD, which an extractor gives.

    - ``scored``: molecules that were scored, at most ``MAX_SCORED``, of each kind;
    - ``filters``: share that pass MOSES' filters, see :func:`~.alerts.alerts_of`;
    - ``snn``: mean similarity to the nearest held-out molecule;
    - ``frag``, ``scaf``: cosine of the counts of BRICS fragments, and of scaffolds, with those of
      held-out molecules;
    - ``wasserstein/logp``, ``…/qed``, ``…/sa``, ``…/mw``: distances to held-out molecules.

    The baseline of comparisons with held-out molecules is the score of as many training molecules;
    of ``filters``, that of the held-out ones. Held-out is MOSES' test set.
    """

    name = "moses"
    meanings: Mapping[str, str] = {
        "scored": "molecules that were scored",
        "filters": "share without alerts, by MOSES' filters",
        "snn": "mean similarity to the nearest held-out molecule",
        "frag": "similarity of the counts of fragments",
        "scaf": "similarity of the counts of scaffolds",
        "wasserstein/logp": "distance between the distributions of logP",
        "wasserstein/qed": "distance between the distributions of drug-likeness",
        "wasserstein/sa": "distance between the distributions of synthetic accessibility",
        "wasserstein/mw": "distance between the distributions of molecular weight",
    }

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """The scores; none but the counts where no generated molecule is valid."""
        made, heldout = self.sets(data, rng)
        train = MoleculeSet(self.memo, sampled(data.train, made.count, rng))
        scores: Scores = {"scored": made.count, "scored_real": heldout.count}
        if not len(made) or not len(heldout) or not len(train):
            return scores
        for end, one in (("", made), ("_real", heldout)):
            alerts = without_none(self.memo.of(alerts_of, one.smiles))
            scores[f"filters{end}"] = float(np.mean([found.passes for found in alerts]))
        for end, one in (("", made), ("_real", train)):
            scores |= {f"{name}{end}": value for name, value in _compared(one, heldout).items()}
        return scores


def _compared(one: MoleculeSet, heldout: MoleculeSet) -> Scores:
    scores = {
        "snn": neighbour_similarity(one.bits, heldout.bits),
        "frag": cosine(one.fragments, heldout.fragments),
        "scaf": cosine(one.scaffolds, heldout.scaffolds),
    }
    for name, x, y in zip(COMPARED, one.properties.T, heldout.properties.T, strict=True):
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        if len(x) and len(y):
            scores[f"wasserstein/{name}"] = wasserstein(x, y)
    return scores


def _occurring(molecules: Sequence[Molecule], wanted: set[str]) -> set[str]:
    """The wanted SMILES that occur among the molecules, of which there may be millions."""
    found: set[str] = set()
    for block in in_blocks(molecules):
        found |= wanted.intersection(molecule.smiles for molecule in block)
    return found


# --- Chemistry ----------------------------------------------------------------------------------


class Chemistry(MoleculeEvaluator):
    """Signs of unlikely chemistry among valid molecules; the baselines are those of held-out ones.

    - ``pains_rate``, ``brenk_rate``: share with an alert, see :class:`~.alerts.Alerts`;
    - ``sa/mean``: mean synthetic accessibility (Ertl & Schuffenhauer 2009), 1 (easy) to 10 (hard);
    - ``long_repeat_rate``: share with a repeat (:func:`~.moses.longest_repeat`) longer than the
      99.9 % quantile of the longest ones of at most ``MAX_SCORED`` training molecules, as
      degenerate decoders write.
    """

    name = "chemistry"
    meanings: Mapping[str, str] = {
        "pains_rate": "share that may interfere with assays",
        "brenk_rate": "share with unwanted groups",
        "sa/mean": "mean synthetic accessibility, from 1 (easy) to 10",
        "long_repeat_rate": "share with unusually long repeats, as degenerate decoders write",
    }

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """The scores; none where no generated molecule is valid."""
        made, heldout = self.sets(data, rng)
        train = valid_smiles(sampled(data.train, MAX_SCORED, rng))
        if not train or not len(made) or not len(heldout):
            return {}
        repeats = [longest_repeat(text) for text in train]
        usual = np.quantile(repeats, REPEAT_QUANTILE, method="higher")
        scores: Scores = {}
        for end, one in (("", made), ("_real", heldout)):
            alerts: list[Alerts] = without_none(self.memo.of(alerts_of, one.smiles))
            scores[f"pains_rate{end}"] = float(np.mean([found.pains for found in alerts]))
            scores[f"brenk_rate{end}"] = float(np.mean([found.brenk for found in alerts]))
            scores[f"sa/mean{end}"] = float(np.nanmean(one.properties[:, COMPARED.index("sa")]))
            scores[f"long_repeat_rate{end}"] = float((one.repeats > usual).mean())
        return scores

    def details(
        self, data: EvaluationData[Molecule], rng: np.random.Generator
    ) -> list[dict[str, object]]:
        """The survival funnel: how many molecules pass each stage and those before it.

        Held-out molecules are new by definition, and pass or fail the other stages themselves.
        """
        made, heldout = self.sets(data, rng)
        if not len(made) or not len(heldout):
            return []
        known = _occurring(data.train, set(made.smiles))
        shares = {"": self._survival(made, known), "_real": self._survival(heldout, set())}
        return [
            {
                "stage": stage,
                **{f"share{end}": found[i] for end, found in shares.items()},
                "meaning": meaning,
            }
            for i, (stage, meaning) in enumerate(STAGES.items())
        ]

    def _survival(self, molecules: MoleculeSet, known: set[str]) -> list[float]:
        """The share that passes each of ``STAGES`` and those before."""
        alerts: list[Alerts | None] = self.memo.of(alerts_of, molecules.smiles)
        qed, sa = (molecules.properties[:, COMPARED.index(name)] for name in ("qed", "sa"))
        first = dict[str, int]()
        unique = [first.setdefault(text, i) == i for i, text in enumerate(molecules.smiles)]
        new = [text not in known for text in molecules.smiles]
        plain = [found is not None and found.passes for found in alerts]
        stages = (unique, new, qed >= DRUG_LIKE, plain, sa <= SYNTHESISABLE)
        passed = np.logical_and.accumulate(np.array(stages, dtype=bool), axis=0)
        return [len(molecules) / molecules.count, *(passed.sum(axis=1) / molecules.count).tolist()]


DRUG_LIKE, SYNTHESISABLE = 0.5, 4.5
"""Thresholds of QED (from 0 to 1) and of synthetic accessibility (from 1, easy, to 10)."""
STAGES = {
    "valid": "a molecule that RDKit reads",
    "unique": "not generated before",
    "new": "not in the training data",
    "drug-like": f"QED of at least {DRUG_LIKE}",
    "no alert": "passes MOSES' filters: no medicinal-chemistry alert, PAINS, charge or large ring",
    "synthesisable": f"synthetic accessibility of at most {SYNTHESISABLE}",
}
"""What a generated molecule has to pass, in this order, and what each means."""


# --- Memorisation -------------------------------------------------------------------------------


class Neighbours(MoleculeEvaluator):
    """Memorisation, by the Tanimoto similarity of Morgan fingerprints of generated molecules to the
    nearest of at most ``MAX_NEIGHBOURS`` training molecules; the baseline is that of held-out ones.

    - ``nearest_train/tanimoto``: the mean similarity; the baseline is ideal, 1 is copying;
    - ``closer_to_train/tanimoto``: probability that a generated molecule is more similar to its
      nearest neighbour than a held-out one is to its own, ties counted half: 0.5 is ideal;
    - ``copies/tanimoto``: share at least as similar as the most similar 1 % of held-out ones.
    """

    name = "neighbours"
    meanings: Mapping[str, str] = {
        "nearest_train/tanimoto": "mean similarity to the nearest training molecule",
        "closer_to_train/tanimoto": "how often closer than held-out ones: 0.5 is ideal",
        "copies/tanimoto": "as close as the closest 1 % of held-out ones",
    }

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """The scores; none where no generated molecule is valid."""
        made, heldout = self.sets(data, rng)
        smiles = valid_smiles(sampled(data.train, MAX_NEIGHBOURS, rng))
        train = without_none(self.memo.of(fingerprint_of, smiles))
        if not train or not len(made) or not len(heldout):
            return {}
        bits = np.stack(train)
        near, usual = (nearest_similarity(one.bits, bits) for one in (made, heldout))
        threshold = np.quantile(usual, 0.99, method="higher")
        scores: Scores = {}
        for end, similar in (("", near), ("_real", usual)):
            scores[f"nearest_train/tanimoto{end}"] = float(similar.mean())
            scores[f"closer_to_train/tanimoto{end}"] = closer_probability(-similar, -usual)
            scores[f"copies/tanimoto{end}"] = float((similar >= threshold).mean())
        return scores
