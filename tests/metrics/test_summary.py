"""Scores in sentences, and the details of evaluators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gankit.contract import EvaluationData, Evaluator
from gankit.metrics import Score
from gankit.metrics.details import details
from gankit.metrics.summary import summarise


def score(name: str, value: float, real: float | None, lower: bool | None = False) -> Score:
    return Score(name, value, real, name.partition("/")[2], "", 1000, 500, "train", 0, lower)


class Columns(Evaluator[float]):
    name = "columns"
    headline = ("fidelity",)
    meanings: Mapping[str, str] = {"useful": "use for training"}

    def evaluate(self, data: Any, rng: np.random.Generator) -> dict[str, float]:
        return {}

    def details(self, data: Any, rng: np.random.Generator) -> list[dict[str, object]]:
        return [
            {"column": "age", "kind": "number", "shape": 0.97, "shape_real": 0.98},
            {"column": "price", "kind": "number", "shape": 0.7, "shape_real": 0.95},
            {"column": "gone", "kind": "number", "shape": math.nan, "shape_real": 0.95},
        ]


DATA: EvaluationData[float] = EvaluationData([], [], [])


def test_details_by_evaluator() -> None:
    found = details([Columns()], DATA)
    assert [row["column"] for row in found["columns"]] == ["age", "price", "gone"]
    assert found["columns"][2]["shape"] is None
    assert details([Columns()], DATA, only=["columns"]) == found
    assert details([Columns()], DATA, only=["frechet"]) == {}


def test_a_summary_names_what_is_good_what_is_not_and_the_weakest_part() -> None:
    scores = [
        score("fidelity", 0.93, 0.97),
        score("precision/encoded", 0.99, 0.98),
        score("coverage/encoded", 0.30, 0.42),
        score("coverage/other", 0.01, 0.42),  # one extractor is enough
        score("copies/encoded", 0.012, 0.01, lower=True),
        score("frechet/encoded", 3.0, 1.0, lower=True),  # on no scale that a summary knows
        score("useful", 0.90, 0.91),
        score("detected", 0.9, 0.5, lower=True),
        score("other", 5.0, None),
    ]
    assert summarise(scores, details([Columns()], DATA), [Columns()]) == [
        "Overall: fidelity 0.930 (real 0.970).",
        "As good as held-out real data: realism (precision) 0.990 (real 0.980), copies of training "
        "items (copies) 0.012 (real 0.010), use for training (useful) 0.900 (real 0.910).",
        "Worse than real data: detected 0.900 (real 0.500), variety (coverage) 0.300 (real 0.420).",
        "The weakest column is price: shape 0.700 (real 0.950).",
    ]


def test_scores_that_nobody_names_are_counted() -> None:
    worse = [score(f"detected{i}", 0.9 + i / 100, 0.5, lower=True) for i in range(5)]
    assert summarise(worse, {}) == [
        "Worse than real data: detected4 0.940 (real 0.500), detected3 0.930 (real 0.500), "
        "detected2 0.920 (real 0.500), and 2 more."
    ]
    assert summarise([], {}) == []


@pytest.mark.parametrize(
    ("n", "said"),
    [(100, "As good as"), (500, "Maybe worse, 500 samples are too few"), (1000, "Worse than")],
)
def test_the_sampling_error_decides_what_is_as_good(n: int, said: str) -> None:
    found = replace(score("detected", 0.554, 0.500, lower=True), n_generated=n)
    (sentence,) = summarise([found], {})
    assert sentence.startswith(said)
    assert sentence.endswith("detected 0.554 (real 0.500).")


@pytest.mark.parametrize(("error", "told"), [(0.02, True), (0.03, False)])
def test_membership_is_said_and_warned_of_beyond_chance(error: float, told: bool) -> None:
    box = score("membership_auc", 0.505, None, lower=True)
    white = replace(score("white_box_membership_auc", 0.557, None, lower=True), error=error)
    first, *rest = summarise([box, white], {})
    assert first == (
        "Membership inference, AUC 0.5 is ideal: membership_auc 0.505, from the model's "
        f"own likelihood (white_box_membership_auc) 0.557 ± {error:.3f}."
    )
    assert len(rest) == told
    if told:
        assert rest[0].startswith("Anyone who has the model can recognise training items")
        assert rest[0].endswith("not the model, or train with privacy.epsilon.")


@pytest.mark.parametrize("count", [0, 5, 20])
def test_chance_is_no_shortfall(count: int) -> None:
    """Of 500 samples, 5 are expected where 1 % is; 20 are not chance."""
    copies = score("copies/x", count / 500, 0.01, lower=True)
    worse = any(sentence.startswith("Worse") for sentence in summarise([copies], {}))
    assert worse == (count == 20)
