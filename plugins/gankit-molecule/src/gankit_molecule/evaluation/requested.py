"""Whether molecules have what was requested: properties, or a high objective."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from gankit.contract import EvaluationData
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.evaluation.base import (
    COMPARED,
    MAX_SCORED,
    MoleculeEvaluator,
    Scores,
    Values,
    sampled,
    valid_smiles,
    versioned,
)
from gankit_molecule.evaluation.memo import Memo
from gankit_molecule.optimize.objective import Expression

TOP = 100
"""Molecules in the mean of the best."""


class Agreement(MoleculeEvaluator):
    """Agreement of computed properties with the conditions on them.

    - ``asked/<property>/correlation``: Pearson's, of requested and computed values, where the
      requested ones differ;
    - ``asked/<property>/mean_absolute_error``: in the property's unit.

    They have no real-data baseline: nothing is requested of real molecules.
    """

    name = "asked"

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """Empty where no such property was requested."""
        samples = [s for s in sampled(data.generated, MAX_SCORED, rng) if s.item.valid]
        requested = {name for sample in samples for name in sample.condition} & set(PROPERTIES)
        if not requested:
            return {}
        # Those of COMPARED have been computed already.
        names = COMPARED if requested <= {*COMPARED} else sorted(requested)
        table = self.memo.properties([sample.item.smiles for sample in samples], names)
        scores: Scores = {}
        for name, computed in zip(names, table.T, strict=True):
            wanted = np.array([_number(sample.condition.get(name)) for sample in samples])
            both = np.isfinite(wanted) & np.isfinite(computed)
            if both.any():
                scores |= _agreement(name, wanted[both], computed[both])
        return scores


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _agreement(name: str, wanted: Values, computed: Values) -> Iterator[tuple[str, float]]:
    yield f"asked/{name}/mean_absolute_error", float(np.abs(computed - wanted).mean())
    if len(wanted) > 1 and np.ptp(wanted) > 0 and np.ptp(computed) > 0:
        yield f"asked/{name}/correlation", float(np.corrcoef(wanted, computed)[0, 1])


class ObjectiveScores(MoleculeEvaluator):
    """Scores by the expression that a run optimised; the baselines are those of held-out molecules.

    - ``objective/mean``, ``objective/median``, ``objective/top_100``: of those that have a value;
      the last is the mean of the hundred best distinct ones;
    - ``objective/mean_train``: the mean of as many training molecules.
    """

    name = "objective"

    def __init__(self, expression: Expression, memo: Memo | None = None) -> None:
        super().__init__(memo)
        self.expression = expression
        self.fingerprint = f"{versioned(1)} {expression.text}"

    def scores(self, data: EvaluationData[Molecule], rng: np.random.Generator) -> Scores:
        """Empty where no molecule has a value."""
        made = valid_smiles([sample.item for sample in sampled(data.generated, MAX_SCORED, rng)])
        sets = {
            "": made,
            "_real": valid_smiles(sampled(data.heldout, MAX_SCORED, rng)),
            "_train": valid_smiles(sampled(data.train, MAX_SCORED, rng)),
        }
        scores: Scores = {}
        for end, smiles in sets.items():
            values = self._values(smiles)
            best = np.sort(self._values(list(dict.fromkeys(smiles))))[::-1][:TOP]
            if not len(values):
                return {}
            scores[f"objective/mean{end}"] = float(values.mean())
            if end != "_train":
                scores[f"objective/median{end}"] = float(np.median(values))
                scores[f"objective/top_{TOP}{end}"] = float(best.mean())
        return scores

    def _values(self, smiles: Sequence[str]) -> Values:
        names = self.expression.names
        table = self.memo.properties(smiles, names)
        values = self.expression.of(dict(zip(names, table.T, strict=True)))
        return values[np.isfinite(values)]
