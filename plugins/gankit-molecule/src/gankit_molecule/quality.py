"""Doubts about generated molecules: invalid ones, repeats, copies of the training data."""

from __future__ import annotations

from dataclasses import dataclass

MIN_COUNT = 10
"""Molecules below which shares say little, unless most are invalid."""
FEW_VALID, FEW_DIFFERENT, FEW_NEW = 0.8, 0.5, 0.3
"""Shares below which there is a warning: of valid ones among all, of different ones among these,
and of new ones among those."""
MUCH_SMALLER, LESS_DIVERSE = 0.6, 0.07
"""Share of the data's median size, and difference from its internal diversity, beyond which there
is a warning."""


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

    def left_out(self) -> list[str]:
        """A sentence on invalid ones that are not written, if there are any."""
        lost = self.total - self.valid
        seeds = "1 seed" if lost == 1 else f"{lost:,} seeds"
        said = (
            f"{self.valid:,} of {self.total:,} molecules are written: {seeds} gave no valid "
            "molecule; raw=true writes these texts as they are"
        )
        return [said] if lost else []

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


def unlike(size: tuple[float, float], diversity: tuple[float, float]) -> list[str]:
    """A sentence for each way in which generated molecules are poorer than the data's.

    Args:
        size: median number of heavy atoms, of generated and of real molecules.
        diversity: internal diversity (Polykovskiy et al. 2020) of both.
    """
    found = []
    if size[0] < MUCH_SMALLER * size[1]:
        found.append(
            f"generated molecules are small: {size[0]:.0f} heavy atoms in the median, where the "
            f"data has {size[1]:.0f}. Train longer"
        )
    if diversity[0] < diversity[1] - LESS_DIVERSE:
        found.append(
            f"generated molecules are alike: internal diversity {diversity[0]:.2f}, where the data "
            f"has {diversity[1]:.2f}. Train longer, on more molecules, or raise temperature"
        )
    return found
