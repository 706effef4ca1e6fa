"""The scores of generated rows: utility, detectability, disclosure and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit.contract.subsets import take
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.data.rows import Row
from gankit_tabular.evaluation.disclosure import (
    Gower,
    closest_records,
    exact_copies,
    membership_auc,
)
from gankit_tabular.evaluation.groups import group_scores
from gankit_tabular.evaluation.scored import compared
from gankit_tabular.evaluation.targets import check_names, check_targets, doubtful_targets
from gankit_tabular.evaluation.utility import train_and_test, two_sample_auc


class TableScores(Evaluator[Row]):
    """Common scores of tables, each with the baseline of held-out real rows.

    - ``tstr_auc``, or ``tstr_r2`` for a target that is a number of many values: gradient boosting
      trained on generated rows and tested on held-out ones, predicting the target; the baseline is
      trained on real rows. For more than two classes, the mean of one against the rest.
    - ``two_sample_auc``: how well gradient boosting distinguishes the rows from training rows (0.5:
      not at all).
    - ``exact_copies``: share of generated rows that are training rows.
    - ``dcr_median``, ``dcr_p5``: distance to the closest training record. A large distance proves
      nothing (Yao et al. 2025, arXiv 2505.01524); the next two scores say more.
    - ``authenticity``: share of generated rows that are farther from their closest record than this
      is from another one.
    - ``membership_auc``: an attacker knows some rows, and guesses that those closest to a generated
      row were trained on (0.5: learns nothing). ``white_box_membership_auc``, of a model with a
      likelihood, is the core's.
    - for every column in ``groups``, :func:`gankit_tabular.evaluation.groups.group_scores`.

    Identifiers, keys and constants are left out of all of them.

    Args:
        target: the column to predict; if empty, the last one that is scored.
        groups: columns whose groups of people are compared.
        codec: the run's, which knows what the columns are; inferred from the training rows without.
        kinds: of columns, that the user has set.
    """

    name = "table"
    lower_is_better: Mapping[str, bool] = {
        "two_sample_auc": True,
        "tstr_auc": False,
        "tstr_r2": False,
        "exact_copies": True,
        "membership_auc": True,
    }
    meanings: Mapping[str, str] = {
        "two_sample_auc": "a classifier that tells generated rows from real ones",
        "tstr_auc": "a model trained on generated rows, tested on real ones",
        "tstr_r2": "a model trained on generated rows, tested on real ones",
        "exact_copies": "exact copies of training rows",
        "membership_auc": "from the distance to generated rows",
        "dcr_median": "median distance to the closest training row",
        "dcr_p5": "distance to the closest training row, 5 % quantile",
        "authenticity": "rows farther from their closest training row than that is from another",
    }

    def __init__(
        self,
        target: str = "",
        groups: Sequence[str] = (),
        codec: TableCodec | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.target, self.groups, self.codec, self.kinds = target, groups, codec, kinds or {}

    def warnings(self, data: EvaluationData[Row]) -> Sequence[str]:
        return [] if self.codec is None else doubtful_targets(self.codec.columns, self.target)

    def evaluate(self, data: EvaluationData[Row], rng: np.random.Generator) -> dict[str, float]:
        first = take(data.train, [0])[0]
        check_names(list(first), self.target, self.groups)
        if self.codec is not None:
            check_targets(self.codec.columns, self.target, self.groups)
        of = compared(data, rng, self.codec, self.kinds, [self.target, *self.groups])
        train, heldout, fake = of.train, of.heldout, of.generated
        target = self.target or (of.columns.names or of.columns.schema.names)[-1]
        gower = Gower([train, heldout])
        scores: dict[str, float] = {}
        for suffix, table in (("", fake), ("_real", heldout)):
            found = {
                "two_sample_auc": two_sample_auc(train, table, rng),
                "exact_copies": exact_copies(train, table),
                **closest_records(gower, train, table, rng),
            }
            tested = train_and_test(train if suffix else table, heldout, target)
            found |= {f"tstr_{name}": value for name, value in tested.items()}
            scores |= {name + suffix: value for name, value in found.items()}
        scores["membership_auc"] = membership_auc(gower, train, heldout, fake, rng)
        scores |= group_scores(train, heldout, fake, self.groups, target)
        finite = {name for name, value in scores.items() if np.isfinite(value)}
        return {n: scores[n] for n in scores if {n, n.removesuffix("_real")} <= finite}
