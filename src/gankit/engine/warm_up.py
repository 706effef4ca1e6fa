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

LONGEST_RAMP = 0.1
"""The part of the phase after which the learning rate has risen at the latest."""
PATIENCE = 2
"""Measurements in a row without a gain after which the warm-up is ended early."""
REST = 0.2
"""Samples in which a warm-up that is ended early lets its learning rate fall to 0, as a share of
those so far."""


class WarmUp:
    """How far the phase is, and the learning rate there.

    Args:
        settings: with the samples that training really has.
        budget: its time, where limited, ends the phase after its share.
        parallel: all processes agree on how far it is; they build and advance it together.
        clock: where training stands.
        reserved: seconds of the budget that are kept for what follows training.
    """

    def __init__(
        self,
        settings: EngineSettings,
        budget: Budget,
        parallel: ParallelContext,
        clock: Clock,
        reserved: float = 0.0,
    ) -> None:
        train, self.settings = settings.train, settings.warm_up
        self.samples, self.budget, self.parallel = train.warm_up_samples, budget, parallel
        self.is_all = train.by_likelihood
        """Whether no game follows."""
        share = train.warm_up if train.warm_up <= 1 else 1.0
        self.began = clock.began
        self.seconds = share * (budget.spent() + budget.left() - reserved - self.began)
        self.progress = self._progress(clock)
        """How much of the phase is over, 0 to 1, by samples or time, whichever is further."""

    @property
    def over(self) -> bool:
        """Whether the next step is the game's."""
        return self.progress >= 1

    def lr(self, clock: Clock) -> float:
        """The learning rate of the next step."""
        rise = max((clock.steps + 1) / max(self.settings.ramp, 1), self.progress / LONGEST_RAMP)
        return self.settings.lr * min(rise, 1.0) * (1 + math.cos(math.pi * self.progress)) / 2

    def advance(self, clock: Clock, samples: int) -> None:
        """Counts a step on so many samples."""
        clock.warm_up += samples
        clock.samples += samples
        self.progress = self._progress(clock)

    def cap(self, clock: Clock) -> None:
        """Ends the phase early: what is left of the cosine is run through in a few samples more."""
        clock.capped, clock.capped_progress = clock.samples, self.progress

    def _progress(self, clock: Clock) -> float:
        if clock.game or not self.samples:
            return 1.0
        done = clock.samples / self.samples
        if math.isfinite(self.seconds):
            spent = (self.budget.spent() - self.began) / max(self.seconds, 1e-9)
            done = max(done, self.parallel.largest(spent))
        if clock.capped:
            rest = (clock.samples - clock.capped) / (REST * clock.capped)
            done = max(done, clock.capped_progress + (1 - clock.capped_progress) * rest)
        return min(done, 1.0)
