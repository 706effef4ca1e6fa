"""The warm-up: before the game, the generator is trained by its own likelihood.

It lasts a share of training, or a number of samples. Its learning rate rises linearly and then
falls to 0 by a cosine, so that the phase ends with a finished model, whatever ends it.
"""

from __future__ import annotations

import math

from gankit.engine.budget import Budget
from gankit.engine.clock import Clock
from gankit.engine.parallel import ParallelContext
from gankit.engine.settings import EngineSettings

LAST = 1 - 1e-9
"""How far time alone brings a warm-up that is not to end before training does."""


class WarmUp:
    """How far the phase is, and the learning rate there.

    Args:
        settings: with the samples that training really has.
        budget: time, if limited, ends the phase after its share.
        parallel: all processes agree on the time.
        began: seconds of the budget that were spent when training began.
        reserved: seconds of it that are kept for what follows training.
    """

    def __init__(
        self,
        settings: EngineSettings,
        budget: Budget,
        parallel: ParallelContext,
        began: float = 0.0,
        reserved: float = 0.0,
    ) -> None:
        train, self.settings = settings.train, settings.warm_up
        self.samples, self.budget, self.parallel = train.warm_up_samples, budget, parallel
        self.is_all = 0 < train.samples <= self.samples
        """Whether no game follows."""
        self.share = train.warm_up if train.warm_up <= 1 else 1.0
        """Of the time, where that is limited."""
        self.began = began
        self.seconds = self.share * (budget.spent() + budget.left() - reserved - began)

    def progress(self, clock: Clock) -> float:
        """How much of the phase is over while it lasts: 0 to 1 by samples or time, whichever is
        further. All processes call it together."""
        done = clock.samples / self.samples if self.samples else 1.0
        if math.isfinite(self.seconds):
            spent = (self.budget.spent() - self.began) / max(self.seconds, 1e-9)
            spent = self.parallel.largest(max(spent, 0.0))
            done = max(done, spent if self.share < 1 else min(spent, LAST))
        return min(done, 1.0)

    def over(self, clock: Clock) -> bool:
        """Whether the game has begun, or begins now. All processes call it together."""
        return clock.samples > clock.warm_up or self.progress(clock) >= 1

    def lr(self, clock: Clock) -> float:
        """The learning rate of the next step. All processes call it together."""
        rise = min((clock.steps + 1) / self.settings.ramp, 1.0) if self.settings.ramp else 1.0
        return self.settings.lr * rise * (1 + math.cos(math.pi * self.progress(clock))) / 2
