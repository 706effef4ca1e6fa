"""Whether a run repeats its training data, by what was measured of it.

Distances can show copying, never its absence: no warning means that none was measured, or none
found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gankit.metrics.membership import WHITE_BOX
from gankit.runs.directory import Run

COPIES = "copies"
"""How the names of scores end that are shares of copies: ``copies/extractor``, ``exact_copies``."""
CERTAIN = 3.0
"""Standard errors beyond the baseline from which on there is a warning."""


def memorisation_warning(run: Run, shares_model: bool = False) -> str:
    """What the model as it is repeats of its training data beyond what chance explains: the figure,
    its baseline, the number of samples, and what to do. Empty where nothing crosses its threshold,
    and where nothing was measured.

    Args:
        shares_model: whether the model itself is handed on, and not samples alone: its own
            likelihood is then considered too.
    """
    source, scores = _measured(run)
    found = [copies_in_words(scores, source)]
    if shares_model:
        found.append(_members_in_words(scores, source))
    return ". ".join(filter(None, found))


def in_words(run: Run) -> str:
    """One line for a listing: the warning, the figure that gives no reason for one, or that nothing
    was measured; empty for a run without a trained model."""
    if not run.has_model:
        return ""
    source, scores = _measured(run)
    if warning := memorisation_warning(run):
        return warning
    if not (shares := [s for s in scores if _is_share_of_copies(s)]):
        return "not measured; gankit evaluate measures it"
    first = shares[0]
    n, real = int(first["n_generated"]), first["real_baseline"] or 0.0
    return (
        f"{round(first['value'] * n):,} copies among {n:,} samples, {round(real * n):,} among as "
        f"many held-out real items ({first['name']} of {source}); larger sets may have others"
    )


def copies_in_words(scores: Iterable[Mapping[str, Any]], source: str = "") -> str:
    """A sentence on the score with the largest excess of copies; empty where none has one.

    Args:
        scores: as in ``scores.json``.
        source: what computed them.
    """
    found = [s for s in scores if _is_share_of_copies(s) and _excess(s) > 0]
    if not found:
        return ""
    worst = max(found, key=_excess)
    n, real = int(worst["n_generated"]), worst["real_baseline"] or 0.0
    of = f" of {source}" if source else ""
    return (
        f"{round(worst['value'] * n):,} of {n:,} samples are hardly different from training items "
        f"(of as many held-out real items: {round(real * n):,}; {worst['name']}{of}). Compare "
        "samples with the training data before you share them; train on more data, or less long"
    )


def _measured(run: Run) -> tuple[str, list[Mapping[str, Any]]]:
    """The newest scores of the model as it is, and what computed them."""
    evaluation, verdict = run.evaluation, run.verdict
    if evaluation and evaluation.get("samples_seen") == run.samples_trained:
        return "the last evaluation", list(evaluation["scores"])
    return ("the verdict", list(verdict["scores"])) if verdict else ("", [])


def _is_share_of_copies(score: Mapping[str, Any]) -> bool:
    metric = score["name"].partition("/")[0]
    return bool(metric.endswith(COPIES) and score["value"] is not None and score.get("n_generated"))


def _excess(score: Mapping[str, Any]) -> float:
    """Copies beyond those of held-out items and beyond chance. Both are counts, so the variance of
    their difference is about twice the expected one; and three alone mean nothing."""
    n = int(score["n_generated"])
    expected = (score["real_baseline"] or 0.0) * n
    chance = CERTAIN * math.sqrt(2 * expected) + CERTAIN
    return float(score["value"]) * n - expected - chance


def _members_in_words(scores: Iterable[Mapping[str, Any]], source: str) -> str:
    for score in scores:
        value, error = score["value"], score.get("error")
        if score["name"] != WHITE_BOX or value is None or error is None:
            continue
        if value - 0.5 > CERTAIN * error:
            return (
                f"Whoever has the model can recognise training items: {WHITE_BOX} {value:.3f} ± "
                f"{error:.3f} of {source} (0.5 is ideal). Share generated items in place of the "
                "model, or train with privacy.epsilon"
            )
    return ""
