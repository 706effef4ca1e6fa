"""One molecule, as the plugin's modules pass it around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gankit.contract.subsets import take

FETCH_SIZE = 10_000
"""Molecules that are read from a lazy sequence at once."""


class AsRead(Protocol):
    """An entry of the data before it was standardised, fetched on access."""

    @property
    def text(self) -> str:
        """Its own SMILES, InChI or mol block."""

    @property
    def cells(self) -> Mapping[str, object]:
        """Its row of a table, all columns in the table's order; data fields of an SDF; empty where
        there are none."""

    @property
    def column(self) -> str:
        """Which of ``cells`` is the molecule; empty where none is."""

    @property
    def title(self) -> str:
        """Which of ``cells`` is the name; empty where none is."""

    @property
    def types(self) -> Mapping[str, object]:
        """Arrow's types of ``cells``."""


@dataclass(frozen=True)
class Molecule:
    """A molecule, or a decoder's invalid text."""

    smiles: str
    """Canonical SMILES of the standardised molecule; the decoder's text where it is not
    acceptable."""
    values: Mapping[str, str | float] = field(default_factory=dict)
    """The data's other columns, by name."""
    name: str = ""
    """Its name in the data; may be empty."""
    tries: int = 1
    """Decodings until the molecule was acceptable: valid, and with the scaffold, novel and with the
    requested properties where that is required; 0 where none was."""
    score: float | None = None
    """By the run's objective, if that is an expression."""
    read: AsRead | None = field(default=None, compare=False, repr=False)
    """A real molecule as its source has it; None for generated ones."""

    @property
    def valid(self) -> bool:
        """Whether it is a molecule, with the scaffold and novel where that is required."""
        return self.tries > 0


def in_blocks(items: Sequence[Molecule]) -> Iterator[Sequence[Molecule]]:
    """All molecules, which may be millions and lazy, in blocks of ``FETCH_SIZE``."""
    for start in range(0, len(items), FETCH_SIZE):
        yield take(items, range(start, min(start + FETCH_SIZE, len(items))))


def smiles_of(items: Sequence[Molecule]) -> list[str]:
    """The SMILES of all molecules, in their order."""
    return [item.smiles for block in in_blocks(items) for item in block]
