"""The health of a codec that learned something from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Health:
    """One sign of a fitted codec's health."""

    name: str
    """A word or two, such as ``reconstruction``; unique among a codec's."""
    value: float
    """A finite number; a share is 0 to 1."""
    text: str
    """What was measured, with the value and on how many items: one sentence without a full stop."""
    baseline: float | None = None
    """What is good: the same number of real items, or of a codec that loses nothing. None where
    there is no such number."""
    remedy: str = ""
    """What usually helps, one sentence, where the value is bad; empty where it is not."""


@runtime_checkable
class ReportsHealth(Protocol):
    """For codecs that learn something from the data and can fail at it."""

    def health(self, items: Sequence[Any], heldout: bool, rng: np.random.Generator) -> list[Health]:
        """How well the codec works, measured once, before training; in seconds.

        Args:
            items: 8 to 256 real ones, as :meth:`Codec.encode` takes them.
            heldout: whether the codec was not fitted to them; otherwise there are too few of those.
            rng: what is drawn is drawn from it, or from torch's default generator, which is seeded.
        """
