"""What a search needs of a codec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from gankit.contract import Batch, Fitting, Layout
from gankit_molecule.data.molecules import Molecule


class SearchSpace(Protocol):
    """Latents that molecules are encoded to and written from."""

    layout: Layout

    def encode(self, items: Sequence[Molecule]) -> Batch:
        """Latents and conditions of molecules."""

    def latents(self, smiles: Sequence[str], c: Tensor | None) -> Tensor:
        """Latents of at least one molecule, whose conditions are given."""

    def noisy(self, x: Tensor) -> Tensor:
        """Latents with fresh noise, as the decoder was trained on them."""

    def write(self, batch: Batch, seeds: range, temperature: float) -> list[Molecule]:
        """One molecule per latent, written once; it may be invalid."""

    def retrain(
        self, smiles: Sequence[str], c: Tensor | None, epochs: float, fitting: Fitting
    ) -> None:
        """Trains encoder and decoder further on these molecules alone, which changes latents."""
