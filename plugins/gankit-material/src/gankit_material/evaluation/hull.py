"""Energy above the convex hull of known phases, where the user has their energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit.errors import GankitError
from gankit.kit.files import sha256
from gankit_material.data.formulas import FormulaError, parse
from gankit_material.data.items import Material
from gankit_material.data.materials import number_of
from gankit_material.data.tables import rows_of_file

ENERGY = "energy_per_atom"
"""The column of the reference, and the note of a relaxed material."""
NEAR = 0.1
"""eV per atom above the hull up to which a phase may be made."""


class HullEnergy(Evaluator[Material]):
    """Energies above the convex hull of reference phases, by pymatgen's phase diagram, of generated
    materials that have an energy (``relax=true``):

    - ``hull/mean``, ``hull/median``: in eV per atom;
    - ``hull/near``: share of them up to 0.1 eV per atom above it;
    - ``hull/known``: how many have an energy, and elements that the reference has.

    Args:
        file: a table with the columns ``formula`` and ``energy_per_atom``.

    Raises:
        GankitError: the file cannot be read, or lacks a column or a value.
    """

    name = "hull"
    lower_is_better: Mapping[str, bool] = {"hull/mean": True, "hull/near": False}

    def __init__(self, file: str) -> None:
        path = Path(file).expanduser()
        if not path.is_file():
            raise GankitError(f"hull={file}: no such file", f"It has columns formula and {ENERGY}")
        self._entries = _read(path)
        self.fingerprint = f"1 {sha256(path)[:16]} pymatgen-{version('pymatgen-core')}"

    meanings: Mapping[str, str] = {
        "hull/mean": "mean energy above the reference's hull, eV per atom",
        "hull/median": "its median",
        "hull/near": f"share up to {NEAR} eV per atom above it",
        "hull/known": "materials with an energy and a reference",
    }

    def evaluate(
        self, data: EvaluationData[Material], rng: np.random.Generator
    ) -> dict[str, float]:
        found = [self.above(sample.item) for sample in data.generated]
        known = np.array([one for one in found if one is not None])
        if not len(known):
            return {}
        return {
            "hull/mean": float(known.mean()),
            "hull/median": float(np.median(known)),
            "hull/near": float((known <= NEAR).mean()),
            "hull/known": float(len(known)),
        }

    def above(self, material: Material) -> float | None:
        """eV per atom above the hull; None without an energy, or where the reference lacks an
        element."""
        energy = number_of(material.notes.get(ENERGY))
        if energy is None:
            return None
        from pymatgen.analysis.phase_diagram import PhaseDiagram
        from pymatgen.core import Composition

        elements = frozenset(material.counts)
        within = [entry for symbols, entry in self._by_elements if symbols <= elements]
        pure = {next(iter(symbols)) for symbols, _ in self._by_elements if len(symbols) == 1}
        if not elements <= pure:
            return None
        diagram = PhaseDiagram(within)
        composition = Composition(dict(material.counts))
        return energy - float(diagram.get_hull_energy_per_atom(composition))

    @cached_property
    def _by_elements(self) -> Sequence[tuple[frozenset[str], Any]]:
        from pymatgen.analysis.phase_diagram import PDEntry
        from pymatgen.core import Composition

        return [
            (frozenset(counts), PDEntry(Composition(counts), energy * sum(counts.values())))
            for counts, energy in self._entries
        ]


def _read(path: Path) -> list[tuple[dict[str, int], float]]:
    found = []
    for entry in rows_of_file(path, "auto").entries:
        energy = number_of(entry.row.get(ENERGY))
        try:
            counts = parse(entry.text).reduced()
        except FormulaError as error:
            why = f"{entry.text.strip()[:40]!r}: {error}"
            raise GankitError(f"hull={path}: {entry.location}: {why}", "Fix that row") from None
        if energy is None:
            raise GankitError(
                f"hull={path}: {entry.location}: no number in the column {ENERGY!r}",
                "Give the energy of each phase in eV per atom",
            )
        found.append((counts, energy))
    return found
