"""Scores of crystal structures, where there are any: how many were found, distances, densities, and
CHGNet's energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit_material.data.items import Cell, Material
from gankit_material.structures.assignment import LEAST_COVALENT, assigned
from gankit_material.structures.geometry import Array, pairs
from gankit_material.structures.prototypes import library_fingerprint
from gankit_material.structures.radii import covalent_radius

MOST = 500
"""Cells that are measured, the first ones."""
MOST_ASSIGNED = 300
"""Held-out compositions to which structures are assigned."""
FEWEST_REAL = 20
"""Real cells from which on densities are compared."""
FEW = 50
GRAMS = 1.66053907
"""g/cm³ of 1 Da/Å³."""
LOW_SHARE = 0.2
Scores = dict[str, float]


class Structures(Evaluator[Material]):
    """Of generated materials with structures:

    - ``with_structure``: share of all for which a prototype suits; the baseline is the share of
      held-out compositions;
    - ``distances``: share of cells in which no two atoms are closer than 0.7 sums of covalent
      radii. Prototypes that do not pass this are not used, so that it tests relaxed cells only;
    - ``density_w1``: Wasserstein distance between densities in g/cm³ and those of training cells,
      where the data has at least 20 cells;
    - ``relaxed``: share of cells whose relaxation converged; ``energy_per_atom``: the median in eV
      as CHGNet predicts it, which compares runs and says nothing of stability, for which there is
      the hull.

    Nothing where no structures were asked for.
    """

    name = "structures"
    lower_is_better: Mapping[str, bool] = {
        "with_structure": False,
        "distances": False,
        "density_w1": True,
        "relaxed": False,
    }
    meanings: Mapping[str, str] = {
        "with_structure": "compositions with a prototype",
        "distances": "cells without atoms that are too close",
        "density_w1": "densities as in the data",
        "relaxed": "relaxations that converged",
    }

    def __init__(self) -> None:
        self.fingerprint = f"1 {library_fingerprint()}"

    def evaluate(self, data: EvaluationData[Material], rng: np.random.Generator) -> Scores:
        made = [sample.item for sample in data.generated]
        sought = [item for item in made if item.cell is not None or "prototype" in item.notes]
        if not sought:
            return {}
        cells = cells_of(sought)
        scores: Scores = {}
        if any("prototype" in item.notes for item in sought):
            scores["with_structure"] = sum(i.cell is not None for i in sought) / len(sought)
            if real_items := [
                data.heldout[i] for i in range(min(len(data.heldout), MOST_ASSIGNED))
            ]:
                suited = sum(assigned(item, 0).cell is not None for item in real_items)
                scores["with_structure_real"] = suited / len(real_items)
        if not cells:
            return scores
        scores["distances"] = far_apart(cells)
        real, train = cells_of(data.heldout), cells_of(data.train)
        if real:
            scores["distances_real"] = far_apart(real)
        if min(len(real), len(train)) >= FEWEST_REAL:
            from scipy.stats import wasserstein_distance

            known = densities(train)
            for name, some in (("density_w1", cells), ("density_w1_real", real)):
                scores[name] = float(wasserstein_distance(densities(some), known))
        told = [item.notes for item in sought if "converged" in item.notes]
        if told:
            scores["relaxed"] = sum(bool(note["converged"]) for note in told) / len(told)
            energies = [e for note in told if isinstance(e := note.get("energy_per_atom"), float)]
            if energies:
                scores["energy_per_atom"] = float(np.median(energies))
        return scores

    def warnings(self, data: EvaluationData[Material]) -> list[str]:
        sought = [s.item for s in data.generated if "prototype" in s.item.notes]
        found = sum(item.cell is not None for item in sought)
        if len(sought) >= FEW and found < LOW_SHARE * len(sought):
            return [
                f"only {found:,} of {len(sought):,} compositions have a structure: prototypes "
                "cover small formulas best; train with lower elements and most"
            ]
        return []


def cells_of(items: Sequence[Material]) -> list[Cell]:
    """The first ``MOST`` cells."""
    found: list[Cell] = []
    for item in items:
        if item.cell is not None:
            found.append(item.cell)
            if len(found) == MOST:
                break
    return found


def far_apart(cells: Sequence[Cell]) -> float:
    """The share of cells in which no two atoms are too close."""
    return sum(closest(cell) >= LEAST_COVALENT for cell in cells) / len(cells)


def closest(cell: Cell) -> float:
    """The shortest distance between two atoms, in sums of their covalent radii."""
    first, second, distance = pairs(np.array(cell.lattice), np.array(cell.positions) % 1)
    radii = np.array([covalent_radius(element) for element in cell.species])
    return float((distance / (radii[first] + radii[second])).min())


def densities(cells: Sequence[Cell]) -> Array:
    """In g/cm³."""
    found = []
    for cell in cells:
        volume = abs(float(np.linalg.det(np.array(cell.lattice))))
        found.append(GRAMS * sum(map(_mass, cell.species)) / volume)
    return np.array(found)


@lru_cache(maxsize=256)
def _mass(element: str) -> float:
    from pymatgen.core import Element

    return float(Element(element).atomic_mass)
