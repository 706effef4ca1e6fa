"""Scores of the columns of trees' tables, of their pairs, and of rows per parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit_tabular.data.trees.items import Tree
from gankit_tabular.evaluation.fidelity import (
    column_similarities,
    mean_similarity,
    pair_similarities,
)
from gankit_tabular.evaluation.scored import shown_kind
from gankit_tabular.evaluation.trees.dynamics import (
    autocorrelation_differences,
    transition_distances,
)
from gankit_tabular.evaluation.trees.parts import Part, compared
from gankit_tabular.evaluation.trees.relations import count_distance, cross_similarities

Named = dict[tuple[str, str], float]
"""By the name of a table and that of a column."""


class TreeColumnScores(Evaluator[Tree]):
    """How similar tables and their relations are to real ones; 1 is best.

    - ``column_shapes``, ``pair_trends``: as for rows, over the columns of all tables.
    - ``count_shapes``: 1 - Kolmogorov-Smirnov statistic of rows per parent, of sequences of rows
      per entity; mean over tables.
    - ``parent_trends``: as ``pair_trends``, for a column of a parent or a constant of an entity,
      and one of the rows that belong to it.
    - ``next_trends``: of sequences, 1 - half the difference of lag-1 autocorrelations of numbers,
      or 1 - total variation of a category's value and its next one.
    - ``fidelity``: the mean of these.

    Args:
        kinds: of columns, that the user has set.
    """

    name = "columns"
    headline = ("fidelity",)
    lower_is_better = dict.fromkeys(
        (
            "fidelity",
            "column_shapes",
            "pair_trends",
            "count_shapes",
            "parent_trends",
            "next_trends",
        ),
        False,
    )
    meanings: Mapping[str, str] = {
        "fidelity": "columns, their relations and rows per parent",
        "column_shapes": "distributions of columns",
        "pair_trends": "relations between columns of a table",
        "count_shapes": "rows per parent or entity",
        "parent_trends": "relations between a parent's columns and its rows'",
        "next_trends": "relations between a row and the next",
    }

    def __init__(self, kinds: Mapping[str, str] | None = None) -> None:
        self.kinds = kinds or {}

    def evaluate(self, data: EvaluationData[Tree], rng: np.random.Generator) -> dict[str, float]:
        of = compared(data, rng, self.kinds)
        sequence, scores = of.columns.structure.is_sequence, dict[str, float]()
        for suffix, parts in (("", of.generated), ("_real", of.heldout)):
            places = range(1, len(parts))
            cross = [mean_similarity(cross_similarities(of.train, parts, i)) for i in places]
            counts = [1 - count_distance(of.train, parts, i) for i in places]
            found = {
                "column_shapes": mean_similarity(_shapes(of.train, parts)),
                "pair_trends": mean_similarity(_pairs(of.train, parts)),
                "count_shapes": mean_similarity(dict(enumerate(counts))),
                "parent_trends": mean_similarity(dict(enumerate(cross))),
            }
            if sequence:
                found["next_trends"] = mean_similarity(_nexts(of.train[1], parts[1]))
            found = {"fidelity": mean_similarity(found), **found}
            scores |= {f"{name}{suffix}": v for name, v in found.items() if np.isfinite(v)}
        return scores

    def details(
        self, data: EvaluationData[Tree], rng: np.random.Generator
    ) -> Sequence[Mapping[str, object]]:
        """A row per column of each table: its shape and, of a sequence's rows, its relation to the
        next value; and a row for the rows per parent of each table."""
        of = compared(data, rng, self.kinds)
        sequence = of.columns.structure.is_sequence
        both = of.generated, of.heldout
        shapes = [_shapes(of.train, parts) for parts in both]
        nexts = [_nexts(of.train[1], parts[1]) if sequence else {} for parts in both]
        rows: list[Mapping[str, object]] = []
        for i, part in enumerate(of.train):
            named = [(f.name, shown_kind(f.type)) for f in part.table.schema]
            about = {name: [s[part.name, name] for s in shapes] for name, _ in named}
            if i:
                named.append(("(rows each)", "count"))
                about["(rows each)"] = [1 - count_distance(of.train, parts, i) for parts in both]
            for name, kind in named:
                row: dict[str, object] = {
                    "column": part.full(name),
                    "kind": kind,
                    "shape": about[name][0],
                    "shape_real": about[name][1],
                }
                if sequence:
                    then = [n.get(name, float("nan")) if i else float("nan") for n in nexts]
                    row |= {"next": then[0], "next_real": then[1]}
                rows.append(row)
        return rows


def _shapes(real: Sequence[Part], other: Sequence[Part]) -> Named:
    return {
        (ours.name, name): value
        for ours, theirs in zip(real, other, strict=True)
        for name, value in column_similarities(ours.table, theirs.table).items()
    }


def _pairs(real: Sequence[Part], other: Sequence[Part]) -> dict[tuple[str, str, str], float]:
    return {
        (ours.name, *pair): value
        for ours, theirs in zip(real, other, strict=True)
        for pair, value in pair_similarities(ours.table, theirs.table).items()
    }


def _nexts(real: Part, other: Part) -> dict[str, float]:
    numbers = autocorrelation_differences(real, other, 1)
    return {name: 1 - d / 2 for name, d in numbers.items()} | {
        name: 1 - d for name, d in transition_distances(real, other).items()
    }
