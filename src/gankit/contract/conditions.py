"""Conditions: what a generator can be conditioned on, and how it is laid out in ``c``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gankit.errors import GankitError, did_you_mean


@dataclass(frozen=True)
class Categorical:
    """A condition that is one of several named classes; one-hot in ``c``."""

    name: str
    values: tuple[str, ...]
    optional: bool = False
    """Whether it may be unspecified: its block in ``c`` is then all zeros."""

    @property
    def width(self) -> int:
        return len(self.values)

    def encode(self, value: object) -> list[float]:
        """The one-hot block of a class.

        Raises:
            GankitError: there is no such class.
        """
        if str(value) not in self.values:
            raise GankitError(
                f"{self.name}={value}: the data has no such {self.name}",
                f"It has {', '.join(self.values)}"
                if len(self.values) <= 20
                else did_you_mean(str(value), self.values),
            )
        return [float(str(value) == known) for known in self.values]

    def decode(self, block: Sequence[float]) -> str:
        return self.values[max(range(len(self.values)), key=block.__getitem__)]


@dataclass(frozen=True)
class Continuous:
    """A condition that is a named number, standardised in ``c`` as ``(value - mean) / scale``."""

    name: str
    mean: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        return 1

    def encode(self, value: object) -> list[float]:
        """The standardised value.

        Raises:
            GankitError: ``value`` is not a finite number.
        """
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise GankitError(f"{self.name}={value}: not a number", f"Use a number for {self.name}")
        return [(number - self.mean) / self.scale]

    def decode(self, block: Sequence[float]) -> float:
        return block[0] * self.scale + self.mean


@dataclass(frozen=True)
class Condition:
    """What a generator is conditioned on: named fields, concatenated in ``c``."""

    fields: tuple[Categorical | Continuous, ...]

    @property
    def width(self) -> int:
        return sum(f.width for f in self.fields)

    def encode(self, values: Mapping[str, object]) -> list[float]:
        """A row of ``c`` from a value for every field."""
        return [number for f in self.fields for number in f.encode(values[f.name])]

    def decode(self, row: Sequence[float]) -> dict[str, str | float]:
        """The named values of a row of ``c``."""
        named: dict[str, str | float] = {}
        for f, block in self.blocks():
            if not (isinstance(f, Categorical) and f.optional and not any(row[block])):
                named[f.name] = f.decode(row[block])
        return named

    def blocks(self) -> Iterable[tuple[Categorical | Continuous, slice]]:
        """Each field with the slice of ``c`` that it occupies."""
        start = 0
        for f in self.fields:
            yield f, slice(start, start + f.width)
            start += f.width

    def field(self, name: str) -> tuple[Categorical | Continuous, slice]:
        """A field by its name.

        Raises:
            GankitError: the run is not conditioned on it.
        """
        for f, block in self.blocks():
            if f.name == name:
                return f, block
        raise GankitError(
            f"this run is not conditioned on {name!r}",
            did_you_mean(name, [f.name for f in self.fields]),
        )


@dataclass(frozen=True)
class ConditionInput:
    """How one condition can be requested, for a form that people fill in."""

    name: str
    values: tuple[str, ...] = ()
    """What can be chosen; empty for numbers and texts."""
    low: float | None = None
    """The least of the usual numbers; None for texts."""
    high: float | None = None
    """The greatest."""
    ranges: bool = False
    """Whether a range of numbers can be requested too: ``30..40``, ``..40``, ``30..``."""
    example: str = ""
    """What a text can look like."""
