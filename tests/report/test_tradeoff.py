from __future__ import annotations

import math
import re

from gankit.metrics import Score
from gankit.report.tradeoff import better_in_both, tradeoff_chart, with_baselines

ROWS = [
    {"model": "generated", "quality": 2.0, "diversity": 3.0},
    {"model": "real", "quality": 1.5, "diversity": 2.0},
    {"model": "simple t=0.5", "quality": 1.2, "diversity": 4.0},
    {"model": "simple t=1", "quality": 2.1, "diversity": 2.5},
]


def score(name, **baselines):
    return Score(name, 1.0, 1.0, "e", "f", 10, 10, "train", 0, True, baselines)


def test_baselines_with_all_scores_are_added_once():
    scores = [
        score("quality", **{"simple t=1": 9.0, "gaussian": 3.0, "partly": 1.0}),
        score("diversity", **{"simple t=1": 9.0, "gaussian": 5.0}),
        score("other", gaussian=7.0),
    ]
    rows = with_baselines(ROWS, scores)
    assert rows[:4] == ROWS
    assert rows[4:] == [{"model": "gaussian", "quality": 3.0, "diversity": 5.0}]
    assert with_baselines(ROWS, scores[:1]) == ROWS


def test_models_that_are_better_in_both_are_named():
    scores = [score("quality"), score("diversity")]
    better = {"model": "simple t=0.9", "quality": 1.9, "diversity": 2.9}
    assert better_in_both([*ROWS, better], scores) == ["simple t=0.9"]
    assert better_in_both(ROWS, scores) == [], "real data are no model"
    assert better_in_both(ROWS, scores[:1]) is None


def test_a_family_of_models_is_a_line_and_others_are_points():
    svg = tradeoff_chart(ROWS)
    assert len(re.findall(r'class="line reactive', svg)) == 1
    assert len(re.findall(r'class="dot reactive', svg)) == len(ROWS)
    assert "simple t=0.5: 1.2, 4" in svg
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", svg)
    assert svg == tradeoff_chart(ROWS)


def test_names_are_escaped_and_values_that_are_no_number_left_out():
    odd = {"model": "<b>&", "quality": math.nan, "diversity": None}
    assert "<b>" not in tradeoff_chart([*ROWS, {**odd, "quality": 1.0, "diversity": 1.0}])
    assert tradeoff_chart([odd, odd]) == ""
    assert tradeoff_chart([{"model": "a", "quality": 1.0}]) == ""
