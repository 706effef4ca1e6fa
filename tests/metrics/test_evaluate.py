"""All scores of a generator, each with its real-data baseline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from gankit.contract import EvaluationData, Evaluator, Extractor, Metric, Sample
from gankit.errors import GankitError
from gankit.metrics import Score, compare, evaluate

Point = np.ndarray


class Plain(Extractor[Point]):
    name = "plain"
    fingerprint = "p1"

    def __init__(self) -> None:
        self.seen = 0

    def features(self, items: Sequence[Point]) -> np.ndarray[Any, Any]:
        self.seen += len(items)
        return np.stack(items)


class Famous(Plain):
    name = "famous"
    aliases: Mapping[str, str] = {"frechet": "fpd"}


class Median(Evaluator[Point]):
    name = "median"

    def evaluate(self, data: EvaluationData[Point], rng: np.random.Generator) -> dict[str, float]:
        made = float(np.median([s.item for s in data.generated]))
        return {
            "median": made,
            "median_real": float(np.median(list(data.heldout))),
            "noise": rng.random(),
        }


def cloud(seed: int, n: int, shift: float = 0.0) -> list[Point]:
    return list(np.random.default_rng(seed).normal(shift, 1.0, size=(n, 4)))


def samples(items: Sequence[Point]) -> list[Sample[Point]]:
    return [Sample(item, i, {}) for i, item in enumerate(items)]


def data(shift: float = 0.0, n: int = 300) -> EvaluationData[Point]:
    return EvaluationData(samples(cloud(0, n, shift)), cloud(1, 400), cloud(2, 150))


def by_name(scores: list[Score]) -> dict[str, Score]:
    assert len({s.name for s in scores}) == len(scores)
    return {s.name: s for s in scores}


def test_compare_names_and_values() -> None:
    x, y = np.stack(cloud(0, 100)), np.stack(cloud(1, 100, 1.0))
    scores = compare(x, y, np.random.default_rng(0))
    assert list(scores) == [
        "frechet", "kernel", "kernel_std", "precision", "recall", "density", "coverage",
    ]  # fmt: skip
    same = compare(x, x, np.random.default_rng(0))
    assert same["frechet"] < 1e-9 < scores["frechet"]
    assert same["coverage"] == 1.0 > scores["coverage"]


def test_every_feature_score_has_a_baseline_at_equal_counts() -> None:
    scores = evaluate([Plain()], data(), seed=3)
    assert len(scores) == 11
    for score in scores:
        assert score.name.endswith("/plain")
        assert (score.n_real, score.n_generated, score.seed) == (400, 150, 3)
        assert score.real_baseline is not None
        assert score.extractor_fingerprint == "p1"


def test_a_good_generator_is_near_the_baseline_and_a_bad_one_is_not() -> None:
    good, bad = (by_name(evaluate([Plain()], data(shift))) for shift in (0.0, 2.0))
    for name in ("frechet/plain", "kernel/plain"):
        assert good[name].lower_is_better is True
        assert good[name].real_baseline == bad[name].real_baseline
        assert bad[name].value > 5 * abs(good[name].value)
    assert good["coverage/plain"].lower_is_better is False
    assert good["coverage/plain"].value > 2 * bad["coverage/plain"].value
    assert good["frechet/plain"].value < 3 * good["frechet/plain"].real_baseline


def test_a_generator_that_copies_beats_the_baseline_and_is_detected() -> None:
    train = cloud(1, 400)
    copying = EvaluationData(samples(train[:300]), train, cloud(2, 150))
    scores = by_name(evaluate([Plain()], copying))
    assert scores["copies/plain"].value == 1.0
    assert scores["copies/plain"].real_baseline < 0.05
    assert scores["nearest_train_ratio/plain"].value == 0.0
    assert scores["nearest_train_ratio/plain"].real_baseline == 1.0


def test_held_out_data_in_place_of_generated_gives_the_baseline() -> None:
    heldout = cloud(2, 150)
    for score in evaluate([Plain()], EvaluationData(samples(heldout), cloud(1, 400), heldout)):
        assert score.value == pytest.approx(score.real_baseline), score.name


def test_same_seed_same_scores_and_leaving_out_changes_nothing() -> None:
    everything = evaluate([Plain()], data(), seed=1, max_reference=200)
    assert everything == evaluate([Plain()], data(), seed=1, max_reference=200)
    assert everything != evaluate([Plain()], data(), seed=2, max_reference=200)
    assert everything[0].n_real == 200
    kernel = evaluate([Plain()], data(), seed=1, max_reference=200, only=["kernel"])
    assert kernel == [s for s in everything if s.name.startswith("kernel")]


def test_aliases_name_the_score() -> None:
    scores = by_name(evaluate([Famous()], data()))
    assert "fpd" in scores
    assert "frechet/famous" not in scores
    assert [s.name for s in evaluate([Famous(), Plain()], data(), only=["fpd"])] == ["fpd"]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["recall"], ["recall/plain"]),
        (["recall/plain"], ["recall/plain"]),
        (["memorisation"], ["nearest_train_ratio/plain", "copies/plain", "closer_to_train/plain",
                            "data_copying_z/plain"]),
        (["copies", "frechet"], ["frechet/plain", "copies/plain"]),
        (["median"], ["median", "noise"]),
        (["gap"], ["gap/plain"]),
    ],
)  # fmt: skip
def test_selection(only: list[str], expected: list[str]) -> None:
    gap = Metric("gap", lambda real, fake, rng: {"gap": float(real.mean() - fake.mean())})
    found = evaluate([Plain(), Median()], data(), only=only, extra=[gap])
    assert [s.name for s in found] == expected


def test_scores_of_the_model_stand_beside_those_of_its_samples() -> None:
    def of_model(name: str) -> Score:
        return Score(name, 0.6, None, "likelihood", "", 9, 9, "train", 0, True)

    scores = [of_model("inner_median"), of_model("likeness")]
    found = evaluate([Median(), Plain()], data(), only=["median", "gap"], of_model=scores,
                     extra=[Metric("gap", lambda *_: {"gap": 0.0})])  # fmt: skip
    assert [s.name for s in found] == ["median", "inner_median", "noise", "gap/plain", "likeness"]
    assert evaluate([Median()], data(), only=["likeness"], of_model=scores[1:]) == scores[1:]


def test_nothing_is_extracted_that_no_score_needs() -> None:
    plain = Plain()
    evaluate([plain, Median()], data(), only=["median"])
    assert plain.seen == 0
    evaluate([plain], data())
    assert plain.seen == 400 + 150 + 150


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(GankitError, match=r"'frechett'.*Did you mean frechet"):
        evaluate([Plain()], data(), only=["frechett"])


def test_evaluators_may_give_their_own_baseline() -> None:
    scores = by_name(evaluate([Median()], data(1.0)))
    assert set(scores) == {"median", "noise"}
    assert scores["median"].value == pytest.approx(1.0, abs=0.2)
    assert scores["median"].real_baseline == pytest.approx(0.0, abs=0.2)
    assert scores["noise"].real_baseline is None
    assert evaluate([Median()], data(), seed=5) == evaluate([Median()], data(), seed=5)


def test_a_score_is_json() -> None:
    score = evaluate([Plain()], data(), only=["frechet"])[0]
    assert (
        json.loads(json.dumps(score.as_dict(), allow_nan=False))["real_baseline"]
        == score.real_baseline
    )
    infinite = Score("x", float("inf"), None, "x", "", 1, 1, "train", 0, None)
    assert infinite.as_dict()["value"] is None


def test_too_little_data_is_an_error_that_says_what() -> None:
    short = EvaluationData(samples(cloud(0, 5)), cloud(1, 5), cloud(2, 1))
    with pytest.raises(GankitError, match="1 held-out items"):
        evaluate([Plain()], short)


def test_progress_names_the_extractor() -> None:
    seen: list[tuple[str, int, int]] = []
    evaluate([Plain()], data(), progress=lambda *call: seen.append(call))
    assert seen[0] == ("plain: training items", 0, 400)


def test_metrics_need_no_torch() -> None:
    code = "import sys, gankit.metrics; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class Picky(Plain):
    """Accepts points whose first number is known."""

    def accepts(self, item: Point) -> bool:
        return not np.isnan(item[0])

    def features(self, items: Sequence[Point]) -> np.ndarray[Any, Any]:
        assert all(map(self.accepts, items))
        return super().features(items)


def test_items_that_are_not_accepted_are_left_out_of_value_and_baseline() -> None:
    n = 600
    good = cloud(0, n)
    spoilt = [p if i % 20 == 0 else np.full(4, np.nan) for i, p in enumerate(good)]
    train, heldout = cloud(1, 400), cloud(2, n)
    found = evaluate([Picky()], EvaluationData(samples(spoilt), train, heldout))
    alone = evaluate([Plain()], EvaluationData(samples(good[::20]), train, heldout))
    for score, same in zip(found, alone, strict=True):
        assert score.n_generated == n // 20
        if score.name.split("/")[0] in ("frechet", "precision", "recall", "density", "coverage"):
            assert score.value == pytest.approx(same.value)
    frechet, all_valid = (
        found[0],
        evaluate([Plain()], EvaluationData(samples(good), train, heldout)),
    )
    assert frechet.real_baseline is not None
    assert all_valid[0].real_baseline is not None
    assert (
        frechet.real_baseline > 5 * all_valid[0].real_baseline
    )  # of as few as are valid, as the value is
    assert 0.2 < frechet.value / frechet.real_baseline < 5


def test_without_two_samples_that_it_takes_an_extractor_scores_nothing() -> None:
    nothing = [np.full(4, np.nan)] * 49 + cloud(0, 1)
    pair = EvaluationData(samples(nothing), cloud(1, 400), cloud(2, 50))
    assert {s.extractor for s in evaluate([Picky(), Median()], pair)} == {"median"}
