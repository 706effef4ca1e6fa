"""The elements, in two orders. No library is needed, so that it costs nothing to import."""

from __future__ import annotations

ELEMENTS = (
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl",
    "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In",
    "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb",
    "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl",
    "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk",
    "Cf", "Es", "Fm", "Md", "No", "Lr",
)  # fmt: skip
"""Symbols by atomic number, from hydrogen (1) to lawrencium (103)."""

BY_ELECTRONEGATIVITY = (
    "He", "Ne", "Ar", "Fr", "Cs", "K", "Rb", "Ba", "Ra", "Na", "Sr", "Li", "Ca", "La", "Tb", "Yb",
    "Ac", "Ce", "Pr", "Pm", "Nd", "Sm", "Eu", "Gd", "Y", "Dy", "Ho", "Er", "Tm", "Lu", "Pu", "Hf",
    "Th", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Mg", "Zr", "Sc", "Np", "U", "Ta",
    "Pa", "Ti", "Mn", "Be", "Nb", "Al", "Tl", "V", "Zn", "Cr", "Cd", "In", "Ga", "Fe", "Co", "Si",
    "Cu", "Tc", "Re", "Ni", "Ag", "Sn", "Hg", "Po", "Ge", "Bi", "B", "Sb", "Te", "Mo", "As", "P",
    "H", "Ru", "Pd", "Os", "Ir", "At", "Rn", "Rh", "Pt", "Pb", "W", "Au", "C", "Se", "S", "Xe",
    "I", "Br", "Kr", "N", "Cl", "O", "F",
)  # fmt: skip
"""Symbols by ascending Pauling electronegativity, then atomic number; without one first."""
ELECTRONEGATIVITY_ORDER = {symbol: i for i, symbol in enumerate(BY_ELECTRONEGATIVITY)}
"""The place of each symbol among them: cations come before anions."""


def number(value: object) -> float:
    """A tabulated property, the first of several; NaN where there is none."""
    if isinstance(value, list) and value:
        value = value[0]
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")
