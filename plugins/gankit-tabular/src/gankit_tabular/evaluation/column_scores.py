"""Scores of columns and of pairs of columns, and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.data.rows import Row
from gankit_tabular.evaluation.fidelity import (
    column_shapes,
    column_similarities,
    mean_similarity,
    pair_similarities,
    pair_trends,
)
from gankit_tabular.evaluation.scored import compared, shown_kind


class ColumnScores(Evaluator[Row]):
    """How similar columns and pairs of columns are to real ones; 1 is best.

    - ``column_shapes``: mean over columns of 1 - KS statistic (numbers, dates) or 1 - total
      variation (categories).
    - ``pair_trends``: mean over pairs of columns of 1 - half the difference of correlations, or
      1 - total variation of the contingency table.
    - ``fidelity``: the mean of both.

    Args:
        codec: the run's, which knows what the columns are; inferred from the training rows without.
        kinds: of columns, that the user has set.
    """

    name = "columns"
    headline = ("fidelity",)
    lower_is_better = dict.fromkeys(("fidelity", "column_shapes", "pair_trends"), False)
    meanings: Mapping[str, str] = {
        "fidelity": "columns and their relations",
        "column_shapes": "distributions of columns",
        "pair_trends": "relations between columns",
    }

    def __init__(
        self, codec: TableCodec | None = None, kinds: Mapping[str, str] | None = None
    ) -> None:
        self.codec, self.kinds = codec, kinds or {}

    def evaluate(self, data: EvaluationData[Row], rng: np.random.Generator) -> dict[str, float]:
        of = compared(data, rng, self.codec, self.kinds).of_equal_size(rng)
        scores: dict[str, float] = {}
        for suffix, table in (("", of.generated), ("_real", of.heldout)):
            found = {
                "column_shapes": column_shapes(of.train, table),
                "pair_trends": pair_trends(of.train, table),
            }
            found = {"fidelity": mean_similarity(found), **found}
            scores |= {f"{name}{suffix}": v for name, v in found.items() if np.isfinite(v)}
        return scores

    def details(
        self, data: EvaluationData[Row], rng: np.random.Generator
    ) -> Sequence[Mapping[str, object]]:
        """A row per column: its shape, and the mean over its pairs."""
        of = compared(data, rng, self.codec, self.kinds).of_equal_size(rng)
        shapes, pairs = (
            [similarities(of.train, table) for table in (of.generated, of.heldout)]
            for similarities in (column_similarities, pair_similarities)
        )
        rows = []
        for field in of.train.schema:
            name = field.name
            means = [
                mean_similarity({pair: value for pair, value in found.items() if name in pair})
                for found in pairs
            ]
            rows.append(
                {
                    "column": name,
                    "kind": shown_kind(field.type),
                    "shape": shapes[0][name],
                    "shape_real": shapes[1][name],
                    "pairs": means[0],
                    "pairs_real": means[1],
                }
            )
        return rows
