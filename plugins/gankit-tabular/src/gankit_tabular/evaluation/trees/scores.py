"""The scores of generated entities and trees, each with the baseline of held-out real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from gankit.contract import EvaluationData, Evaluator
from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.trees.items import Tree
from gankit_tabular.evaluation.disclosure import Gower, closest_records, membership_auc
from gankit_tabular.evaluation.trees.copies import entity_copies, row_copies
from gankit_tabular.evaluation.trees.dynamics import (
    LAGS,
    autocorrelation_differences,
    mean_of,
    next_rows,
    step_distance,
    transition_distances,
)
from gankit_tabular.evaluation.trees.entities import Summaries
from gankit_tabular.evaluation.trees.parts import (
    Compared,
    Part,
    TreeColumns,
    compared,
    generated_trees,
    joined,
)
from gankit_tabular.evaluation.trees.relations import childless, integrity
from gankit_tabular.evaluation.utility import train_and_test, two_sample_auc

MOST_JOINED = 10_000
"""Joined rows of each kind that a classifier tells apart."""


class TreeScores(Evaluator[Tree]):
    """Scores of whole entities or trees, and of how their rows follow each other.

    - ``two_sample_auc``: how well gradient boosting tells entities from training ones, by summaries
      of all their rows (0.5: not at all); ``joined_auc``, for tables, the same of each table's rows
      joined with their parents', the mean over tables.
    - ``tstr_auc`` or ``tstr_r2``: gradient boosting trained on generated entities, or on rows
      joined with their parents', predicts the target of held-out ones. Where the target of a
      sequence changes, this is its value in the next row.
    - ``next_auc`` and ``next_r2``, of sequences: the same for the next row's categories and
      numbers, the mean over up to six columns; the baselines are trained on real rows.
    - ``lag1_difference`` to ``lag3_difference``: the difference of autocorrelations to real ones,
      the mean over numbers. ``transition_distance``: the total variation of a category's value and
      its next one, the mean over categories. ``step_distance``: the Kolmogorov-Smirnov statistic of
      differences of the order, as times between events.
    - ``childless_difference``: of tables, the difference of the share of parents without rows.
    - ``referential_integrity``: the share of child rows whose parent exists; ``unique_keys``: of
      parents or entities with a key of their own. Both are 1 in a valid database.
    - ``exact_copies``, ``row_copies``: shares of entities, and of rows, that equal training ones
      in all scored columns. Rows of few categories are often equal by chance: see the baseline.
    - ``dcr_median``, ``dcr_p5``, ``authenticity``, ``membership_auc``: as for rows, with whole
      entities, by Gower's distance of their summaries.

    Args:
        target: the column to predict; if empty, the last of the first table, or of a sequence's
            rows.
        kinds: of columns, that the user has set.
    """

    name = "entity-scores"
    lower_is_better: Mapping[str, bool] = {
        "two_sample_auc": True,
        "joined_auc": True,
        "tstr_auc": False,
        "tstr_r2": False,
        "next_auc": False,
        "next_r2": False,
        **{f"lag{lag}_difference": True for lag in LAGS},
        "transition_distance": True,
        "step_distance": True,
        "childless_difference": True,
        "referential_integrity": False,
        "unique_keys": False,
        "exact_copies": True,
        "row_copies": True,
        "membership_auc": True,
    }
    meanings: Mapping[str, str] = {
        "two_sample_auc": "a classifier that tells generated entities from real ones",
        "joined_auc": "a classifier of rows joined with their parents'",
        "tstr_auc": "a model trained on generated data, tested on real data",
        "tstr_r2": "a model trained on generated data, tested on real data",
        "next_auc": "the next row's categories, predicted by a model of generated rows",
        "next_r2": "the next row's numbers, predicted by a model of generated rows",
        **{f"lag{n}_difference": f"autocorrelation at lag {n}, mean difference" for n in LAGS},
        "transition_distance": "categories from one row to the next",
        "step_distance": "differences of the order, as times between events",
        "childless_difference": "share of parents without rows",
        "referential_integrity": "child rows whose parent exists",
        "unique_keys": "keys that occur once",
        "exact_copies": "exact copies of training entities",
        "row_copies": "rows that equal a training row",
        "membership_auc": "from the distance to generated entities",
        "dcr_median": "median distance to the closest training entity",
        "dcr_p5": "distance to the closest training entity, 5 % quantile",
        "authenticity": "entities farther from their closest training entity than that is from "
        "another",
    }

    def __init__(self, target: str = "", kinds: Mapping[str, str] | None = None) -> None:
        self.target, self.kinds = target, kinds or {}

    def evaluate(self, data: EvaluationData[Tree], rng: np.random.Generator) -> dict[str, float]:
        of = compared(data, rng, self.kinds)
        sequence = of.columns.structure.is_sequence
        scores = self._entities(of, rng)
        for suffix, parts in (("", of.generated), ("_real", of.heldout)):
            trained = of.train if suffix else parts
            found = self._utility(trained, of.heldout, of.columns)
            if sequence:
                found |= _dynamics(of.train[1], parts[1], of.columns)
                nexts = next_rows(trained, of.heldout, skip=of.columns.step)
                found |= {f"next_{s}": mean_of(nexts, s) for s in ("auc", "r2")}
            else:
                found |= _joined_scores(of.train, parts, rng)
            scores |= {name + suffix: value for name, value in found.items()}
        made = generated_trees(data, of.columns.structure, rng)
        scores |= integrity(made)
        if not sequence:
            scores["referential_integrity_real"] = 1.0
        scores["unique_keys_real"] = 1.0
        finite = {name for name, value in scores.items() if np.isfinite(value)}
        return {n: scores[n] for n in scores if {n, n.removesuffix("_real")} <= finite}

    def _entities(self, of: Compared, rng: np.random.Generator) -> dict[str, float]:
        summaries = Summaries(of.train)
        train, heldout, made = (
            summaries.table(parts, _trees(parts)) for parts in (of.train, of.heldout, of.generated)
        )
        gower = Gower([train, heldout])
        scores: dict[str, float] = {}
        for suffix, table, parts in (("", made, of.generated), ("_real", heldout, of.heldout)):
            scores |= {
                f"two_sample_auc{suffix}": two_sample_auc(train, table, rng),
                f"exact_copies{suffix}": entity_copies(of.train, parts),
                f"row_copies{suffix}": row_copies(of.train, parts),
                **{n + suffix: v for n, v in closest_records(gower, train, table, rng).items()},
            }
        scores["membership_auc"] = membership_auc(gower, train, heldout, made, rng)
        return scores

    def _utility(
        self, train: Sequence[Part], test: Sequence[Part], columns: TreeColumns
    ) -> dict[str, float]:
        order, sequence = columns.last, columns.structure.is_sequence
        place, target = target_of(test, self.target, order, sequence=sequence)
        if place is None:
            return {}
        if sequence and place == 1:
            found = next_rows(train, test, target).get(target, {})
        elif place == 0:
            summaries = Summaries(train)
            tables = [summaries.table(parts, _trees(parts)) for parts in (train, test)]
            found = train_and_test(tables[0], tables[1], target)
        else:
            fit, held = joined(train, place), joined(test, place)
            found = train_and_test(fit, held, test[place].full(target)) if len(fit) else {}
        return {f"tstr_{name}": value for name, value in found.items()}


def target_of(
    parts: Sequence[Part], target: str, order: Sequence[str], *, sequence: bool
) -> tuple[int | None, str]:
    """The place of the table that has the target, and the column's name.

    Args:
        target: the column's name, or the table's and its own; if empty, the last scored one among
            ``order``.

    Raises:
        GankitError: no table has it.
    """
    names = [(i, n) for i, part in enumerate(parts) for n in part.table.column_names]
    if target:
        for i, name in names:
            if target in (name, parts[i].full(name), f"{parts[i].name}.{name}"):
                return i, name
        raise GankitError(
            f"target: no scored column is named {target!r}",
            did_you_mean(target, [name for _, name in names]),
        )
    places = {0, 1} if sequence else {0}
    found = [(i, name) for i, name in names if name in order and i in places]
    return max(found, key=lambda one: order.index(one[1])) if found else (None, "")


def _trees(parts: Sequence[Part]) -> int:
    return int(max((int(p.owner[-1]) for p in parts if len(p)), default=-1)) + 1


def _dynamics(train: Part, part: Part, columns: TreeColumns) -> dict[str, float]:
    found = {
        f"lag{lag}_difference": _mean(autocorrelation_differences(train, part, lag)) for lag in LAGS
    }
    found["transition_distance"] = _mean(transition_distances(train, part))
    if columns.step and columns.step in train.table.column_names:
        found["step_distance"] = step_distance(train, part, columns.step)
    return found


def _joined_scores(
    train: Sequence[Part], parts: Sequence[Part], rng: np.random.Generator
) -> dict[str, float]:
    apart, lone = [], []
    for i in range(1, len(parts)):
        both = [joined(p, i) for p in (train, parts)]
        # Rows of one tree stay in one fold: a classifier could know a parent again.
        of = [p[i].owner[p[i].above >= 0] for p in (train, parts)]
        index = [np.sort(rng.permutation(len(t))[:MOST_JOINED]) for t in both]
        if both[0].num_columns and all(len(t) for t in both):
            (real, other), (ours, theirs) = (
                [t.take(pa.array(j)) for t, j in zip(both, index, strict=True)],
                [o[j] for o, j in zip(of, index, strict=True)],
            )
            apart.append(two_sample_auc(real, other, rng, (ours, theirs)))
        lone.append(abs(childless(train, i) - childless(parts, i)))
    return {"joined_auc": _mean_known(apart), "childless_difference": _mean_known(lone)}


def _mean(found: Mapping[str, float]) -> float:
    return _mean_known(list(found.values()))


def _mean_known(found: Sequence[float]) -> float:
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
