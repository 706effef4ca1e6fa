"""Features of compositions: statistics of the properties of their elements."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from gankit.contract import Extractor
from gankit_material.data.elements import ELEMENTS, number
from gankit_material.data.items import Material

Floats = np.ndarray[Any, np.dtype[np.float64]]
_INDEX = {symbol: i for i, symbol in enumerate(ELEMENTS)}
PROPERTIES = ("X", "row", "group", "Atomic radius", "Mendeleev no", "electron affinity",
              "ionization energy", "atomic mass", "largest state", "smallest state")  # fmt: skip
"""Of the elements; the names are pymatgen's."""
STATISTICS = ("mean", "deviation", "least", "most")
"""Over the atoms of a formula, and over its elements for the last two."""


@lru_cache(1)
def property_table() -> Floats:
    """(elements, properties), standardised over the elements; their mean where one is unknown."""
    from pymatgen.core import Element

    rows = []
    for symbol in ELEMENTS:
        e = Element(symbol)
        states = e.common_oxidation_states or (0,)
        rows.append([
            *(number(e.data.get("X")), float(e.row), float(e.group)),
            *(number(e.data.get("Atomic radius")), number(e.data.get("Mendeleev no"))),
            *(number(e.data.get("Electron affinity")), number(e.data.get("Ionization energies"))),
            *(float(e.atomic_mass), float(max(states)), float(min(states))),
        ])  # fmt: skip
    table = np.array(rows, np.float64)
    mean, scale = np.nanmean(table, 0), np.nanstd(table, 0)
    standardised: Floats = np.nan_to_num((table - mean) / scale)
    return standardised


def amounts(materials: Sequence[Material]) -> Floats:
    """(N, elements): the count of each element in each formula."""
    table = np.zeros((len(materials), len(ELEMENTS)))
    for row, material in zip(table, materials, strict=True):
        for symbol, n in material.counts.items():
            row[_INDEX[symbol]] = n
    return table


def composition_features(materials: Sequence[Material]) -> Floats:
    """(N, D): for each property the four statistics, then the number of elements, the logarithm of
    the number of atoms, and the 2-norm and 5-norm of the fractions, as Magpie (Ward et al. 2016).
    """
    counts, table = amounts(materials), property_table()
    atoms = counts.sum(1, keepdims=True)
    share = counts / np.maximum(atoms, 1)
    mean = share @ table
    deviation = np.sqrt(np.maximum(share @ table**2 - mean**2, 0))
    there = counts > 0
    least, most = np.empty_like(mean), np.empty_like(mean)
    for j in range(table.shape[1]):
        least[:, j] = np.where(there, table[:, j], np.inf).min(1)
        most[:, j] = np.where(there, table[:, j], -np.inf).max(1)
    sizes = [
        there.sum(1, keepdims=True),
        np.log(np.maximum(atoms, 1)),
        np.sqrt((share**2).sum(1, keepdims=True)),
        (share**5).sum(1, keepdims=True) ** 0.2,
    ]
    return np.concatenate([mean, deviation, least, most, *sizes], 1)


def regression_features(materials: Sequence[Material]) -> Floats:
    """(N, D): those, and the share of each element, for models of properties."""
    counts = amounts(materials)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return np.concatenate([composition_features(materials), share], 1)


class CompositionExtractor(Extractor[Material]):
    """Statistics of element properties, standardised by the training data."""

    name = "composition"

    def __init__(self) -> None:
        self._mean: Floats | None = None
        self._scale: Floats | None = None

    def fit(self, train: Sequence[Material]) -> None:
        some = train[:20_000]
        found = composition_features(some)
        self._mean, self._scale = found.mean(0), np.maximum(found.std(0), 1e-6)

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        digest = hashlib.sha256(f"1 {PROPERTIES} {STATISTICS} {_pymatgen()}".encode())
        for part in (self._mean, self._scale):
            if part is not None:
                digest.update(np.round(part, 6).tobytes())
        return digest.hexdigest()[:16]

    def features(self, items: Sequence[Material]) -> Floats:
        assert self._mean is not None, "fit() comes before features()"
        assert self._scale is not None
        found: Floats = (composition_features(items) - self._mean) / self._scale
        return found


def _pymatgen() -> str:
    """The version of pymatgen's tables."""
    return version("pymatgen-core")
