"""What is changed when training has failed: one thing at a time, in this order.

- ``gamma``: γ of R1 and R2 ten times as large, and both where one was off (R1 alone diverges where
  both converge, arXiv 2501.05441, appendix).
- ``lr``: both learning rates a fifth.
- ``optimiser``: the discriminator's moments anew.
- ``augment``: augmentation of the discriminator's input adapts to its overfitting (ADA, arXiv
  2006.06676, target 0.6), where the networks have any.
- ``skip``: every other step of the discriminator is left out (as in ASGAN, arXiv 2210.05271).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gankit.engine.gamma import START
from gankit.engine.guard.states import COLLAPSING, DIVERGED, MEMORISING

GAMMA, LR, OPTIMISER, AUGMENT, SKIP = "gamma", "lr", "optimiser", "augment", "skip"
LADDERS: Mapping[str, Sequence[str]] = {
    COLLAPSING: (GAMMA, LR, GAMMA, LR, SKIP),
    DIVERGED: (LR, LR, GAMMA, LR, OPTIMISER),
    MEMORISING: (AUGMENT, GAMMA, SKIP, LR, GAMMA),
}
"""For each failure."""
HIGHER_GAMMA, LOWER_LR, ADA_TARGET = 10.0, 1 / 5, 0.6

IN_WORDS = {
    GAMMA: "raised gamma of R1 and R2 tenfold",
    LR: "lowered the learning rates to a fifth",
    OPTIMISER: "started the discriminator's optimiser anew",
    AUGMENT: f"set augment.target={ADA_TARGET}",
    SKIP: "leaves out every other step of the discriminator",
}


@dataclass
class Changes:
    """What interventions have changed so far, and applies from then on. JSON."""

    gamma: float = 1.0
    """Factor of γ."""
    lr: float = 1.0
    """Factor of both learning rates."""
    augment: bool = False
    skip: bool = False
    taken: tuple[str, ...] = ()
    """The rungs so far."""

    def rung(self, state: str, augments: bool) -> str:
        """The next rung for a failure; empty where the ladder is used up.

        Args:
            augments: whether augmentation can be switched on.
        """
        taken = list(self.taken)
        for rung in LADDERS[state]:
            if rung in taken:
                taken.remove(rung)
            elif rung != AUGMENT or augments:
                return rung
        return ""

    def take(self, rung: str) -> None:
        """Applies one."""
        self.taken = (*self.taken, rung)
        if rung == GAMMA:
            self.gamma *= HIGHER_GAMMA
        elif rung == LR:
            self.lr *= LOWER_LR
        self.augment |= rung == AUGMENT
        self.skip |= rung == SKIP

    @property
    def penalises(self) -> bool:
        """Whether R1 and R2 are on whatever the settings say."""
        return self.gamma != 1

    def applied(self, at: Mapping[str, float], spread: float) -> dict[str, float]:
        """Scheduled values with these changes.

        Args:
            spread: the mean distance of two real items.
        """
        found = {**at, "g_lr": at["g_lr"] * self.lr, "d_lr": at["d_lr"] * self.lr}
        if self.penalises:
            gamma = max(at["r1"], at["r2"]) or START * spread**2 / HIGHER_GAMMA
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
