"""The scores in a few sentences: what is as good as real data, and what is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gankit.contract import Evaluator, Extractor
from gankit.metrics.details import Details
from gankit.metrics.evaluate import Score

MEANINGS = {"precision": "realism", "coverage": "variety", "copies": "copies of training items"}
"""What the core's scores say that a summary mentions, of one extractor."""
TOLERANCE = 0.05
"""The share of its baseline by which a score may be worse and still count as equal."""
WORST = 3
"""Scores, the worst first, that are named as worse than real data."""


def summarise(
    scores: Sequence[Score],
    details: Details,
    evaluators: Sequence[Extractor[Any] | Evaluator[Any]] = (),
) -> list[str]:
    """Up to four sentences, each number beside its real-data baseline.

    Args:
        evaluators: their headlines come first, and their words are used.
    """
    own = [source for source in evaluators if isinstance(source, Evaluator)]
    headline = {name for source in own for name in source.headline}
    meanings = {name: text for source in own for name, text in source.meanings.items()}
    sentences = [
        f"Overall {score.name}: {score.value:.3f}, where held-out real data has "
        f"{score.real_baseline:.3f}."
        for score in scores
        if score.name in headline and score.real_baseline is not None
    ]
    compared = [
        (label, s, _shortfall(s))
        for label, s in _compared(scores, meanings)
        if s.name not in headline
    ]
    good = [f"{label} {_numbers(score)}" for label, score, lack in compared if lack <= 0]
    bad = sorted((pair for pair in compared if pair[2] > 0), key=lambda pair: -pair[2])
    if good:
        sentences.append(f"As good as real data: {', '.join(good)}.")
    if bad:
        worse = [f"{label} {_numbers(score)}" for label, score, _ in bad[:WORST]]
        sentences.append(f"Worse than real data: {', '.join(worse)}.")
    elif good:
        sentences.append("No score is clearly worse than that of real data.")
    return [*sentences, *_weakest(details)]


def _compared(scores: Sequence[Score], meanings: Mapping[str, str]) -> Iterator[tuple[str, Score]]:
    """Scores between 0 and 1 whose direction is known, with what to call them."""
    seen = set[str]()
    for score in scores:
        real, metric = score.real_baseline, score.name.partition("/")[0]
        usable = score.lower_is_better is not None and real is not None and 0 <= real <= 1
        if not usable or not math.isfinite(score.value):
            continue
        if "/" not in score.name:
            meaning = meanings.get(metric)
            yield f"{meaning} ({metric})" if meaning else metric, score
        elif metric in MEANINGS and metric not in seen:
            seen.add(metric)
            yield f"{MEANINGS[metric]} ({metric})", score


def _shortfall(score: Score) -> float:
    """How much worse than real data a score is, beyond chance and what may be overlooked."""
    real = score.real_baseline or 0.0
    lack = score.value - real if score.lower_is_better else real - score.value
    n = max(score.n_generated, 1)
    chance = 2 * math.sqrt(2 * max(real * (1 - real), 0.0) / n)  # both are of n samples
    return lack - max(TOLERANCE * real, chance, 1 / n)


def _numbers(score: Score) -> str:
    return f"{score.value:.3f} (real {score.real_baseline:.3f})"


def _weakest(details: Details) -> Iterator[str]:
    """The part that is least like the data, compared with its baseline, if it clearly is."""
    found: list[tuple[float, str]] = []
    for rows in details.values():
        part = next(iter(rows[0]))
        for row in rows:
            for name, value in row.items():
                real = row.get(f"{name}_real")
                if isinstance(value, float) and isinstance(real, float):
                    said = (
                        f"The weakest {part} is {row[part]}: {name} {value:.3f} (real {real:.3f})."
                    )
                    found.append((real - value, said))
                    break
    lack, said = max(found, default=(0.0, ""))
    if lack > TOLERANCE:
        yield said
