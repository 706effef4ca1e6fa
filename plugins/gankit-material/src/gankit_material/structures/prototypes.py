"""Structure types to substitute into: the AFLOW library that pymatgen contains (Mehl et al. 2017,
doi 10.1016/j.commatsci.2017.01.017), and those of :mod:`gankit_material.structures.textbook`."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gankit.errors import GankitError
from gankit_material.structures import geometry
from gankit_material.structures.geometry import Array
from gankit_material.structures.radii import charges
from gankit_material.structures.textbook import COMMON, RARE, TEXTBOOK, Textbook

MOST_SITES = 120
"""Sites of the largest prototypes."""
BOND = 1.15
"""Neighbours up to so many times the distance of the nearest one are bonded to a site."""

Shape = tuple[int, ...]
"""The counts of a reduced formula, ascending: an anonymous formula."""


@dataclass(frozen=True)
class Bond:
    """Bonds between two elements of a prototype.

    Attributes:
        first, second: the elements, in alphabetical order.
        length: mean length, in Å.
        share: of all bonds in the cell.
        neighbours: mean coordination number of the first, and of the second, by any bonds.
    """

    first: str
    second: str
    length: float
    share: float
    neighbours: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Prototype:
    """A crystal structure with its own elements.

    Attributes:
        name: AFLOW's label, or a textbook's name.
        lattice: ``(3, 3)``, rows in Å.
        elements: the element of each site.
        positions: fractional coordinates ``(N, 3)``.
        common: whether very many compounds have this structure type.
    """

    name: str
    lattice: Array
    elements: tuple[str, ...]
    positions: Array
    common: bool = False

    @cached_property
    def counts(self) -> dict[str, int]:
        """The reduced formula."""
        counted = Counter(self.elements)
        divisor = math.gcd(*counted.values())
        return {element: n // divisor for element, n in sorted(counted.items())}

    @cached_property
    def charges(self) -> dict[str, float] | None:
        return charges(self.counts)

    @cached_property
    def nearest(self) -> dict[tuple[str, str], float]:
        """The shortest distance between atoms of two elements in alphabetical order, in Å, as far
        as it is below the cutoff."""
        return self._analysed[0]

    @cached_property
    def bonds(self) -> list[Bond]:
        return self._analysed[1]

    @cached_property
    def coordination(self) -> dict[str, int]:
        """The mean coordination number of each element, by any bonds."""
        found = {bond.first: bond.neighbours[0] for bond in self.bonds}
        return found | {bond.second: bond.neighbours[1] for bond in self.bonds}

    @cached_property
    def volume(self) -> float:
        return abs(float(np.linalg.det(self.lattice)))

    @cached_property
    def _analysed(self) -> tuple[dict[tuple[str, str], float], list[Bond]]:
        first, second, distance = geometry.pairs(self.lattice, self.positions)
        names = np.array(self.elements)
        nearest: dict[tuple[str, str], float] = {}
        closest = np.full(len(names), np.inf)
        np.minimum.at(closest, first, distance)
        bonded = distance <= BOND * closest[first]
        around = np.bincount(first[bonded], minlength=len(names))
        lengths: dict[tuple[str, str], list[float]] = {}
        for a, b, d in zip(names[first], names[second], distance, strict=True):
            key = (str(a), str(b)) if a <= b else (str(b), str(a))
            nearest[key] = min(float(d), nearest.get(key, np.inf))
        for a, b, d in zip(
            names[first[bonded]], names[second[bonded]], distance[bonded], strict=True
        ):
            key = (str(a), str(b)) if a <= b else (str(b), str(a))
            lengths.setdefault(key, []).append(float(d))
        numbers = {e: round(float(around[names == e].mean())) for e in self.counts}
        total = sum(map(len, lengths.values()))
        bonds = [
            Bond(a, b, sum(d) / len(d), len(d) / total, (numbers[a], numbers[b]))
            for (a, b), d in sorted(lengths.items())
        ]
        return nearest, bonds


def shape_of(counts: Mapping[str, int]) -> Shape:
    divisor = math.gcd(*counts.values()) or 1
    return tuple(sorted(n // divisor for n in counts.values()))


def library_fingerprint() -> str:
    """Of all prototypes, for scores that depend on them."""
    digest = hashlib.sha256(repr(TEXTBOOK).encode())
    digest.update(_library_file().read_bytes())
    return digest.hexdigest()[:12]


def prototypes(shape: Shape) -> Sequence[Prototype]:
    """The prototypes with an anonymous formula, in an order that does not change.

    Raises:
        GankitError: pymatgen's library of prototypes is not where it is expected.
    """
    return _made(shape)


@cache
def _made(shape: Shape) -> tuple[Prototype, ...]:
    return tuple(make() for make in _index().get(shape, ()))


@cache
def _index() -> dict[Shape, list[Callable[[], Prototype]]]:
    found: dict[Shape, list[Callable[[], Prototype]]] = {}
    for entry in _library():
        sites = entry["snl"]["sites"]
        elements = tuple(site["species"][0]["element"] for site in sites)
        ordered = all(len(s["species"]) == 1 and s["species"][0]["occu"] == 1 for s in sites)
        if ordered and len(sites) <= MOST_SITES:
            found.setdefault(shape_of(Counter(elements)), []).append(
                lambda entry=entry, elements=elements: _aflow(entry, elements)  # type: ignore[misc]
            )
    for one in TEXTBOOK:
        found.setdefault(one.shape, []).append(lambda one=one: _textbook(one))  # type: ignore[misc]
    return found


def _library() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(gzip.decompress(_library_file().read_bytes()))
    return entries


def _library_file() -> Path:
    found = importlib.util.find_spec("pymatgen")
    for place in (found.submodule_search_locations or ()) if found else ():
        file = Path(place, "analysis", "prototypes", "aflow_prototypes.json.gz")
        if not file.is_file():
            file = Path(place, "analysis", "aflow_prototypes.json.gz")  # before 2026
        if file.is_file():
            return file
    raise GankitError(
        "this pymatgen has no library of AFLOW prototypes",
        "Install another one: pip install 'pymatgen>=2026.10'; or set structures=false",
    )


def _aflow(entry: Mapping[str, Any], elements: tuple[str, ...]) -> Prototype:
    tags = entry["tags"]
    mineral = " ".join(str(tags.get("mineral") or "").split())
    name = tags["aflow"] + (f" ({mineral})" if mineral and mineral != "None" else "")
    return Prototype(
        name,
        np.array(entry["snl"]["lattice"]["matrix"], float),
        elements,
        np.array([site["abc"] for site in entry["snl"]["sites"]], float) % 1,
        tags["aflow"] in COMMON,
    )


def _textbook(one: Textbook) -> Prototype:
    from pymatgen.core import Lattice, Structure

    cell = Structure.from_spacegroup(
        one.group,
        Lattice.from_parameters(*one.cell),
        [site[0] for site in one.sites],
        [list(site[1:]) for site in one.sites],
        tol=0.01,
    )
    if not one.group.startswith("P"):
        cell = cell.get_primitive_structure()
    return Prototype(
        f"{one.name} ({one.group})",
        np.array(cell.lattice.matrix, float),
        tuple(site.specie.symbol for site in cell),
        np.array(cell.frac_coords, float) % 1,
        one.name not in RARE,
    )
