"""``penalty.gamma=auto``: the weight of R1 and R2, found from the gradients that they penalise.

The weight is in the square of the data's units, and what suits one data set is thousands of times
too large for another. What has no unit is D's *steepness*, ``S^2 = E||grad D||^2 E||x - x'||^2``:
how far the logit moves over the distance between two real samples. A steep D saturates the loss
between samples, and G learns little from it; a flat one drowns in the noise of its own steps. So
gamma is raised while D is steeper than :data:`STEEPNESS`, and lowered while it is flatter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gankit.engine.parallel import ParallelContext

STEEPNESS = 2.0
"""What S^2 is adapted to."""
START = 0.02
"""Gamma at the start, relative to the mean squared distance of two real samples."""
EVERY = 16
"""Penalised steps of D between two corrections."""
FASTEST, SLOWEST, SETTLING = 0.5, 0.05, 10
"""Of log gamma per correction where S^2 is off by a factor of e or more: at first, when its
magnitude has to be found; in the long run; and the corrections after which it is half as fast."""
VALUES = 5
"""Of its state."""
RANGE = 1e4
"""Gamma stays within this factor of its start."""


class AdaptiveGamma:
    """The weight and how it is found; the same in all processes, and exact when resumed.

    What it measures stays on the device, and is read once in :data:`EVERY` steps.
    """

    def __init__(self, parallel: ParallelContext) -> None:
        self.parallel = parallel
        self.value = 0.0
        """0 before the first step."""
        self.spread = 0.0
        """The mean squared distance of two real samples."""
        self.factor = 1.0
        """Of the weight, which the caller multiplies: D is then so much less steep."""
        self.corrections = self.steps = 0
        """Corrections so far, and penalised steps since the last."""
        self._slopes = torch.zeros(())  # summed over these steps

    def begin(self, real: Tensor) -> None:
        """Sets the first value, from this process's part (N, *shape) of a batch of real samples as
        D sees them. All processes call it together."""
        whole = torch.cat(self.parallel.gather(real.detach())).flatten(1).cpu().double()
        self.spread = max(2 * float(whole.var(0).sum()), 1e-12)
        self.value, self.corrections, self.steps = START * self.spread, 0, 0
        self._slopes = torch.zeros((), device=real.device)

    def observe(self, logs: Sequence[Mapping[str, Tensor]]) -> None:
        """Adds what the pieces of a penalised step of D logged: 0-d ``r1`` and ``r2``, the mean
        squared norms of gradients. All processes call it together."""
        slopes = [piece["r1"] + piece["r2"] for piece in logs]
        self._slopes = self._slopes + sum(slopes[1:], slopes[0]) / (2 * len(slopes))
        self.steps += 1
        if self.steps == EVERY:
            self.correct(self._shared() / EVERY)

    def correct(self, slope: float) -> None:
        """Moves gamma by what the mean squared norm of gradients was, where that is finite."""
        held = STEEPNESS / self.factor
        off = math.log(max(slope * self.spread, 1e-30) / held) if math.isfinite(slope) else 0.0
        rate = max(FASTEST / (1 + self.corrections / SETTLING), SLOWEST)
        moved = self.value * math.exp(rate * min(max(off, -1.0), 1.0))
        start = START * self.spread
        self.value = min(max(moved, start / RANGE), start * RANGE)
        self.corrections, self.steps = self.corrections + 1, 0
        self._slopes = torch.zeros_like(self._slopes)

    def _shared(self) -> float:
        """The sum of squared norms, the mean over all processes."""
        found = float(self._slopes)
        return found if self.parallel.size == 1 else self.parallel.mean({"sum": found})["sum"]

    def state(self) -> Tensor:
        """What a checkpoint stores, (5,) float64; all processes call it together."""
        shared = self._shared()
        shared = shared if math.isfinite(shared) else 0.0  # of networks that the guard will restore
        self._slopes = torch.full_like(self._slopes, shared)  # as after a resume
        kept = self.value, self.spread, self.corrections, self.steps, shared
        return torch.tensor(kept, dtype=torch.float64)

    def load(self, state: Tensor | None, device: torch.device) -> None:
        """Continues from what :meth:`state` gave; from the start where there was none.

        Raises:
            ValueError: it is damaged.
        """
        if state is None:
            self.value = 0.0
            return
        value, spread, corrections, steps, slopes = state.tolist()
        if min(value, spread, corrections, slopes) < 0 or not 0 <= steps < EVERY:
            raise ValueError(f"{state.tolist()} is no state of gamma")
        self.value, self.spread = value, spread
        self.corrections, self.steps = int(corrections), int(steps)
        self._slopes = torch.full((), slopes, device=device)
