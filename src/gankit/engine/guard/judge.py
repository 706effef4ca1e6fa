"""From what checks measure to a state: one bad check is noise, several in a row are a failure.

Thresholds were chosen on the development runs of benchmarks/guard.py, and are measured on others.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gankit.engine.guard.states import (
    COLLAPSING,
    CONVERGED,
    DIVERGED,
    HEALTHY,
    MEMORISING,
    WARNING,
    Event,
)

Values = Mapping[str, float]

GRACE = 8
"""Checks in which samples may still look as those of an untrained generator."""
CONVERGES = 24
"""Checks before training can have converged."""
FEW_MODES, ALIKE = 0.3, 0.25
"""Diversity, of all samples and within conditions, below which samples have collapsed."""
MOVES = 0.05
"""Relative changes of a signal that count as one."""
FAR = 1.0
"""A first held-out distance above this, which is that of two real items, is no start to compare
with: training had run away by then."""
LOST = 0.15
"""The share of what the held-out distance had gained, that is lost when training falls apart."""
RUNAWAY = 1e3
"""Logits of this size: the discriminator's scale runs away."""
COPIED = 0.15
"""How far copying may exceed its baseline."""
OVERFITS = 0.85
CERTAIN = 0.99
"""Accuracy of the discriminator on pairs."""
IGNORED = 0.3
"""The share of real items' agreement with their conditions, below which these are ignored."""
VANISHED = 1e-3
"""The share of its usual norm, below which the generator's gradient has vanished."""
SIGNIFICANT = 4.0
"""Standard deviations of the held-out distance."""
TOLERANCE = 0.1
"""By which the held-out distance varies from check to check, as a share of the best."""
STALE = 0.5
"""The share of the samples so far without a gain, after which training has converged."""


@dataclass
class Judge:
    """Judges one check after another. Its attributes are JSON, and are what a checkpoint keeps."""

    patience: int = 3
    """Checks in a row that a failure takes."""
    first: dict[str, float] = field(default_factory=dict)
    """The first check's values: an untrained generator's."""
    recent: list[dict[str, float]] = field(default_factory=list)
    """The last checks, twice as many as ``patience``, since the last intervention."""
    checks: int = 0
    """Of the game, since the start or the last intervention."""
    best: float | None = None
    """The least held-out distance, as the median of a few checks."""
    best_at: int = 0
    """Samples then."""
    usual_gradient: float = 0.0
    """The largest median of the generator's gradient's norm."""
    calm: int = 0
    """Checks in a row without a sign of failure."""
    state: str = HEALTHY
    settled: bool = True
    playing: bool = True

    @property
    def start(self) -> float:
        """The held-out distance of an untrained generator."""
        return min(self.first.get(DISTANCE, 0.0), FAR)

    @property
    def young(self) -> bool:
        """Whether samples may still look as those of an untrained generator."""
        return self.checks <= GRACE or not self.settled

    def judge(
        self, values: Values, samples: int, playing: bool = True, settled: bool = True
    ) -> Event:
        """The state after a check, with its evidence.

        Args:
            values: as :meth:`gankit.engine.guard.probe.Probe.measure` gives them.
            samples: seen so far.
            playing: whether there is a game, which has other remedies than the warm-up.
            settled: whether the averaged generator has left its initial weights behind.
        """
        self.settled, self.playing = settled, playing
        if values.get("finite") == 0:
            return self._now(Event("state", "generated samples are not finite", DIVERGED, STEEP))
        self.first = self.first or dict(values)
        self.recent = [*self.recent, dict(values)][-2 * self.patience :]
        self.checks += 1
        self._follow_best(samples)
        if self.checks < self.patience:
            return self._now(Event("state", "training began", self._kept()))
        for rule in (diverged, memorising, lost, collapsing, doubtful):
            if found := rule(self):
                self.calm = 0
                return self._now(found)
        self.calm += 1
        if found := converged(self, samples):
            return self._now(found)
        calm = self.state == HEALTHY or self.calm >= self.patience
        text = "no sign of failure any more" if calm else "not yet over"
        return self._now(Event("state", text, HEALTHY if calm else self.state))

    def begin_again(self) -> None:
        """After an intervention: what was seen before is no evidence any more."""
        self.recent, self.checks, self.calm, self.state = [], 0, 0, HEALTHY

    def _kept(self) -> str:
        return self.state if self.state in (HEALTHY, WARNING, CONVERGED) else HEALTHY

    def _now(self, event: Event) -> Event:
        self.state = event.state
        if event.remedy and not self.playing:
            event = replace(event, remedy=IN_WARM_UP[event.remedy])
        return event

    def _follow_best(self, samples: int) -> None:
        distance, gradient = self.typical(DISTANCE), self.typical("g_gradient")
        if gradient is not None:
            self.usual_gradient = max(self.usual_gradient, gradient)
        if distance is None or len(self.recent) < self.patience:
            return
        noise = self.recent[-1].get(NOISE, 0.0)
        if self.best is None or distance < self.best - noise:
            self.best, self.best_at = distance, samples

    def acceptable(self, values: Values) -> bool:
        """Whether the weights of a check are not significantly worse than the best."""
        distance = values.get(DISTANCE)
        if values.get("finite") == 0:
            return False
        return distance is None or self.best is None or distance <= self._bound(values)

    def _bound(self, values: Values) -> float:
        assert self.best is not None
        return self.best + SIGNIFICANT * values.get(NOISE, 0.0) + TOLERANCE * max(self.best, 0.0)

    def last(self, name: str) -> list[float]:
        """A signal's last values, as many as ``patience``; none where one lacks."""
        found = [v[name] for v in self.recent[-self.patience :] if name in v]
        return found if len(found) == self.patience else []

    def typical(self, name: str) -> float | None:
        """The median of these."""
        found = [v[name] for v in self.recent[-self.patience :] if name in v]
        return statistics.median(found) if found else None

    def improving(self, name: str) -> bool:
        """Whether a signal rises, or the held-out distance falls to where it never was, against
        ``patience`` checks ago."""

        def moved(signal: str) -> float:
            values = [v[signal] for v in self.recent if signal in v]
            if len(values) <= self.patience or not values[-1 - self.patience]:
                return 1.0
            return values[-1] / values[-1 - self.patience]

        new = self.best is None or self.recent[-1].get(DISTANCE, 0.0) < (1 + MOVES) * self.best
        return moved(name) > 1 + MOVES or (new and moved(DISTANCE) < 1 - MOVES)

    @property
    def learns_conditions(self) -> bool:
        """Whether samples agree more with their conditions than a few checks ago, or may yet: that
        comes after their looks."""
        found = [v[AGREEMENT] for v in self.recent if AGREEMENT in v]
        earlier, later = found[: -self.patience], found[-self.patience :]
        gained = statistics.mean(later) - statistics.mean(earlier) if earlier else 1.0
        return self.checks <= 2 * GRACE or gained > MOVES


AGREEMENT, COVERAGE = "condition_agreement", "coverage"
DISTANCE, NOISE = "heldout_distance", "heldout_distance_noise"

STEEP = "Raise penalty.gamma, or lower optim.lr"
OVERFITTING = "Set augment.target=0.6, raise penalty.gamma, or add data"
LABELS = "Check that the labels are right, or train longer"
IN_WARM_UP = {
    STEEP: "Lower warm_up.lr",
    OVERFITTING: "Set warm_up.early_stop=true, raise warm_up.weight_decay, or add data",
    LABELS: LABELS,
}
"""The same where the generator learns by its likelihood."""

Rule = Callable[[Judge], Event | None]


def diverged(judge: Judge) -> Event | None:
    """Logits that run away, or samples far from all data."""
    scale, distance = judge.last("d_scale"), judge.last(DISTANCE)
    if scale and min(scale) > RUNAWAY:
        text = f"the discriminator's logits have run away: their mean size is {scale[-1]:,.0f}"
        return Event("state", text, DIVERGED, STEEP)
    start = judge.start
    if distance and min(distance) > max(1.5 * start, 0.5) and judge.checks > judge.patience:
        text = (
            f"generated samples are further from held-out items ({distance[-1]:.2f}) than those of "
            f"an untrained generator ({start:.2f})"
        )
        return Event("state", text, DIVERGED, STEEP)
    return None


def lost(judge: Judge) -> Event | None:
    """Quality that was there, and is no more."""
    distance, best = judge.last(DISTANCE), judge.best
    if not distance or best is None:
        return None
    gained = judge.start - best
    bound = max(judge._bound(judge.recent[-1]), best + LOST * gained)
    if min(distance) <= bound or judge.best_at == 0:
        return None
    text = (
        f"samples get worse: their distance to held-out items is {distance[-1]:.3f}, and was "
        f"{best:.3f} after {judge.best_at:,} samples"
    )
    return Event("state", text, COLLAPSING, STEEP)


def collapsing(judge: Judge) -> Event | None:
    """Samples that vary far less than real ones, and ever less."""
    if judge.young:
        return None
    for name, least, what in (
        ("diversity", FEW_MODES, "the effective modes of real items"),
        ("class_diversity", ALIKE, "the spread of real items of the same condition"),
    ):
        found = judge.last(name)
        if found and max(found) < least and not judge.improving(name):
            text = f"generated samples have {found[-1]:.0%} of {what}"
            return Event("state", text.replace("%", " %"), COLLAPSING, STEEP)
    return None


def memorising(judge: Judge) -> Event | None:
    """Samples that are nearer to single training items than unseen real ones are."""
    found, real = judge.last("copying"), judge.first.get("copying_real", 0.5)
    if not found or min(found) < real + COPIED or judge.young:
        return None
    text = (
        f"samples repeat training items: with a probability of {found[-1]:.2f} one is nearer to a "
        f"training item than an unseen item is ({real:.2f} is ideal)"
    )
    return Event("state", text, MEMORISING, OVERFITTING)


def doubtful(judge: Judge) -> Event | None:
    """What need not be a failure, and often ends in one."""
    if judge.young:
        return None
    overfits, certain = judge.last("d_overfitting"), judge.last("d_accuracy")
    if overfits and min(overfits) > OVERFITS:
        text = (
            f"the discriminator overfits: held-out items are {overfits[-1]:.0%} of the way to what "
            "generated samples are to it"
        )
        return Event("state", text.replace("%", " %"), WARNING, OVERFITTING)
    gradient = judge.last("g_gradient")
    if gradient and max(gradient) < VANISHED * judge.usual_gradient:
        text = (
            f"the generator's gradient has vanished: its norm is {gradient[-1]:.1e}, and was "
            f"{judge.usual_gradient:.1e}"
        )
        return Event("state", text, WARNING, STEEP)
    agrees, real = judge.last(AGREEMENT), judge.first.get(f"{AGREEMENT}_real")
    if agrees and real and max(agrees) < IGNORED * real and not judge.learns_conditions:
        text = (
            f"the condition is ignored: samples agree with theirs by {agrees[-1]:.2f}, real items "
            f"by {real:.2f}"
        )
        return Event("state", text, WARNING, LABELS)
    if certain and min(certain) > CERTAIN and not judge.improving(COVERAGE):
        text = f"the discriminator tells {certain[-1]:.1%} of pairs apart".replace("%", " %")
        return Event("state", text, WARNING, OVERFITTING)
    return None


def converged(judge: Judge, samples: int) -> Event | None:
    """A held-out distance that has not improved for half of the samples, and is near its best."""
    if judge.best is None or samples - judge.best_at < STALE * samples:
        return None
    if judge.state != CONVERGED and (
        judge.checks < CONVERGES or not judge.acceptable(judge.recent[-1])
    ):
        return None
    text = (
        f"the distance to held-out items is {judge.best:.3f} (real items "
        f"{judge.first.get(DISTANCE + '_real', 0.0):.3f}), and has not improved since "
        f"{judge.best_at:,} samples, as far as a check can tell"
    )
    return Event("state", text, CONVERGED)


def restored(state: Mapping[str, Any]) -> Judge:
    """A judge from its attributes.

    Raises:
        TypeError: they are another's.
    """
    return Judge(**state)
