"""What is stated next to a setting: its bounds, and its value in runs that lack it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_LARGEST = 2**63


@dataclass(frozen=True)
class Bounds:
    """The range of a numeric setting, as ``width: Annotated[int, Bounds(1)] = 64``.

    NaN, infinity and integers of more than 64 bits are never in range. Bounds of a list or a
    schedule hold for each of its numbers.
    """

    least: float = -math.inf
    most: float = math.inf
    exclusive: bool = False
    """Whether ``least`` itself is out of range: "above 0"."""

    def __contains__(self, value: float) -> bool:
        if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
            return False  # neither a float nor a size
        above = value > self.least if self.exclusive else value >= self.least
        return above and value <= self.most and math.isfinite(value)

    def __str__(self) -> str:
        above = f"above {self.least:,g}" if self.exclusive else f"at least {self.least:,g}"
        if math.isinf(self.least):
            return f"at most {self.most:,g}"
        if math.isinf(self.most):
            return above
        if self.exclusive:
            return f"{above} and at most {self.most:,g}"
        return f"between {self.least:,g} and {self.most:,g}"


@dataclass(frozen=True)
class Before:
    """The value of a setting in runs that were trained before it existed, where that is not its
    default: ``generator: Annotated[str, Before("one-shot")] = "cascade"``.
    """

    value: Any
