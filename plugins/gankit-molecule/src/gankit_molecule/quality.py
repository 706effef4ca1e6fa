"""Doubts about generated molecules: invalid ones, repeats, copies of the training data."""

from __future__ import annotations

from dataclasses import dataclass

MIN_COUNT = 10
"""Molecules below which shares say little, unless most are invalid."""
FEW_VALID, FEW_DIFFERENT, FEW_NEW = 0.8, 0.5, 0.3
"""Shares below which there is a warning: of valid ones among all, of different ones among these,
and of new ones among those."""


@dataclass(frozen=True)
class Counts:
    """Generated molecules.

    Attributes:
        valid: those that are valid.
        different: distinct ones among them.
        new: distinct ones that are not in the training data; None where that is unknown.
    """

    total: int
    valid: int
    different: int
    new: int | None = None

    def named(self) -> dict[str, int]:
        """The counts by name."""
        found = {"valid": self.valid, "different": self.different}
        return found if self.new is None else {**found, "new": self.new}

    def doubts(self) -> list[str]:
        """A sentence for each count that is low, with what to do."""
        few = self.total < MIN_COUNT
        if self.valid < (0.5 if few else FEW_VALID) * self.total:
            return [
                f"{self.total - self.valid:,} of {self.total:,} generated molecules are invalid: "
                "train on more molecules or longer, or lower temperature"
            ]
        if few:
            return []
        found = []
        if self.different < FEW_DIFFERENT * self.valid:
            found.append(
                f"only {self.different:,} different molecules among {self.valid:,} valid ones: "
                "train on more molecules or longer, raise temperature, or ask for less"
            )
        if self.new is not None and self.new < FEW_NEW * self.different:
            copies = self.different - self.new
            found.append(
                f"{copies:,} of {self.different:,} different molecules are in the training data: "
                "set novel=true, raise temperature, or train on more molecules"
            )
        return found
