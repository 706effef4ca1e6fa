"""When a decoded molecule is accepted, and how far it is from that otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from gankit_molecule.codec.property_query import Constraint
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.data.hashes import hashes_of, looked_up
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import properties_of


class Requirements:
    """Validity, and where they are set: a scaffold, novelty, and properties.

    Args:
        known: sorted hashes of the training molecules, which are rejected; None accepts them.
        scales: standard deviation of each property.
    """

    def __init__(
        self, scaffold: Scaffold | None, known: Tensor | None, scales: Mapping[str, float]
    ) -> None:
        self._scaffold, self._scales = scaffold, scales
        self._known = None if known is None else known.numpy()

    def distance(self, molecule: Molecule, constraints: Sequence[Constraint]) -> float:
        """0 where a molecule is accepted; infinite where it is invalid, lacks the scaffold or is
        known; otherwise the largest distance of a property from its constraint, in standard
        deviations.
        """
        if not molecule.valid:
            return math.inf
        if self._scaffold is not None and not self._scaffold.held_by(molecule.smiles):
            return math.inf
        if self._known is not None and looked_up(hashes_of([molecule.smiles]), self._known)[1][0]:
            return math.inf
        if not constraints:
            return 0.0
        values = properties_of(molecule.smiles, [each.name for each in constraints])
        return max(
            each.distance(value, self._scales[each.name])
            for each, value in zip(constraints, values, strict=True)
        )
