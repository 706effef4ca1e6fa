"""Watches a run for the ways GANs fail, on numbers that are there anyway, at ticks only."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

COLLAPSE_RATIO = 0.25
"""Fakes of one condition that vary less than this share of what all reals do are collapsing."""
RUNAWAY = 1e3
"""Logits beyond this mean that D's scale runs away."""


class DivergedError(Exception):
    """Losses or weights stopped being numbers."""


@dataclass
class Guard:
    """Judges one tick after another."""

    patience: int = 3
    """Ticks in a row before a warning: one bad tick is noise."""
    _bad: deque[str] = field(default_factory=deque)

    def check(self, values: dict[str, float]) -> str:
        """``ok``, or one word for the trouble: ``collapsing``, ``runaway``, ``d-wins``.

        Args:
            values: means since the last tick, with ``d_real``, ``d_fake``, ``d_sign``,
                ``fake_std`` and ``real_std`` among them.

        Raises:
            DivergedError: a value is not finite.
        """
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise DivergedError(", ".join(broken))
        self._bad.append(self._judge(values))
        if len(self._bad) > self.patience:
            self._bad.popleft()
        same = len(self._bad) == self.patience and len(set(self._bad)) == 1
        return self._bad[-1] if same else "ok"

    @staticmethod
    def _judge(values: dict[str, float]) -> str:
        if max(abs(values.get("d_real", 0)), abs(values.get("d_fake", 0))) > RUNAWAY:
            return "runaway"
        if values.get("fake_std", 1) < COLLAPSE_RATIO * values.get("real_std", 0):
            return "collapsing"
        if values.get("d_sign", 0) > 0.98:
            return "d-wins"
        return "ok"


ADVICE = {
    "collapsing": "generated samples vary far less than real ones; raise loss.r1 and loss.r2",
    "runaway": "the discriminator's logits grow without bound; raise loss.r1 and loss.r2",
    "d-wins": "the discriminator tells nearly every pair apart; it may be memorising: set "
    "augment.target=0.6, or raise loss.r1 and loss.r2",
}
