"""Budgets as people write them: times (``90s``) and numbers of samples (``200k``)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gankit.errors import GankitError

UNLIMITED = 10**12
"""Samples of a run that something else ends."""
LIFTED = {"train.time": 0.0, "train.samples": UNLIMITED}
"""The settings of the limits, as they are where there is none."""


def with_limits(
    words: Iterable[str],
    *,
    time: object = None,
    samples: object = None,
    epochs: object = None,
    budget: object = None,
    prefix: str = "--",
) -> list[str]:
    """``key=value`` words with limits added as settings; those that are not given are lifted.

    Raises:
        GankitError: a limit is not understood, or given twice.
    """
    found = list(words)
    if time is not None:
        found.append(f"train.time={_number(time, {'s': 1, 'm': 60, 'h': 3600}, prefix + 'time')}")
    if samples is not None:
        units = {"": 1, "k": 10**3, "M": 10**6}
        found.append(f"train.samples={int(_number(samples, units, prefix + 'samples'))}")
    if epochs is not None:
        found.append(f"train.epochs={epochs}")
    if len(found) > len(list(words)):
        found += [f"{k}={v}" for k, v in LIFTED.items() if not any(w.startswith(k) for w in found)]
    return found


def _number(value: object, units: dict[str, int], name: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]?)", str(value).replace("_", ""))
    if match is None or match[2] not in units or not float(match[1]):
        raise GankitError(f"{name} {value} is not understood", f"Use a unit: {', '.join(units)}")
    return float(match[1]) * units[match[2]]
