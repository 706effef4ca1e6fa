"""What is changed when training has failed: one thing at a time, in this order.

- ``adapt``: γ of R1 and R2 is found by training (``penalty.gamma=auto``) where it was given: of
  both, even where one was off (R1 alone diverges where both converge, arXiv 2501.05441).
- ``gamma``: γ is 10 to 100 times as large, by how steep the discriminator is.
- ``lr``: both learning rates a tenth.
- ``optimiser``: the discriminator's moments anew.
- ``augment``: augmentation of the discriminator's input adapts to its overfitting (ADA, arXiv
  2006.06676, target 0.6), where the networks have any.
- ``skip``: every other step of the discriminator is left out (as in ASGAN, arXiv 2210.05271).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gankit.engine.gamma import START, STEEPNESS
from gankit.engine.guard.states import MEMORISING

ADAPT, GAMMA, LR, OPTIMISER = "adapt", "gamma", "lr", "optimiser"
AUGMENT, SKIP = "augment", "skip"
STEADY = ADAPT, LR, GAMMA, OPTIMISER, SKIP
ERRATIC = LR, ADAPT, LR, OPTIMISER, SKIP
"""Where samples jump from check to check, the first step threw the discriminator far off, or
training diverged though the discriminator is not steep."""
MEMORISED = AUGMENT, GAMMA, SKIP, LR, GAMMA
STRONGER = {ADAPT: GAMMA}
"""What is done in place of a rung that changes nothing."""
LEAST_GAMMA, MOST_GAMMA, LOWER_LR, ADA_TARGET = 10.0, 100.0, 0.1, 0.6


def ladder(state: str, erratic: bool) -> Sequence[str]:
    """The rungs for a failure."""
    if state == MEMORISING:
        return MEMORISED
    return ERRATIC if erratic else STEADY


def gamma_factor(steepness: float) -> float:
    """By what γ is multiplied where logits change so far between two real items: their square falls
    about as 1/γ, and is brought to what ``penalty.gamma=auto`` holds."""
    return min(max(steepness**2 / STEEPNESS, LEAST_GAMMA), MOST_GAMMA)


IN_WORDS = {
    ADAPT: "training finds gamma (penalty.gamma=auto)",
    GAMMA: "gamma of R1 and R2 is multiplied by {:.0f}",
    LR: "learning rates are divided by 10",
    OPTIMISER: "the discriminator's optimiser is started anew",
    AUGMENT: f"augment.target={ADA_TARGET}",
    SKIP: "every other step of the discriminator is left out",
}


@dataclass
class Changes:
    """What interventions have changed so far, and applies from then on. JSON."""

    gamma: float = 1.0
    """Factor of γ."""
    lr: float = 1.0
    """Factor of both learning rates."""
    adapt: bool = False
    augment: bool = False
    skip: bool = False
    taken: tuple[str, ...] = ()
    """The rungs so far."""

    def rung(self, state: str, erratic: bool, augments: bool, adapts: bool = False) -> str:
        """The next rung for a failure; empty where the ladder is used up.

        Args:
            erratic: whether samples jump from check to check.
            augments: whether augmentation can be switched on.
            adapts: whether γ is adapted anyway.
        """
        taken = list(self.taken)
        for rung in ladder(state, erratic):
            rung = STRONGER.get(rung, rung) if adapts else rung
            if rung in taken:
                taken.remove(rung)
            elif rung != AUGMENT or augments:
                return rung
        return ""

    def take(self, rung: str, steepness: float = 0.0) -> str:
        """Applies one; what was done, in words.

        Args:
            steepness: of the discriminator, as far as it is known.
        """
        self.taken = (*self.taken, rung)
        factor = gamma_factor(steepness)
        if rung == GAMMA:
            self.gamma *= factor
        elif rung == LR:
            self.lr *= LOWER_LR
        self.adapt |= rung == ADAPT
        self.augment |= rung == AUGMENT
        self.skip |= rung == SKIP
        return IN_WORDS[rung].format(factor)

    @property
    def in_words(self) -> str:
        """All changes, as settings: ``optim.lr ÷ 100, penalty.gamma=auto``."""
        gamma = f" × {self.gamma:.0f}" if self.gamma != 1 else ""
        found = {
            f"optim.lr ÷ {1 / self.lr:.0f}": self.lr != 1,
            f"penalty.gamma=auto{gamma}": self.adapt,
            f"penalty.gamma{gamma}": bool(gamma) and not self.adapt,
            f"augment.target={ADA_TARGET}": self.augment,
            "every other discriminator step left out": self.skip,
            "the discriminator's optimiser anew": OPTIMISER in self.taken,
        }
        return ", ".join(text for text, made in found.items() if made)

    @property
    def penalises(self) -> bool:
        """Whether R1 and R2 are on whatever the settings say."""
        return self.adapt or self.gamma != 1

    def applied(self, at: Mapping[str, float], spread: float) -> dict[str, float]:
        """Scheduled values with these changes.

        Args:
            spread: the mean distance of two real items.
        """
        found = {**at, "g_lr": at["g_lr"] * self.lr, "d_lr": at["d_lr"] * self.lr}
        if self.penalises:
            gamma = max(at["r1"], at["r2"]) or START * spread**2 / LEAST_GAMMA
            found["r1"] = found["r2"] = gamma * self.gamma
            found["gradient_penalty"] = at["gradient_penalty"] * self.gamma
        return found

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "taken": list(self.taken)}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Changes:
        """From :meth:`as_dict`.

        Raises:
            KeyError, TypeError: it is something else's.
        """
        return cls(**{**state, "taken": tuple(state["taken"])})
