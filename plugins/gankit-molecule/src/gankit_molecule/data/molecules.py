"""One molecule, as the plugin's modules pass it around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gankit.contract.subsets import take

BLOCK = 10_000
"""Molecules that are fetched at once."""


@dataclass(frozen=True)
class Molecule:
    """A molecule, or what a decoder wrote that is none."""

    smiles: str
    """Canonical SMILES of the standardised molecule. Of what is none that will do: what was
    written."""
    values: Mapping[str, str | float] = field(default_factory=dict)
    """The data's other columns, by name; of a generated molecule, nothing."""
    name: str = ""
    """As the data has it; may be empty."""
    tries: int = 1
    """Decodings that it took until there was a molecule that will do: with the core, new and as
    asked, where that is wanted; 0 where none was found."""
    score: float | None = None
    """By the objective of the run that made it, where that is an expression."""

    @property
    def valid(self) -> bool:
        """Whether it is a molecule, and has the core and is new where that is wanted."""
        return self.tries > 0


def in_blocks(items: Sequence[Molecule]) -> Iterator[Sequence[Molecule]]:
    """All molecules, which may be millions and lazy: ``BLOCK`` are fetched at a time."""
    for start in range(0, len(items), BLOCK):
        yield take(items, range(start, min(start + BLOCK, len(items))))


def smiles_of(items: Sequence[Molecule]) -> list[str]:
    """Of all molecules, in their order."""
    return [item.smiles for block in in_blocks(items) for item in block]
