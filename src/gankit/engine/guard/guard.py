"""Watches a run at checks, and decides what is done: where training heals itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gankit.engine.guard.history import Values
from gankit.engine.guard.judge import Judge
from gankit.engine.guard.ladder import Changes
from gankit.engine.guard.rules import STEEPEST
from gankit.engine.guard.states import (
    CONVERGED,
    DIVERGED,
    FAILED,
    HEALTHY,
    UNWATCHED,
    WARNING,
    Event,
)
from gankit.engine.settings import GuardSettings

LEAST = 10
"""A check of n samples comes after so many times n samples, at the earliest: it costs about as much
as training on a fifth of n."""
SMALL = 100_000_000
"""Nor earlier than this over the number of parameters: small networks train faster than samples can
be compared."""
FEWEST = 40
"""Checks in a run, where that is long enough for as many."""
GROWS = 16
"""Checks are at least this part of the samples so far apart …"""
CHECKS = 100
"""… but there are about so many in a run."""
PINNED_EVERY = 8
"""Healthy checks between two checkpoints to return to."""


@dataclass
class Decision:
    """What a check led to."""

    events: list[Event]
    heal: str = ""
    """The rung to take, after the weights of ``healthy`` are restored; empty for none."""
    stop: bool = False
    """Whether training ends here."""
    pin: bool = False
    """Whether a checkpoint is due that training can return to."""
    best: bool = True
    """Whether the weights as they are are the best, or as good."""


@dataclass
class Guard:
    """Its attributes but for the settings are JSON, and are part of a checkpoint.

    Args:
        settings: of the guard.
        samples: that training will have seen.
    """

    settings: GuardSettings
    samples: int
    parameters: int = SMALL
    """Of both networks."""
    active: bool = True
    """Whether there is anything to check by: False for private runs."""
    heals: bool = True
    """Whether there is a folder with checkpoints to return to."""
    augments: bool = False
    """Whether augmentation can be switched on."""
    adapts: bool = False
    """Whether γ is adapted by the settings."""
    judge: Judge = field(default_factory=Judge)
    changes: Changes = field(default_factory=Changes)
    next_at: int = 0
    """Samples of the next check."""
    checked_at: int = 0
    """Samples of the last one."""
    duality_at: int = 0
    """Samples of the next measurement of the duality gap."""
    healthy: int = 0
    """The checkpoint to return to, by its samples: the last that healthy checks followed."""
    candidate: int = 0
    """The newest one that was written while healthy."""
    since_pin: int = 0
    """Healthy checks since then."""
    reported: str = HEALTHY
    """The state at the last check."""
    announced: str = HEALTHY
    """The last state that was said."""
    playing: bool = False
    """Whether the game has begun."""
    unmade: bool = False
    """Whether it was said that a check could not be made."""
    exhausted: bool = False
    """Whether it was said that the ladder is used up."""

    def __post_init__(self) -> None:
        self.judge.patience = self.settings.patience

    @property
    def state(self) -> str:
        return self.reported if self.active else UNWATCHED

    @property
    def failed_before(self) -> bool:
        """Whether the run was stopped for a failure, and would be again."""
        return self.settings.action == "stop" and self.judge.state in FAILED

    @property
    def can_heal(self) -> bool:
        """Whether a failure at the next check would be answered."""
        left = len(self.changes.taken) < self.settings.attempts
        return self.heals_now and self.playing and left

    @property
    def pinned(self) -> frozenset[int]:
        """Checkpoints that are kept."""
        return frozenset({self.healthy, self.candidate}) if self._returns else frozenset()

    @property
    def _returns(self) -> bool:
        return self.active and self.heals and self.settings.action != "warn"

    @property
    def heals_now(self) -> bool:
        """Whether a failure is answered by an intervention."""
        return self._returns and self.settings.action == "heal"

    def due(self, samples: int) -> bool:
        """Whether a check is due after so many samples; a function of these alone."""
        return self.active and samples >= self.next_at

    def due_at_end(self, samples: int) -> bool:
        """Whether the weights at the end have still to be compared with the best."""
        return self.active and self.judge.best_ever is not None and samples > self.checked_at

    def _plan_next(self, samples: int) -> None:
        self.checked_at = samples
        if every := self.settings.every:
            self.next_at = (samples // every + 1) * every
            return
        small = min(SMALL // max(self.parameters, 1), self.samples // FEWEST)
        least = max(LEAST * self.settings.samples, small)
        most = max(self.samples // CHECKS, least)
        self.next_at = samples + min(max(samples // GROWS, least), most)

    def check(
        self, values: Values, samples: int, playing: bool = True, settled: bool = True
    ) -> Decision:
        """Judges what was measured, and decides.

        Args:
            playing: whether there is a game, whose settings can be changed.
            settled: whether the averaged generator has left its initial weights behind.
        """
        self._plan_next(samples)
        if playing and not self.playing:  # another training: what was seen before is no evidence
            self.judge.begin_again()
            self.playing = True
        event = self.judge.judge(values, samples, playing, settled)
        self.reported = event.state
        decision = Decision([], best=self.judge.acceptable(values))
        if event.state != self.announced and (event.state != HEALTHY or self.judge.checks > 1):
            self.announced = event.state
            decision.events.append(event)
        if event.state in FAILED:
            self._react(event.state, samples, decision)
        else:
            self._pin(event.state, samples, decision)
            self._stop_early(samples, decision)
        return decision

    def left_out(self, why: str, samples: int) -> Decision:
        """A check that could not be made, which is said once."""
        self._plan_next(samples)
        said, self.unmade = self.unmade, True
        text = f"training could not be checked ({why}), and goes on"
        return Decision([] if said else [Event("check", text)], best=True)

    def _react(self, state: str, samples: int, decision: Decision) -> None:
        action = self.settings.action
        if action == "stop":
            decision.stop = True
            text = "training is stopped here (guard.action=stop)"
            decision.events.append(Event("stop", text, state))
        if not (self.heals_now and self.playing):
            return
        used = len(self.changes.taken)
        rung, steepness = "", self.judge.typical("d_steepness") or 0.0
        if used < self.settings.attempts:
            thrown = state == DIVERGED and steepness < STEEPEST
            erratic = self.judge.erratic or thrown
            rung = self.changes.rung(state, erratic, self.augments, self.adapts)
        if not rung:
            if not self.exhausted:
                self.exhausted = True
                text = f"nothing more is changed after {used} interventions"
                decision.events.append(Event("exhausted", text, state))
            return
        done = self.changes.take(rung, steepness)
        decision.heal = rung
        weights = (
            f"the weights of {self.healthy:,} samples" if self.healthy else "the initial weights"
        )
        text = (
            f"healing: back to {weights}; {done} (attempt {used + 1} of {self.settings.attempts})"
        )
        if used:
            text += f". Changed in all: {self.changes.in_words}"
        decision.events.append(Event("heal", text, state))
        self.judge.begin_again()
        self.announced, self.candidate, self.since_pin = HEALTHY, self.healthy, 0

    def _pin(self, state: str, samples: int, decision: Decision) -> None:
        """What was written while healthy is returned to, once checks after it were healthy too."""
        if not self._returns or state == WARNING or not decision.best:
            return
        self.since_pin += 1
        if self.since_pin >= self.settings.patience:
            self.healthy = self.candidate
        if self.since_pin >= max(PINNED_EVERY, self.settings.patience):
            self.candidate, self.since_pin, decision.pin = samples, 0, True

    def _stop_early(self, samples: int, decision: Decision) -> None:
        share, best_at = self.settings.early_stop, self.judge.best_at
        if not share or self.state != CONVERGED or samples - best_at < share * samples:
            return
        decision.stop = True
        text = (
            f"training ends early: the distance to held-out items has not improved since "
            f"{best_at:,} samples (guard.early_stop={share:g})"
        )
        decision.events.append(Event("early stop", text, CONVERGED))

    # --- As part of a checkpoint ----------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """All that :meth:`resume` needs, as JSON."""
        numbers = {k: getattr(self, k) for k in NUMBERS}
        return {**numbers, "judge": asdict(self.judge), "changes": self.changes.as_dict()}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continues from :meth:`as_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        for name in NUMBERS:
            value = state[name]
            if not isinstance(value, str if name in ("announced", "reported") else int):
                raise ValueError(f"guard: {name} is {value!r}")
            setattr(self, name, value)
        self.judge, self.changes = Judge(**state["judge"]), Changes.of(state["changes"])
        self.judge.patience = self.settings.patience


NUMBERS = (
    *("next_at", "checked_at", "duality_at", "healthy", "candidate", "since_pin"),
    *("announced", "reported", "playing", "exhausted", "unmade"),
)
"""Attributes of a checkpoint, but for the judge and the changes."""
