"""Conditions that hardly any item has together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

FEWEST = 0.5
"""Items of the training data that are to be expected; below it, hardly any is there."""
UNKNOWN = 100_000
"""Stands for the number of training items where a model does not state it."""


def improbable(sampler: Sampler, where: Mapping[str, object], items: int = UNKNOWN) -> list[str]:
    """A warning, if hardly any item of the training data is likely to have all of these conditions;
    with the one without which most items have the others.

    All shares are the generator's own: no real item is counted.

    Args:
        items: of the training data.

    Raises:
        GankitError: no item can have the conditions.
    """
    requests = sampler.requests()
    if requests is None or len(where) < 2 or requests.probability(where) * items >= FEWEST:
        return []
    shares = {
        name: requests.probability({k: v for k, v in where.items() if k != name}) for name in where
    }
    name = max(shares, key=shares.__getitem__)
    nearest = ""
    if shares[name] * items >= FEWEST:
        nearest = f"; without {name}={where[name]}, about {100 * shares[name]:.2g} % do"
    *first, last = (f"{k}={v}" for k, v in where.items())
    every = f"{', '.join(first)} and {last}"
    return [f"hardly any item of the training data is likely to have {every}{nearest}"]
