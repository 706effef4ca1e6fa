"""The scores of generated rows: fidelity, utility, detectability, disclosure and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit_tabular.codec.columns import Column
from gankit_tabular.data.rows import Row, sample_table, table_of
from gankit_tabular.evaluation.disclosure import (
    Gower,
    closest_records,
    exact_copies,
    membership_auc,
)
from gankit_tabular.evaluation.fidelity import column_shapes, pair_trends
from gankit_tabular.evaluation.groups import group_scores
from gankit_tabular.evaluation.targets import (
    check_generated,
    check_names,
    check_targets,
    doubtful_targets,
)
from gankit_tabular.evaluation.utility import train_and_test, two_sample_auc
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, typed_as, typed_table

MOST = 20_000
"""Rows of each kind that scores are computed from."""


class TableScores(Evaluator[Row]):
    """Common scores of tables, each with the baseline of held-out real rows.

    - ``column_shapes``: mean over columns of 1 - KS statistic (numbers) or 1 - total variation.
    - ``pair_trends``: mean over pairs of columns of 1 - half the difference of correlations, or
      1 - total variation of the contingency table.
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
      row were trained on (0.5: learns nothing).
    - for every column in ``groups``, :func:`gankit_tabular.evaluation.groups.group_scores`.

    Args:
        target: the column to predict; if empty, the last one that is no identifier.
        groups: columns whose groups of people are compared.
        formats: of the columns, as the run's codec found them; by default those of the training
            rows.
    """

    name = "table"

    def __init__(
        self,
        target: str = "",
        groups: Sequence[str] = (),
        formats: Mapping[str, Format] | None = None,
        columns: Sequence[Column] = (),
    ) -> None:
        self.target, self.groups, self.formats = target, groups, formats
        self.columns = columns
        """Of the run's codec, if there is one; its identifiers are made up, and not compared."""

    def warnings(self, data: EvaluationData[Row]) -> Sequence[str]:
        return doubtful_targets(self.columns, self.target)

    def evaluate(self, data: EvaluationData[Row], rng: np.random.Generator) -> dict[str, float]:
        train, heldout = (sample_table(rows, MOST, rng) for rows in (data.train, data.heldout))
        formats = column_formats(train, {}) if self.formats is None else self.formats
        check_generated(train.schema.names, [s.item for s in data.generated[:MOST]])
        fake = table_of([s.item for s in data.generated[:MOST]], train.schema)
        train = typed_table(train, formats)
        schema = train.schema
        heldout, fake = (typed_as(table, schema, formats) for table in (heldout, fake))
        check_names(schema.names, self.target, self.groups)
        if self.columns:
            check_targets(self.columns, self.target, self.groups)
        keys = {c.name for c in self.columns if c.kind == "identifier"}
        values = [n for n in schema.names if n not in keys]
        target = self.target or (values or schema.names)[-1]
        kept = [n for n in schema.names if n in {target, *self.groups, *values}]
        train, heldout, fake = (table.select(kept) for table in (train, heldout, fake))
        gower = Gower([train, heldout])
        scores: dict[str, float] = {}
        for suffix, table in (("", fake), ("_real", heldout)):
            found = {
                "column_shapes": column_shapes(train, table),
                "pair_trends": pair_trends(train, table),
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
