"""Crystal structures: prototypes, assignment of elements, relaxation.

Nothing heavy is imported before :func:`assign` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gankit_material.data.items import Material
    from gankit_material.settings import MaterialSettings


def assign(material: Material, seed: int, settings: MaterialSettings) -> Material:
    """A material with the cell of the prototype that suits it best, relaxed if ``settings.relax``;
    ``notes`` describe it. Without a cell where no prototype does.

    Raises:
        GankitError: ``settings.relax``, and CHGNet is not installed.
    """
    from gankit_material.structures.assignment import assigned

    found = assigned(material, seed)
    if not settings.relax or found.cell is None:
        return found
    from gankit_material.structures.relaxation import relaxed

    return relaxed(found, settings)
