"""The states of a run, and what is said of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

HEALTHY, WARNING, COLLAPSING = "healthy", "warning", "collapsing"
DIVERGED, MEMORISING, CONVERGED = "diverged", "memorising", "converged"
STATES = HEALTHY, WARNING, COLLAPSING, DIVERGED, MEMORISING, CONVERGED
UNWATCHED = "not watched"
"""A private run's, whose guard may not see real items."""
FAILED = COLLAPSING, DIVERGED, MEMORISING
"""What is healed, or stops the run."""


GOOD = HEALTHY, CONVERGED
"""What is no reason to do anything."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, as its metrics and the screen show it."""

    kind: str
    """``state``, ``heal``, ``exhausted``, ``stop``, ``early stop``, ``check``, ``memory``."""
    text: str
    """One sentence with the evidence, or with what was done."""
    state: str = ""
    remedy: str = ""
    """What usually helps."""

    def as_dict(self) -> dict[str, Any]:
        """Without what is empty."""
        return {k: v for k, v in asdict(self).items() if v}

    @property
    def is_good(self) -> bool:
        """Whether training is well, or well again."""
        return self.state in GOOD

    @property
    def said(self) -> str:
        """The sentence, after the new state where it is about that."""
        return f"{self.state}: {self.text}" if self.kind == "state" else self.text

    @property
    def in_words(self) -> str:
        """The same, and what usually helps."""
        return f"{self.said}. {self.remedy}" if self.remedy else self.said


class DivergedError(Exception):
    """Losses or weights are not finite."""
