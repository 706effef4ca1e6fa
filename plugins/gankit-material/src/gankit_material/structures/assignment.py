"""Assigns a crystal structure to a composition: elements are substituted into prototypes with the
same anonymous formula, and the cell is scaled to the elements' radii.

Each prototype brings its own compound, so that expected distances are only used in ratios: a bond
is as much longer than the compound's as the sum of the elements' radii is larger.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gankit_material.data.items import Cell, Material
from gankit_material.structures.prototypes import Bond, Prototype, prototypes, shape_of
from gankit_material.structures.radii import (
    ANIONS,
    charges,
    covalent_radius,
    electronegativity,
    ionic_radius,
    metallic_radius,
    oxidation_states,
    period_and_group,
)

TIE = 0.05
"""Scores that differ by less are equal: the seed decides."""
LEAST_COVALENT = 0.7
"""Shortest distance between two atoms, in sums of covalent radii."""
LEAST_IONIC = 0.75
"""The same of ions, in sums of ionic radii: of opposite ones, and of anions with a closed shell."""
MOST_STRAIN = 0.25
"""Root mean square of the relative errors of bond lengths, above which a prototype does not
suit."""
RARITY = 0.8
"""Added to the score of structure types that few compounds have."""
RADIUS_RATIOS = (0.15, 0.28, 0.5, 0.82, 1.05)
EXPECTED = (3.0, 4.0, 6.0, 8.0, 12.0)
"""Coordination numbers of cations by the ratio of their radius to the anions' (Pauling's first
rule), interpolated."""
MOST_SCORE = 5.0
"""Score above which a prototype does not suit: its compound is of another kind."""
MOST_ORDERS = 120
"""Ways to place the elements that are tried per prototype."""

Roles = tuple[tuple[str, str], ...]
"""Pairs: an element of the prototype, and the one in its place."""


@dataclass(frozen=True)
class Candidate:
    """A way to place a composition's elements in a prototype.

    Attributes:
        roles: the element in place of each of the prototype's.
        scale: factor of the lattice's lengths.
        strain: root mean square of the relative errors of bond lengths.
        score: the lower, the better.
    """

    prototype: Prototype
    roles: Mapping[str, str]
    scale: float
    strain: float
    score: float


def assigned(material: Material, seed: int) -> Material:
    """A material with the cell of its best candidate, or without one; see :func:`ranked`.

    ``notes`` then have ``prototype``, ``prototype_score`` and ``volume_per_atom`` in Å³.
    """
    best = _best(tuple(sorted(material.counts.items())))
    notes = {key: value for key, value in material.notes.items() if key not in NOTES}
    if not best:
        return replace(material, cell=None, notes={**notes, "prototype": ""})
    rng = np.random.default_rng(seed % 2**64)
    chosen = best[int(rng.integers(len(best)))] if len(best) > 1 else best[0]
    cell = cell_of(chosen)
    volume = chosen.prototype.volume * chosen.scale**3 / len(cell.species)
    found = {
        "prototype": chosen.prototype.name,
        "prototype_score": round(chosen.score, 4),
        "volume_per_atom": round(volume, 4),
    }
    return replace(material, cell=cell, notes={**notes, **found})


NOTES = ("prototype", "prototype_score", "volume_per_atom")


@lru_cache(maxsize=20_000)
def _best(counts: tuple[tuple[str, int], ...]) -> tuple[Candidate, ...]:
    """The best candidates, whose scores are equal."""
    found = ranked(dict(counts))
    return tuple(one for one in found if one.score <= found[0].score + TIE)


def ranked(counts: Mapping[str, int]) -> list[Candidate]:
    """All candidates that suit a composition, the best first."""
    shape = shape_of(counts)
    divisor = math.gcd(*counts.values())
    reduced = {element: n // divisor for element, n in counts.items()}
    charge = charges(reduced)
    found = []
    for prototype in prototypes(shape):
        for roles in _orders(prototype, reduced):
            if (candidate := _fitted(prototype, roles, charge)) is not None:
                found.append(candidate)
    return sorted(found, key=lambda one: (one.score, one.prototype.name, sorted(one.roles.items())))


def cell_of(candidate: Candidate) -> Cell:
    """A candidate's cell."""
    lattice = candidate.prototype.lattice * candidate.scale
    a, b, c = (tuple(float(x) for x in row) for row in lattice)
    return Cell(
        lattice=(a, b, c),  # type: ignore[arg-type]
        species=tuple(candidate.roles[element] for element in candidate.prototype.elements),
        positions=tuple(
            (float(x), float(y), float(z)) for x, y, z in candidate.prototype.positions
        ),
    )


def _orders(prototype: Prototype, counts: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """The elements of a composition in place of the prototype's, where their counts are equal."""
    by_count: dict[int, list[str]] = {}
    for element, n in prototype.counts.items():
        by_count.setdefault(n, []).append(element)
    groups = []
    for n, places in sorted(by_count.items()):
        some = sorted(element for element, m in counts.items() if m == n)
        if len(some) != len(places):
            return
        groups.append(
            [dict(zip(places, order, strict=True)) for order in itertools.permutations(some)]
        )
    for parts in itertools.islice(itertools.product(*groups), MOST_ORDERS):
        yield {place: element for part in parts for place, element in part.items()}


def _fitted(
    prototype: Prototype, roles: Mapping[str, str], charge: Mapping[str, float] | None
) -> Candidate | None:
    """A candidate scaled to its elements' radii; None where atoms are too close, or bonds too
    unlike the expected ones."""
    own = prototype.charges
    ionic = (
        charge is not None
        and own is not None
        and all((own[place] > 0) == (charge[element] > 0) for place, element in roles.items())
    )
    bonds = prototype.bonds
    if ionic and own is not None:
        opposite = [bond for bond in bonds if own[bond.first] * own[bond.second] < 0]
        bonds = opposite or bonds
    ratios, weights = [], []
    for bond in bonds:
        new = _length(bond, roles, charge if ionic else None)
        old = _length(bond, {place: place for place in roles}, own if ionic else None)
        ratios.append(bond.length * new / old)
        weights.append(bond.share)
    lengths = [bond.length for bond in bonds]
    total = sum(weights)
    scale = (
        sum(w * d / length for w, d, length in zip(weights, ratios, lengths, strict=True)) / total
    )
    errors = (
        w * (scale * length / d - 1) ** 2
        for w, d, length in zip(weights, ratios, lengths, strict=True)
    )
    strain = math.sqrt(sum(errors) / total)
    if strain > MOST_STRAIN or not _far_enough(prototype, roles, scale, charge if ionic else None):
        return None
    score = (strain / 0.08) ** 2 + _unlike(prototype, roles, charge, own)
    score += 0.0 if prototype.common else RARITY
    if ionic and charge is not None:
        score += _coordination(prototype, roles, charge)
    if score > MOST_SCORE:
        return None
    return Candidate(prototype, roles, scale, strain, score)


def _length(bond: Bond, roles: Mapping[str, str], charge: Mapping[str, float] | None) -> float:
    """The sum of two radii in Å: ionic ones where charges are given, metallic ones of metals,
    covalent ones otherwise, or where these are not tabulated."""
    a, b = roles[bond.first], roles[bond.second]
    if charge is not None:
        first = ionic_radius(a, charge[a], bond.neighbours[0])
        second = ionic_radius(b, charge[b], bond.neighbours[1])
        if first is not None and second is not None and first + second > 0.5:
            return first + second
    metallic = metallic_radius(a), metallic_radius(b)
    if metallic[0] is not None and metallic[1] is not None:
        return metallic[0] + metallic[1]
    return covalent_radius(a) + covalent_radius(b)


def _coordination(
    prototype: Prototype, roles: Mapping[str, str], charge: Mapping[str, float]
) -> float:
    """How far coordination numbers are from those that radii suggest; a mean over cations."""
    sizes = [
        (ANIONS.get(e, 2.0), prototype.counts[place]) for place, e in roles.items() if charge[e] < 0
    ]
    anion = sum(r * n for r, n in sizes) / sum(n for _, n in sizes)
    errors = []
    for place, element in roles.items():
        radius = ionic_radius(element, charge[element], 6) if charge[element] > 0 else None
        if radius is not None:
            expected = float(np.interp(radius / anion, RADIUS_RATIOS, EXPECTED))
            errors.append(abs(math.log(max(prototype.coordination[place], 1) / expected)))
    return 8 * sum(e**2 for e in errors) / len(errors) if errors else 0.0


def _far_enough(
    prototype: Prototype,
    roles: Mapping[str, str],
    scale: float,
    charge: Mapping[str, float] | None,
) -> bool:
    for (first, second), nearest in prototype.nearest.items():
        a, b, distance = roles[first], roles[second], nearest * scale
        if distance < LEAST_COVALENT * (covalent_radius(a) + covalent_radius(b)):
            return False
        if charge is not None and (opposite(charge, a, b) or _closed(charge, a, b)):
            radii = ionic_radius(a, charge[a], 6), ionic_radius(b, charge[b], 6)
            if None not in radii and distance < LEAST_IONIC * sum(r or 0 for r in radii):
                return False
    return True


def opposite(charge: Mapping[str, float], a: str, b: str) -> bool:
    return charge[a] * charge[b] < 0


def _closed(charge: Mapping[str, float], a: str, b: str) -> bool:
    """Whether both are anions in their lowest state: those of peroxides and disulphides are not,
    and form bonds."""
    return all(charge[e] < 0 and charge[e] == min(oxidation_states(e)) for e in (a, b))


def _unlike(
    prototype: Prototype,
    roles: Mapping[str, str],
    charge: Mapping[str, float] | None,
    own: Mapping[str, float] | None,
) -> float:
    """How unlike the elements are to those in whose place they are, per atom."""
    total = sum(prototype.counts.values())
    score = 0.0
    for place, element in roles.items():
        if place == element:
            continue
        share = prototype.counts[place] / total
        period, group = period_and_group(element)
        old_period, old_group = period_and_group(place)
        negativity = electronegativity(element) - electronegativity(place)
        part = 0.2 + (negativity / 0.8) ** 2 + 0.1 * abs(period - old_period)
        part += 0.0 if group == old_group else 0.25
        score += share * part
    if (charge is None) != (own is None):
        return score + 2.0
    if charge is not None and own is not None:
        wrong = [abs(charge[new] - own[old]) for old, new in roles.items()]
        signs = any(charge[new] * own[old] < 0 for old, new in roles.items())
        score += 0.3 * sum(min(w, 3) for w in wrong) / len(wrong) + 4.0 * signs
    return score
