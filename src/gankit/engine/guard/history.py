"""What a run's checks have measured so far, and what can be told from it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

Values = Mapping[str, float]

DISTANCE, NOISE = "heldout_distance", "heldout_distance_noise"

WINDOW = 12
"""The last checks, over which progress is seen."""
GRACE = 10
"""Checks in which samples may still look as those of an untrained generator."""
LEARNS = 30
"""Checks in which a generator may still learn to follow conditions."""
FAR = 1.0
"""A first distance above this, which is that of two real items, is no start to compare with:
training had run away by then."""
FALLS, RISES, AT_LEAST = 0.05, 0.1, 0.03
"""Progress: a fall of the distance, and a rise of diversity or coverage, as shares and at least."""
JUMPS, THROWN = 0.08, 2.0
"""The median change of the held-out distance, and the mean size of logits after the first step,
where learning rates are too large."""
SIGNIFICANT = 4.0
"""Standard deviations of the held-out distance."""
TOLERANCE = 0.1
"""By which the held-out distance varies from check to check, as a share of the best."""


@dataclass
class History:
    """The first check, the last ones, and the best. Its attributes are JSON."""

    patience: int = 3
    """Checks in a row that a failure takes."""
    first: dict[str, float] = field(default_factory=dict)
    """The first check's values: an untrained generator's."""
    recent: list[dict[str, float]] = field(default_factory=list)
    """The last checks since the last intervention."""
    checks: int = 0
    """Of the game, since the start or the last intervention."""
    best: float | None = None
    """The least held-out distance since the last intervention, as the median of a few checks."""
    best_at: int = 0
    """Samples then."""
    best_ever: float | None = None
    """The least of the whole run."""
    usual_gradient: float = 0.0
    """The largest median of the generator's gradient's norm."""
    settled: bool = True
    """Whether the averaged generator has left its initial weights behind."""

    @property
    def young(self) -> bool:
        """Whether samples may still look as those of an untrained generator."""
        return self.checks <= GRACE or not self.settled

    def add(self, values: Values, samples: int) -> None:
        """Adds a check."""
        self.first = self.first or dict(values)
        self.recent = [*self.recent, dict(values)][-max(WINDOW, 2 * self.patience) :]
        self.checks += 1
        distance, gradient = self.typical(DISTANCE), self.typical("g_gradient")
        if gradient is not None:
            self.usual_gradient = max(self.usual_gradient, gradient)
        if distance is None or len(self.recent) < self.patience:
            return
        noise = self.recent[-1].get(NOISE, 0.0)
        if self.best is None or distance < self.best - noise:
            self.best, self.best_at = distance, samples
        if self.best_ever is None or distance < self.best_ever - noise:
            self.best_ever = distance

    def forget(self) -> None:
        """After an intervention: weights are older ones, and what followed them is no evidence."""
        self.recent, self.checks = [], 0
        self.best, self.best_at, self.usual_gradient = None, 0, 0.0

    @property
    def start(self) -> float:
        """The held-out distance of an untrained generator."""
        return min(self.first.get(DISTANCE, 0.0), FAR)

    def acceptable(self, values: Values) -> bool:
        """Whether the weights of a check are not significantly worse than the best."""
        distance = values.get(DISTANCE)
        if values.get("finite") == 0:
            return False
        best = self.best_ever
        return distance is None or best is None or distance <= bound(best, values)

    def last(self, name: str) -> list[float]:
        """A signal's last values, as many as ``patience``; none where one lacks."""
        found = [v[name] for v in self.recent[-self.patience :] if name in v]
        return found if len(found) == self.patience else []

    def typical(self, name: str) -> float | None:
        """The median of these."""
        found = [v[name] for v in self.recent[-self.patience :] if name in v]
        return statistics.median(found) if found else None

    @property
    def erratic(self) -> bool:
        """Whether samples jump from check to check, or one step was enough to throw the
        discriminator off: signs of a learning rate that is too large."""
        distances = [v[DISTANCE] for v in self.recent if DISTANCE in v]
        jumps = [abs(b - a) for a, b in pairwise(distances)]
        jumpy = len(jumps) > 1 and statistics.median(jumps) > JUMPS
        return jumpy or self.first.get("d_scale", 0.0) > THROWN

    def learns_conditions(self) -> bool:
        """Whether samples agree more with their conditions than a few checks ago, or may yet: that
        comes after their looks."""
        before, after = self._moved("condition_agreement") or (0.0, 1.0)
        return self.checks <= LEARNS or after > before + AT_LEAST

    def progresses(self, *names: str) -> bool:
        """Whether samples have become more like the data in the last checks: nearer to held-out
        items than ever, or higher by one of the signals."""
        fell = self._moved(DISTANCE)
        if fell is not None and self.best is not None:
            before, after = fell
            if after < (1 - FALLS) * before and after < (1 + FALLS) * self.best:
                return True
        return any(map(self.rises, names))

    def rises(self, name: str) -> bool:
        """Whether a signal has risen in the last checks."""
        before, after = self._moved(name) or (0.0, 0.0)
        return after > (1 + RISES) * before and after > before + AT_LEAST

    def falls(self, name: str) -> bool:
        """Whether a signal has fallen in the last checks."""
        before, after = self._moved(name) or (0.0, 0.0)
        return after < (1 - RISES) * before

    def _moved(self, name: str) -> tuple[float, float] | None:
        """The medians of the first and of the last checks that are remembered."""
        values, n = [v[name] for v in self.recent if name in v], self.patience
        if len(values) < 2 * n:
            return None
        return statistics.median(values[:n]), statistics.median(values[-n:])


def bound(best: float, values: Values) -> float:
    """The largest held-out distance that is no worse than the best, but for noise."""
    return best + SIGNIFICANT * values.get(NOISE, 0.0) + TOLERANCE * max(best, 0.0)
