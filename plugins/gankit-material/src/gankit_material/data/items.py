"""A material: a composition with properties, and a crystal structure where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gankit_material.data.elements import ELECTRONEGATIVITY_ORDER

Row = tuple[float, float, float]


@dataclass(frozen=True)
class Cell:
    """A crystal structure."""

    lattice: tuple[Row, Row, Row]
    """The lattice vectors as rows, in Å."""
    species: tuple[str, ...]
    """The symbol of the element on each site."""
    positions: tuple[Row, ...]
    """Fractional coordinates of each site."""


@dataclass(frozen=True)
class Material:
    """A composition, with what else is known of it."""

    counts: Mapping[str, int]
    """The integer count of each element in the reduced formula."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Numeric properties by name, such as ``formation_energy``."""
    label: str | None = None
    """The class, where the data has classes."""
    cell: Cell | None = None
    """The crystal structure."""
    notes: Mapping[str, object] = field(default_factory=dict)
    """What is known beyond that: of a generated material its prototype, energy and so on; of a real
    one its row as it was read, under ``row``."""

    @cached_property
    def formula(self) -> str:
        """The reduced formula, cations first, without counts of 1: ``SrTiO3``."""
        return formula_of(self.counts)

    @cached_property
    def anonymous(self) -> str:
        """The formula with elements replaced by letters, by ascending count: ``ABC3``."""
        counts = sorted(self.counts.values())
        return "".join(f"{letter_of(i)}{n if n > 1 else ''}" for i, n in enumerate(counts))


def formula_of(counts: Mapping[str, int]) -> str:
    """A formula of counts, elements in the order of their electronegativity."""
    ordered = sorted(counts, key=lambda e: ELECTRONEGATIVITY_ORDER.get(e, -1))
    return "".join(f"{e}{counts[e] if counts[e] > 1 else ''}" for e in ordered)


def letter_of(i: int) -> str:
    """A, B, …, Z, A1, B1, …"""
    return chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else "")
