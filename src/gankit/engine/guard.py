"""Monitors a run for the ways in which GANs fail, on numbers that are logged anyway."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

STABLE = "stable"
COLLAPSE, DIVERGING = "mode collapse", "logits diverging"
OVERPOWERING = "discriminator overpowering"

COLLAPSE_RATIO = 0.25
"""Generated samples for one condition have collapsed when their standard deviation is below this
fraction of all real samples'."""
RUNAWAY = 1e3
"""Logits beyond this mean that the discriminator's scale diverges."""


class DivergedError(Exception):
    """Losses or weights are not finite."""


@dataclass
class Guard:
    """Checks one tick after another."""

    patience: int = 3
    """Ticks in a row before a warning: one bad tick is noise."""
    _bad: deque[str] = field(default_factory=deque)

    def check(self, values: dict[str, float]) -> str:
        """``stable``, or the failure: ``mode collapse``, ``logits diverging``, ``discriminator
        overpowering``.

        Args:
            values: means since the last tick; ``d_real``, ``d_fake``, ``d_sign``, ``fake_std`` and
                ``real_std`` are used where present.

        Raises:
            DivergedError: a value is not finite.
        """
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise DivergedError(", ".join(broken))
        self._bad.append(self._diagnose(values))
        if len(self._bad) > self.patience:
            self._bad.popleft()
        same = len(self._bad) == self.patience and len(set(self._bad)) == 1
        return self._bad[-1] if same else STABLE

    @staticmethod
    def _diagnose(values: dict[str, float]) -> str:
        if max(abs(values.get("d_real", 0)), abs(values.get("d_fake", 0))) > RUNAWAY:
            return DIVERGING
        if values.get("fake_std", 1) < COLLAPSE_RATIO * values.get("real_std", 0):
            return COLLAPSE
        if values.get("d_sign", 0) > 0.98:
            return OVERPOWERING
        return STABLE


ADVICE = {
    COLLAPSE: "generated samples vary far less than real ones; raise loss.r1 and loss.r2",
    DIVERGING: "the discriminator's logits grow without bound; raise loss.r1 and loss.r2",
    OVERPOWERING: "the discriminator separates nearly every pair; it may be overfitting: set "
    "augment.target=0.6, or raise loss.r1 and loss.r2",
}
