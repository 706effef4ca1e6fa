"""What evaluators say about the parts of the data, such as its columns."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.metrics.evaluate import rng_for, selects

Details = dict[str, list[dict[str, Any]]]
"""Rows by the evaluator's name; see :meth:`Evaluator.details`."""


def details(
    evaluators: Sequence[Extractor[Any] | Evaluator[Any]],
    data: EvaluationData[Any],
    seed: int = 0,
    *,
    only: Collection[str] = (),
) -> Details:
    """The details of every evaluator that has some; numbers that are not finite are None.

    Args:
        seed, only: as for :func:`gankit.metrics.evaluate`.
    """
    found: Details = {}
    for source in evaluators:
        if isinstance(source, Evaluator) and selects(only, source, source.name, ()):
            rows = source.details(data, rng_for(seed, source.name))
            if rows:
                found[source.name] = [{k: _finite(v) for k, v in row.items()} for row in rows]
    return found


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
