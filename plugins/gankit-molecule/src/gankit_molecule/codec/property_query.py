"""What a user asks of properties: ``qed=0.9``, ``logp=2..3``, ``mw=..350``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Condition, Continuous
from gankit.errors import GankitError
from gankit.seeds import uniform

MOST_ROWS = 20_000
"""Training rows that are kept, from which properties are drawn that nobody asked for."""
FEWEST = 20
"""Of them, from which is drawn at the least."""
NEAR = 0.25
"""Deviations within which a training row counts as having the asked value."""
CLOSE = 0.1
"""Deviations within which a molecule's property counts as the asked number."""
DRAW, WITHIN = 1, 2
"""Streams: which row, and where in an asked range (one more for each property)."""


@dataclass(frozen=True)
class Wish:
    """An interval of a property; of no width for a number."""

    name: str
    low: float
    high: float

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def miss(self, value: float, scale: float) -> float:
        """How far a value is from what is asked, in deviations; 0 where it meets it, and infinite
        where there is none.

        Args:
            scale: the property's deviation. A number is met within :data:`CLOSE` of them.
        """
        far = max(self.low - value, value - self.high, 0.0) / scale
        close = CLOSE if self.exact else 0.0
        return math.inf if math.isnan(value) else max(far - close, 0.0)


def read_wish(name: str, value: object) -> Wish:
    """What is asked of a property: a number, or ``low..high`` with either end left out.

    Raises:
        GankitError: neither.
    """
    text = str(value).strip()
    low, dots, high = (part.strip() for part in text.partition(".."))
    try:
        if not dots:
            low = high = str(float(text))
        wish = Wish(name, float(low or -math.inf), float(high or math.inf))
    except ValueError:
        wish = Wish(name, 1, 0)
    if not wish.low <= wish.high or (math.isinf(wish.low) and math.isinf(wish.high)):
        raise GankitError(
            f"{name}={text}: neither a number nor a range",
            f"Write {name}=2.5, {name}=2..3, {name}=..3 or {name}=2..",
        )
    return wish


class Asking:
    """Draws rows of ``c`` for what is asked, as molecules of the training set have them.

    Args:
        condition: the properties, all of them quantities.
        rows: ``c`` of training molecules, (R, properties).
    """

    def __init__(self, condition: Condition, rows: Tensor) -> None:
        self.condition, self.rows = condition, rows

    def wishes(self, where: Mapping[str, object]) -> list[Wish]:
        """What is asked, read.

        Raises:
            GankitError: of what the run is not conditioned on, or not a number or range.
        """
        for name in where:
            self.condition.field(name)
        return [read_wish(name, value) for name, value in where.items()]

    def draw(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        """One row a seed: of a training molecule that comes nearest to what is asked, with the
        asked values put in their place.
        """
        wishes = self.wishes(where)
        off = torch.zeros(len(self.rows))
        spans: list[tuple[int, float, float]] = []
        for wish in wishes:
            field, block = self.condition.field(wish.name)
            assert isinstance(field, Continuous)
            low, high = ((end - field.mean) / field.scale for end in (wish.low, wish.high))
            column = self.rows[:, block.start]
            far = torch.maximum(low - column, column - high).clamp(min=0)
            off = torch.maximum(off, (far - (NEAR if wish.exact else 0)).clamp(min=0))
            spans.append((block.start, low, high))
        nearest = off.kthvalue(min(FEWEST, len(off))).values
        fitting = torch.nonzero(off <= nearest).squeeze(1)
        drawn = torch.from_numpy(uniform(seeds, DRAW) * len(fitting)).long()
        rows = self.rows[fitting[drawn]].clone()
        for at, low, high in spans:
            u = torch.from_numpy(uniform(seeds, WITHIN + at)).float()
            ends = [end if math.isfinite(end) else None for end in (low, high)]
            outside = (rows[:, at] < low) | (rows[:, at] > high)
            if None in ends:  # an open range: its end, where no training molecule lies in it
                inside = rows[:, at].clamp(ends[0], ends[1])
            else:
                inside = torch.where(outside, low + u * (high - low), rows[:, at])
            rows[:, at] = inside
        return rows


def kept(c: Tensor) -> Tensor:
    """At most :data:`MOST_ROWS` rows, evenly."""
    if len(c) <= MOST_ROWS:
        return c.clone()
    return c[torch.from_numpy(np.linspace(0, len(c) - 1, MOST_ROWS).astype(np.int64))].clone()
