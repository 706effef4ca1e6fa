"""Tabulated properties of the elements, which the networks see beside learned embeddings."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from gankit_material.data.elements import number

STATES = range(-4, 8)
"""Oxidation states that have a feature each."""


def element_features(elements: Sequence[str]) -> Tensor:
    """(elements, F): electronegativity, period, group, radius, ionisation energy, electron
    affinity, standardised; and a flag for each of ``STATES`` that pymatgen lists as common.
    """
    from pymatgen.core import Element

    rows, flags = [], []
    for symbol in elements:
        e = Element(symbol)
        states = e.common_oxidation_states
        rows.append([
            *(number(e.data.get("X")), float(e.row), float(e.group)),
            *(number(e.data.get("Atomic radius")), number(e.data.get("Ionization energies"))),
            number(e.data.get("Electron affinity")),
        ])  # fmt: skip
        flags.append([float(state in states) for state in STATES])
    numbers = torch.tensor(rows)
    known = numbers.isfinite()
    count = known.sum(0).clamp(min=1)
    mean = torch.where(known, numbers, 0.0).sum(0) / count
    centred = torch.where(known, numbers - mean, 0.0)
    scale = (centred.square().sum(0) / count).sqrt().clamp(min=1e-6)
    return torch.cat([centred / scale, torch.tensor(flags)], 1)


def charges(elements: Sequence[str], most: int = 3) -> Tensor:
    """(elements, most): common oxidation states, the largest first, divided by 4; repeated where an
    element has fewer, 0 where it has none.
    """
    from pymatgen.core import Element

    rows = []
    for symbol in elements:
        states = sorted(Element(symbol).common_oxidation_states, reverse=True)[:most]
        states = states or [0]
        rows.append([states[min(i, len(states) - 1)] / 4 for i in range(most)])
    return torch.tensor(rows)


def similarity(elements: Sequence[str], seen: Collection[str] | None = None) -> Tensor:
    """(elements + 1, elements + 1): for each element the others of its group in the periodic table,
    lanthanides and actinides being one each, with equal weights that add up to 1; zeros where there
    are none, and for the last row, no element.

    Args:
        seen: elements that have a weight; all by default.
    """
    from pymatgen.core import Element

    groups = []
    for symbol in elements:
        e = Element(symbol)
        groups.append(-e.row if e.is_lanthanoid or e.is_actinoid else e.group)
    group = torch.tensor([*groups, 1000])
    alike = (group[:, None] == group[None]).float()
    alike.fill_diagonal_(0)
    if seen is not None:
        alike *= torch.tensor([*(float(symbol in seen) for symbol in elements), 0.0])
    return alike / alike.sum(1, keepdim=True).clamp(min=1)
