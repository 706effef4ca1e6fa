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
OF_MODEL = {"white_box_membership_auc": "from the model's own likelihood"}
"""The same of scores of the model itself."""
EQUAL, WORSE = 1.0, 2.0
"""Standard errors of the difference to real data: up to the first, a score counts as equal, and
from the second on as worse; between them, it may be chance."""
MEMBERSHIP = "membership_auc"
"""How the names of scores of membership inference end."""
WORST = 3
"""Scores, the worst first, that are named as worse than real data."""
WEAK = 0.05
"""By how much the weakest part has to be below its baseline to be named."""


def summarise(
    scores: Sequence[Score],
    details: Details,
    evaluators: Sequence[Extractor[Any] | Evaluator[Any]] = (),
) -> list[str]:
    """Up to seven sentences, each number beside its real-data baseline or its ideal. Scores that
    share the discriminator's backbone are left out.

    Args:
        evaluators: their headlines come first, and their words are used.
    """
    scores = [score for score in scores if not score.shared_backbone]
    own = [source for source in evaluators if isinstance(source, Evaluator)]
    headline = {name for source in own for name in source.headline}
    meanings = OF_MODEL | {name: text for source in own for name, text in source.meanings.items()}
    first = [s for s in scores if s.name in headline and s.real_baseline is not None]
    compared = [(label, s) for label, s in _compared(scores, meanings) if s.name not in headline]
    groups = [_difference(score) for _, score in compared]
    equal, unclear, worse = (
        [pair for pair, group in zip(compared, groups, strict=True) if group == wanted]
        for wanted in ("equal", "unclear", "worse")
    )
    worse.sort(key=lambda pair: _lack(pair[1]), reverse=True)
    sentences = []
    if first:
        named = [(_label(s.name, meanings), s) for s in first]
        sentences.append(f"Overall: {_listed(named)}.")
    if equal:
        sentences.append(f"As good as held-out real data: {_listed(equal)}.")
    if worse:
        more = f", and {len(worse) - WORST} more" if len(worse) > WORST else ""
        sentences.append(f"Worse than real data: {_listed(worse[:WORST])}{more}.")
    if unclear:
        n = max(score.n_generated for _, score in unclear)
        sentences.append(f"Maybe worse, {n:,} samples are too few to tell: {_listed(unclear)}.")
    return [*sentences, *_weakest(details), *_membership(scores, meanings)]


def _compared(scores: Sequence[Score], meanings: Mapping[str, str]) -> Iterator[tuple[str, Score]]:
    """Scores between 0 and 1 whose direction is known, with what to call them."""
    seen = set[str]()
    for score in scores:
        real, metric = score.real_baseline, score.name.partition("/")[0]
        usable = score.lower_is_better is not None and real is not None and 0 <= real <= 1
        if not usable or not math.isfinite(score.value):
            continue
        if "/" not in score.name:
            yield _label(metric, meanings), score
        elif metric in MEANINGS and metric not in seen:
            seen.add(metric)
            yield _label(metric, MEANINGS), score


def _label(name: str, meanings: Mapping[str, str]) -> str:
    return f"{meanings[name]} ({name})" if name in meanings else name


def _lack(score: Score) -> float:
    """How much worse than real data a score is; negative if it is better."""
    real = score.real_baseline or 0.0
    return score.value - real if score.lower_is_better else real - score.value


def _difference(score: Score) -> str:
    error = _lack(score) / _standard_error(score)
    return "equal" if error <= EQUAL else "unclear" if error <= WORSE else "worse"


def _standard_error(score: Score) -> float:
    """Of the difference between two shares, each of ``n_generated`` items; of other scores between
    0 and 1, a bound."""
    share = (min(max(score.value, 0.0), 1.0) + (score.real_baseline or 0.0)) / 2
    return max(math.sqrt(2 * share * (1 - share) / max(score.n_generated, 1)), 1e-9)


def _listed(named: Sequence[tuple[str, Score]]) -> str:
    return ", ".join(f"{label} {s.value:.3f} (real {s.real_baseline:.3f})" for label, s in named)


def _membership(scores: Sequence[Score], meanings: Mapping[str, str]) -> Iterator[str]:
    """The scores of membership inference, and what to do where the model itself gives members
    away by more than chance explains."""
    attacks = [s for s in scores if s.name.endswith(MEMBERSHIP) and math.isfinite(s.value)]
    if attacks:
        named = ", ".join(f"{_label(s.name, meanings)} {_with_error(s)}" for s in attacks)
        yield f"Membership inference, AUC 0.5 is ideal: {named}."
    for score in attacks:
        if score.name in OF_MODEL and score.value - 0.5 > WORSE * (score.error or 0.0):
            yield (
                f"Anyone who has the model can recognise training items ({score.name} "
                f"{_with_error(score)}): share generated items, not the model, or train with "
                "privacy.epsilon."
            )


def _with_error(score: Score) -> str:
    return f"{score.value:.3f}" + ("" if score.error is None else f" ± {score.error:.3f}")


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
    if lack > WEAK:
        yield said
