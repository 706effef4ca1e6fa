"""Conditions on properties: ``qed=0.9``, ``logp=2..3``, ``mw=..350``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Condition, ConditionInput, Continuous
from gankit.errors import GankitError
from gankit.seeds import uniform

MAX_ROWS = 20_000
"""Training rows that are kept, from which properties without a constraint are drawn."""
MIN_MATCHES = 20
"""Training rows to draw from, at least."""
MATCH_TOLERANCE = 0.25
"""Standard deviations within which a training row matches a number."""
PROPERTY_TOLERANCE = 0.1
"""Standard deviations within which a molecule's property meets a number."""
USUAL = (0.01, 0.99)
"""Percentiles between which a property is shown to be chosen."""
ROW_STREAM, RANGE_STREAM = 1, 2
"""Random streams: which row; the place in a range (one stream more per property)."""


@dataclass(frozen=True)
class Constraint:
    """An interval of a property; of width 0 for a number."""

    name: str
    low: float
    high: float

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def distance(self, value: float, scale: float) -> float:
        """Distance of a value from the interval in standard deviations; 0 where it is met, and
        infinite for NaN.

        Args:
            scale: the property's standard deviation. A number is met within
                :data:`PROPERTY_TOLERANCE` of them.
        """
        far = max(self.low - value, value - self.high, 0.0) / scale
        tolerance = PROPERTY_TOLERANCE if self.exact else 0.0
        return math.inf if math.isnan(value) else max(far - tolerance, 0.0)


def parse_constraint(name: str, value: object) -> Constraint:
    """A number, or ``low..high`` with either end left out.

    Raises:
        GankitError: it is neither.
    """
    text = str(value).strip()
    low, dots, high = (part.strip() for part in text.partition(".."))
    examples = f"Write {name}=2.5, {name}=2..3, {name}=..3 or {name}=2.."
    try:
        if not dots:
            low = high = str(float(text))
        found = Constraint(name, float(low or -math.inf), float(high or math.inf))
    except ValueError:
        raise GankitError(f"{name}={text}: neither a number nor a range", examples) from None
    if found.low > found.high:
        raise GankitError(f"{name}={text}: {low} is greater than {high}", examples)
    if math.isnan(found.low + found.high) or (math.isinf(found.low) and math.isinf(found.high)):
        raise GankitError(f"{name}={text}: neither a number nor a range", examples)
    return found


class PropertyQuery:
    """Samples rows of ``c`` that meet constraints, as they occur in the training set.

    Args:
        condition: the properties, all of them continuous.
        rows: ``c`` of training molecules, (R, properties).
    """

    def __init__(self, condition: Condition, rows: Tensor) -> None:
        self.condition, self.rows = condition, rows

    def constraints(self, where: Mapping[str, object]) -> list[Constraint]:
        """The requested conditions.

        Raises:
            GankitError: the run is not conditioned on one, or it is neither a number nor a range.
        """
        for name in where:
            self.condition.field(name)
        return [parse_constraint(name, value) for name, value in where.items()]

    def inputs(self) -> list[ConditionInput]:
        """Each property by a number or a range; the usual ones are those between the percentiles
        1 and 99 of training molecules, in round numbers."""
        found = []
        for at, field in enumerate(self.condition.fields):
            assert isinstance(field, Continuous)
            ends = np.quantile(self.rows[:, at].numpy(), USUAL) * field.scale + field.mean
            low, high = (float(f"{end:.2g}") for end in ends)
            found.append(ConditionInput(field.name, low=low, high=high, ranges=True))
        return found

    def sample(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        """One row per seed: the row of a training molecule close to the constraints, with the
        constrained properties moved inside them.
        """
        off = torch.zeros(len(self.rows))
        intervals: list[tuple[int, float, float]] = []
        for each in self.constraints(where):
            field, block = self.condition.field(each.name)
            assert isinstance(field, Continuous)
            low, high = ((end - field.mean) / field.scale for end in (each.low, each.high))
            column = self.rows[:, block.start]
            far = torch.maximum(low - column, column - high).clamp(min=0)
            off = torch.maximum(off, (far - (MATCH_TOLERANCE if each.exact else 0)).clamp(min=0))
            intervals.append((block.start, low, high))
        nearest = off.kthvalue(min(MIN_MATCHES, len(off))).values
        matches = torch.nonzero(off <= nearest).squeeze(1)
        drawn = torch.from_numpy(uniform(seeds, ROW_STREAM) * len(matches)).long()
        rows = self.rows[matches[drawn]].clone()
        for at, low, high in intervals:
            u = torch.from_numpy(uniform(seeds, RANGE_STREAM + at)).float()
            ends = [end if math.isfinite(end) else None for end in (low, high)]
            outside = (rows[:, at] < low) | (rows[:, at] > high)
            if None in ends:  # half open: its end, where no training molecule is inside
                inside = rows[:, at].clamp(ends[0], ends[1])
            else:
                inside = torch.where(outside, low + u * (high - low), rows[:, at])
            rows[:, at] = inside
        return rows


def subsample(c: Tensor) -> Tensor:
    """At most :data:`MAX_ROWS` rows, evenly spaced."""
    if len(c) <= MAX_ROWS:
        return c.clone()
    return c[torch.from_numpy(np.linspace(0, len(c) - 1, MAX_ROWS).astype(np.int64))].clone()
