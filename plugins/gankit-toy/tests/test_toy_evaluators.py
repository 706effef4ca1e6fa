"""Mode coverage on clouds whose scores are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.contract import EvaluationData, Sample
from gankit_toy.evaluators import Coordinates, Modes
from gankit_toy.points import Point, draw


def score(generated: list[Point], real: list[Point]) -> dict[str, float]:
    samples = [Sample(p, seed, {}) for seed, p in enumerate(generated)]
    data = EvaluationData(samples, real[: len(real) // 2], real[len(real) // 2 :])
    return Modes().evaluate(data, np.random.default_rng(0))


REAL = draw("grid25", 5000, 0.05)


def test_real_points_cover_everything() -> None:
    scores = score(REAL, REAL)
    assert scores["modes"] == scores["modes_real"] == 25
    assert scores["reverse_kl"] < 0.01
    # P(|offset| < 3 sigma) in two dimensions is 1 - exp(-9/2).
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.01)
    assert scores["high_quality_real"] == pytest.approx(1 - math.exp(-4.5), abs=0.01)


def test_mode_collapse_lowers_the_scores() -> None:
    one_mode = [p for p in REAL if p.label == "7"]
    scores = score(one_mode, REAL)
    assert scores["modes"] == 1
    assert scores["reverse_kl"] == pytest.approx(math.log(25), abs=0.2)
    assert scores["high_quality"] > 0.95


def test_points_between_the_modes_lower_the_scores() -> None:
    none = score([Point(1.0, 1.0)] * 50, REAL)
    assert (none["high_quality"], none["modes"]) == (0, 0)
    assert "reverse_kl" not in none
    half = score([Point(1.0, 1.0)] * 50 + [Point(2.0, 2.0)] * 50, REAL)
    assert (half["high_quality"], half["modes"]) == (0.5, 1)


def test_axes_may_have_different_units() -> None:
    stretched = [Point(x, 1000 * y, label) for x, y, label in REAL]
    assert score(stretched, stretched)["high_quality"] == score(REAL, REAL)["high_quality"]


def test_data_without_modes_has_no_scores() -> None:
    spiral = draw("spiral", 100, 0.05)
    assert score(spiral, spiral) == {}


def test_the_features_are_the_coordinates() -> None:
    np.testing.assert_array_equal(
        Coordinates().features([Point(1, 2), Point(3, 4)]), [[1, 2], [3, 4]]
    )
