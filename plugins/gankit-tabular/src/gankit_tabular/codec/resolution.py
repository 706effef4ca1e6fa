"""How finely a column is coded: by one digit and a position, or by two digits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resolution:
    """How many codes a column gets. The default is one digit, and a position within a bin."""

    bins: int = 8
    """Quantile bins of a number with many values."""
    few: int = 32
    """A number with at most so many distinct values has a code for each."""
    share: float = 0.05
    """A value with at least this share of rows has a code of its own: a zero, a round figure."""
    categories: int = 96
    """The most frequent categories have codes of their own; the others share those of groups."""
    groups: int = 8
    """Groups of rare categories, of similar frequency each."""
    cells: int = 0
    """Codes of a second digit, which divides a bin into cells, or its few distinct values, and a
    group into its categories; 0 for none. Groups are then as many as are needed."""


TWO_DIGITS = Resolution(bins=32, few=64, share=1 / 32, categories=128, groups=0, cells=32)
"""A thousand cells of equal mass, and the exact value where they are few."""
