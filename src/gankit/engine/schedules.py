"""Schedules: everything that changes during training, as a function of samples seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Ramp:
    """A value that moves from ``start`` to ``stop`` and then stays."""

    start: float
    stop: float
    over: float | None = None
    """Length of the ramp in samples; None uses ``train.burn_in``."""
    after: float = 0.0
    """Samples seen before the ramp begins."""
    shape: Literal["cosine", "linear"] = "cosine"


Scheduled: TypeAlias = float | tuple[float, float] | Ramp
"""How a setting states a schedule: a constant, ``[from, to]`` over the burn-in, or a table."""

Schedule: TypeAlias = Callable[[int], float]
"""``schedule(samples_seen) -> value``."""


def schedule(value: Scheduled, burn_in: float) -> Schedule:
    """The schedule that a setting describes.

    The cosine form is ``v(t) = v1 + (v0 - v1) (1 + cos(pi t / T)) / 2`` for ``t < T``
    (R3GAN, arXiv 2501.05441, appendix on hyperparameter schedules).
    """
    if isinstance(value, tuple):
        value = Ramp(*value)
    if not isinstance(value, Ramp):
        constant = float(value)
        return lambda samples: constant
    ramp, length = value, burn_in if value.over is None else value.over

    def at(samples: int) -> float:
        since = samples - ramp.after
        done = 1.0 if length <= 0 else min(max(since / length, 0.0), 1.0)
        if ramp.shape == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return ramp.start + (ramp.stop - ramp.start) * done

    return at


def ever_positive(value: Scheduled) -> bool:
    """Whether the schedule is above zero at any time: terms that never are get skipped."""
    if isinstance(value, Ramp):
        return value.start > 0 or value.stop > 0
    if isinstance(value, tuple):
        return max(value) > 0
    return value > 0
