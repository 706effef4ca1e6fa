"""The molecules that a search has scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from rdkit import rdBase
from rdkit.Chem import MolToSmiles
from rdkit.Chem.Scaffolds import MurckoScaffold
from torch import Tensor

from gankit.contract import Batch
from gankit_molecule.data.standardise import parsed

MIN_ELITES = 16


@dataclass
class Pool:
    """Molecules with their latents, conditions, scores and scaffolds."""

    smiles: list[str] = field(default_factory=list)
    x: list[Tensor] = field(default_factory=list)
    c: list[Tensor] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    scaffolds: list[str] = field(default_factory=list)
    known: int = 0
    """How many of them, at the beginning, are training molecules."""

    def add(self, batch: Batch, molecules: Sequence[tuple[str, str, float]]) -> None:
        """Latents, with the SMILES, scaffold and score of each."""
        for i, (smiles, scaffold, score) in enumerate(molecules):
            self.smiles.append(smiles)
            self.scaffolds.append(scaffold)
            self.scores.append(score)
            self.x.append(batch.x[i])
            if batch.c is not None:
                self.c.append(batch.c[i])

    def latents(self, rows: Sequence[int] | None = None) -> tuple[Tensor, Tensor | None]:
        """``x`` and ``c`` of these rows, or all."""
        rows = range(len(self.x)) if rows is None else rows
        c = torch.stack([self.c[i] for i in rows]) if self.c else None
        return torch.stack([self.x[i] for i in rows]), c

    def best(self, most: int, per_scaffold: int) -> list[int]:
        """Rows of the best new molecules, best first, at most ``per_scaffold`` of one scaffold (a
        memory of scaffolds, Blaschke et al. 2020) and at most a fourth of the new ones. Training
        molecules fill up to :data:`MIN_ELITES`.
        """
        n = len(self.scores)
        most = max(min(most, (n - self.known) // 4), MIN_ELITES)
        ranked = sorted(range(self.known, n), key=lambda i: -self.scores[i])
        chosen = diverse(ranked, self.scaffolds, most, per_scaffold)
        if len(chosen) < MIN_ELITES:
            old = sorted(range(self.known), key=lambda i: -self.scores[i])
            chosen += old[: MIN_ELITES - len(chosen)]
        return chosen


def diverse(
    ranked: Sequence[int], scaffolds: Sequence[str], most: int, per_scaffold: int
) -> list[int]:
    """The first ``most``, at most ``per_scaffold`` of one scaffold."""
    counts, chosen = Counter[str](), list[int]()
    for i in ranked:
        if len(chosen) == most:
            break
        if counts[scaffolds[i]] < per_scaffold:
            counts[scaffolds[i]] += 1
            chosen.append(i)
    return chosen


def scaffold_of(smiles: str) -> str:
    """A molecule's rings and their linkers (Bemis & Murcko 1996); the molecule itself where it has
    no ring.
    """
    with rdBase.BlockLogs():
        mol = parsed(smiles)
        if mol is None:
            return smiles
        try:
            found = str(MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol)))
        except (ValueError, RuntimeError):
            found = ""
    return found or smiles
