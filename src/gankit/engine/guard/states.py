"""The states of a run, and what is said of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

HEALTHY, WARNING, COLLAPSING = "healthy", "warning", "collapsing"
DIVERGED, MEMORISING, CONVERGED = "diverged", "memorising", "converged"
STATES = HEALTHY, WARNING, COLLAPSING, DIVERGED, MEMORISING, CONVERGED
FAILED = COLLAPSING, DIVERGED, MEMORISING
"""What is healed, or stops the run."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, as its metrics and the screen show it."""

    kind: str
    """``state``, ``heal``, ``stop``, ``early stop``, ``memory``."""
    text: str
    """One sentence with the evidence, or with what was done."""
    state: str = ""
    remedy: str = ""
    """What usually helps."""

    def as_dict(self) -> dict[str, Any]:
        """Without what is empty."""
        return {k: v for k, v in asdict(self).items() if v}

    @property
    def in_words(self) -> str:
        return f"{self.text}. {self.remedy}" if self.remedy else self.text


class DivergedError(Exception):
    """Losses or weights are not finite."""
