"""The training clock, what is due, and every scheduled value."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gankit.engine.schedules import Scheduled, schedule
from gankit.engine.settings import AUTO, EngineSettings

WARM_UP, ADVERSARIAL = "warm-up", "adversarial"
"""The phases of training, as metrics name them."""


@dataclass
class Clock:
    """The progress of training."""

    samples: int = 0
    """Real samples seen, warm-up included."""
    steps: int = 0
    """Generator steps."""
    seconds: float = 0.0
    """Wall-clock seconds from the start of the command, summed over resumptions."""
    warm_up: int = 0
    """Samples, of these, of the warm-up."""
    capped: int = 0
    """Samples of the warm-up when it was decided to end it early; 0: it was not."""
    capped_progress: float = 0.0
    """How much of the warm-up was over then, 0 to 1."""
    best_nll: float = 1e300
    """The least negative log-likelihood of the items that are set aside for the warm-up."""
    worse: int = 0
    """Measurements since then, all of them worse."""
    began: float = 0.0
    """Seconds, of these, before training began."""

    @property
    def game(self) -> int:
        """Samples of the adversarial game."""
        return self.samples - self.warm_up

    @property
    def warming(self) -> bool:
        """Whether the last step was the warm-up's."""
        return self.samples == self.warm_up > 0

    @property
    def phase(self) -> str:
        """The phase of the last step."""
        return WARM_UP if self.warming else ADVERSARIAL


class Every:
    """Comes due every so many samples, or seconds, whichever is first; 0 samples never does."""

    def __init__(self, samples: int, seconds: float) -> None:
        self.samples, self.seconds = samples, seconds

    def start(self, seen: int) -> None:
        """Counts from here: on to the next multiple of ``samples``."""
        self.at = (seen // self.samples + 1) * self.samples if self.samples else float("inf")
        self.since = time.monotonic()

    def due(self, seen: int) -> bool:
        if seen < self.at and time.monotonic() - self.since < self.seconds:
            return False
        self.start(seen)
        return True


class TrainingSchedules:
    """Every value of the settings that changes during the game, on one clock."""

    def __init__(self, settings: EngineSettings) -> None:
        loss, optim = settings.loss, settings.optim
        gammas = dict(zip(("r1", "r2"), settings.gammas, strict=True))
        values: dict[str, Scheduled] = {
            **{k: gamma for k, gamma in gammas.items() if gamma != AUTO},  # else it is adapted
            "gradient_penalty": loss.gradient_penalty,
            "g_lr": optim.lr,
            "d_lr": optim.lr if optim.d_lr is None else optim.d_lr,
            "g_beta2": optim.beta2,
            "d_beta2": optim.beta2 if optim.d_beta2 is None else optim.d_beta2,
            "half_life": settings.ema.half_life,
            "augment_p": settings.augment.p,
        }
        self._schedules = {k: schedule(v, settings.train.burn_in) for k, v in values.items()}

    def at(self, samples: int) -> dict[str, float]:
        """The values after so many samples of the game."""
        return {name: value(samples) for name, value in self._schedules.items()}
