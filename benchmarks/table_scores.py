"""The project's scores of generated rows, for the benchmarks of tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gankit.contract import EvaluationData, Sample
from gankit.metrics import manifold_scores
from gankit_tabular.data.rows import Rows
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.features import EncodedTable
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.settings import TabularSettings

SHOWN = (
    "column_shapes",
    "pair_trends",
    "tstr_auc",
    "tstr_r2",
    "two_sample_auc",
    "exact_copies",
    "membership_auc",
)
COMPARED = 5_000
"""Rows of each kind that coverage is computed from."""


def scores(
    train: pa.Table, test: pa.Table, made: pa.Table, target: str, seed: int
) -> dict[str, float]:
    """Scores of generated rows by their names; those that the table does not allow are left out.

    Args:
        train, test: real rows that the model was fitted to, and that it never saw.
        target: the column to predict; if empty, the last one.
    """
    rows = made.to_pylist()
    rng = np.random.default_rng(seed)
    data = EvaluationData(
        [Sample(row, i, {}) for i, row in enumerate(rows)], Rows(train), Rows(test)
    )
    found = TableScores(target).evaluate(data, rng) | ColumnScores().evaluate(data, rng)
    extractor = EncodedTable(None, TabularSettings())
    extractor.fit(Rows(train))
    few = train.take(pa.array(rng.permutation(len(train))[:COMPARED]))
    real, fake = extractor.features(Rows(few)), extractor.features(rows[:COMPARED])
    shown = {name: found[name] for name in SHOWN if name in found}
    return shown | {"coverage": manifold_scores(real, fake)["coverage"]}
