"""Radii and oxidation states, from which expected distances between atoms follow."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

COVALENT = {
    "H": 0.31, "He": 0.28, "Li": 1.28, "Be": 0.96, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66,
    "F": 0.57, "Ne": 0.58, "Na": 1.66, "Mg": 1.41, "Al": 1.21, "Si": 1.11, "P": 1.07, "S": 1.05,
    "Cl": 1.02, "Ar": 1.06, "K": 2.03, "Ca": 1.76, "Sc": 1.7, "Ti": 1.6, "V": 1.53, "Cr": 1.39,
    "Mn": 1.39, "Fe": 1.32, "Co": 1.26, "Ni": 1.24, "Cu": 1.32, "Zn": 1.22, "Ga": 1.22, "Ge": 1.2,
    "As": 1.19, "Se": 1.2, "Br": 1.2, "Kr": 1.16, "Rb": 2.2, "Sr": 1.95, "Y": 1.9, "Zr": 1.75,
    "Nb": 1.64, "Mo": 1.54, "Tc": 1.47, "Ru": 1.46, "Rh": 1.42, "Pd": 1.39, "Ag": 1.45, "Cd": 1.44,
    "In": 1.42, "Sn": 1.39, "Sb": 1.39, "Te": 1.38, "I": 1.39, "Xe": 1.4, "Cs": 2.44, "Ba": 2.15,
    "La": 2.07, "Ce": 2.04, "Pr": 2.03, "Nd": 2.01, "Pm": 1.99, "Sm": 1.98, "Eu": 1.98, "Gd": 1.96,
    "Tb": 1.94, "Dy": 1.92, "Ho": 1.92, "Er": 1.89, "Tm": 1.9, "Yb": 1.87, "Lu": 1.87, "Hf": 1.75,
    "Ta": 1.7, "W": 1.62, "Re": 1.51, "Os": 1.44, "Ir": 1.41, "Pt": 1.36, "Au": 1.36, "Hg": 1.32,
    "Tl": 1.45, "Pb": 1.46, "Bi": 1.48, "Po": 1.4, "At": 1.5, "Rn": 1.5, "Fr": 2.6, "Ra": 2.21,
    "Ac": 2.15, "Th": 2.06, "Pa": 2.0, "U": 1.96, "Np": 1.9, "Pu": 1.87, "Am": 1.8, "Cm": 1.69,
}  # fmt: skip
"""Covalent radii in Å (Cordero et al. 2008, doi 10.1039/b801115j)."""
UNKNOWN = 1.7
"""Radius of an element without one, heavier than curium."""
ROMAN = {"II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10,
         "XI": 11, "XII": 12, "XIV": 14}  # fmt: skip
ANIONS = {
    "N": 1.46, "O": 1.4, "F": 1.33, "S": 1.84, "Cl": 1.81, "Se": 1.98, "Br": 1.96, "Te": 2.21,
    "I": 2.2, "H": 1.4, "P": 1.9, "As": 2.0, "Sb": 2.2, "Bi": 2.3, "C": 1.5, "Si": 2.1,
    "Ge": 2.1, "B": 1.5,
}  # fmt: skip
"""Elements that may be anions, with radii in Å: Shannon's, rough ones where he has none."""
WEAK = {"C", "Si", "Ge", "B", "Bi", "H"}
"""Those that are anions of clearly less electronegative elements only."""
SLACK, CLEAR = 0.25, 0.4
"""By how much anions may be less electronegative than cations; by how much weak ones must be
more."""
MOST_STATES = 6
"""Oxidation states of an element that are tried, the usual ones first."""
MOST_COMBINATIONS = 20_000


def covalent_radius(element: str) -> float:
    """In Å."""
    return COVALENT.get(element, UNKNOWN)


@lru_cache(maxsize=256)
def metallic_radius(element: str) -> float | None:
    """In Å, for twelve neighbours; None for what is no metal."""
    import warnings

    from pymatgen.core import Element

    found = Element(element)
    if not found.is_metal:
        return None
    with warnings.catch_warnings():  # elements without one
        warnings.simplefilter("ignore")
        value = found.metallic_radius
    return float(value) if value == value and value else None


@lru_cache(maxsize=256)
def electronegativity(element: str) -> float:
    """Pauling's; 0 for an element without one."""
    import warnings

    from pymatgen.core import Element

    with warnings.catch_warnings():  # noble gases
        warnings.simplefilter("ignore")
        value = float(Element(element).X)
    return value if value == value else 0.0


@lru_cache(maxsize=256)
def period_and_group(element: str) -> tuple[int, int]:
    from pymatgen.core import Element

    found = Element(element)
    return int(found.row), int(found.group)


@lru_cache(maxsize=256)
def oxidation_states(element: str) -> tuple[int, ...]:
    """The usual states, then those that crystals were found with; 0 is none."""
    from pymatgen.core import Element

    found = Element(element)
    states = (*found.common_oxidation_states, *found.icsd_oxidation_states)
    return tuple(dict.fromkeys(int(q) for q in states if q))[:MOST_STATES]


@lru_cache(maxsize=50_000)
def _charges(counts: tuple[tuple[str, int], ...]) -> tuple[float, ...] | None:
    elements = [element for element, _ in counts]
    states = [oxidation_states(element) for element in elements]
    if len(elements) < 2 or not all(states):
        return None
    negativity = [electronegativity(element) for element in elements]
    while _product(states) > MOST_COMBINATIONS:
        longest = max(range(len(states)), key=lambda i: len(states[i]))
        states[longest] = states[longest][:-1]
    best: tuple[float, tuple[int, ...]] | None = None
    for chosen in itertools.product(*(enumerate(s) for s in states)):
        charges = tuple(q for _, q in chosen)
        if sum(q * n for q, (_, n) in zip(charges, counts, strict=True)):
            continue
        if not _plausible(elements, negativity, charges):
            continue
        cost = sum(place for place, _ in chosen)
        if best is None or cost < best[0]:
            best = cost, charges
    return best[1] if best else _mixed_valence(counts, states, negativity)


def _plausible(
    elements: Sequence[str], negativity: Sequence[float], charges: Sequence[float]
) -> bool:
    """Whether what is negative may be an anion among these cations."""
    highest = max(x for x, q in zip(negativity, charges, strict=True) if q > 0)
    for element, x, q in zip(elements, negativity, charges, strict=True):
        if q < 0 and (
            element not in ANIONS or x < highest + (CLEAR if element in WEAK else -SLACK)
        ):
            return False
    return True


def _mixed_valence(
    counts: tuple[tuple[str, int], ...],
    states: Sequence[tuple[int, ...]],
    negativity: Sequence[float],
) -> tuple[float, ...] | None:
    """Charges where one cation has two states, as in Fe3O4: its mean."""
    anion = max(range(len(counts)), key=lambda i: negativity[i])
    lowest = min(states[anion])
    if lowest >= 0 or counts[anion][0] not in ANIONS or counts[anion][0] in WEAK:
        return None
    for i in range(len(counts)):
        if i == anion:
            continue
        rest = {
            j: (
                lowest if j == anion else max(states[j], key=lambda q: (q > 0, -states[j].index(q)))
            )
            for j in range(len(counts))
            if j != i
        }
        mean = -sum(q * counts[j][1] for j, q in rest.items()) / counts[i][1]
        if 0 < min(states[i]) <= mean <= max(states[i]) and all(
            q > 0 for j, q in rest.items() if j != anion
        ):
            return tuple(mean if j == i else float(rest[j]) for j in range(len(counts)))
    return None


def _product(states: Sequence[Sequence[int]]) -> int:
    total = 1
    for some in states:
        total *= len(some)
    return total


def charges(counts: Mapping[str, int]) -> dict[str, float] | None:
    """An oxidation state per element that makes the formula neutral, with the more electronegative
    elements negative; None where there is none, as in alloys."""
    ordered = tuple(sorted(counts.items()))
    found = _charges(ordered)
    return None if found is None else {e: q for (e, _), q in zip(ordered, found, strict=True)}


@lru_cache(maxsize=4096)
def ionic_radius(element: str, charge: float, neighbours: int) -> float | None:
    """Shannon's effective ionic radius in Å, for the nearest state and coordination number that
    are tabulated; None for an element, or a sign, without one (Shannon 1976)."""
    states = _shannon(element)
    same = [q for q in states if (q > 0) == (charge > 0)]
    if not same:
        return None
    lower = max((q for q in same if q <= charge), default=min(same))
    upper = min((q for q in same if q >= charge), default=max(same))
    low, high = _at(states[lower], neighbours), _at(states[upper], neighbours)
    share = 0.0 if upper == lower else (charge - lower) / (upper - lower)
    return low + share * (high - low)


def _at(by_number: Mapping[int, float], neighbours: int) -> float:
    return by_number[min(by_number, key=lambda n: (abs(n - neighbours), n))]


@lru_cache(maxsize=256)
def _shannon(element: str) -> dict[int, dict[int, float]]:
    from pymatgen.core import Element

    table: dict[str, Any] = Element(element).data.get("Shannon radii") or {}
    found: dict[int, dict[int, float]] = {}
    for state, numbers in table.items():
        if not state.lstrip("+-").isdigit():
            continue
        for roman, spins in numbers.items():
            if (number := ROMAN.get(roman.rstrip("PYSQ"))) is None:
                continue
            # High spin, which is the usual one of oxides, where both are tabulated.
            spin = "High Spin" if "High Spin" in spins else next(iter(spins))
            found.setdefault(int(state), {})[number] = float(spins[spin]["ionic_radius"])
    return found
