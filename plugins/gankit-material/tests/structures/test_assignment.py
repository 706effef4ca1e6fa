"""Structures of known compounds, and what every assigned cell has."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gankit_material.data.formulas import parse
from gankit_material.data.items import Cell, Material
from gankit_material.structures import assign
from gankit_material.structures.assignment import assigned
from gankit_material.structures.geometry import shortest
from gankit_material.structures.prototypes import _index, prototypes, shape_of
from gankit_material.structures.radii import charges, covalent_radius, ionic_radius


def material(formula: str) -> Material:
    return Material(parse(formula).reduced())


def volume(cell: Cell) -> float:
    return abs(float(np.linalg.det(np.array(cell.lattice))))


@pytest.mark.parametrize(
    ("formula", "kind", "constant", "atoms"),
    [
        ("NaCl", "Halite", 5.640, 8),
        ("MgO", "Halite", 4.212, 8),
        ("CaF2", "Fluorite", 5.463, 12),
        ("SrTiO3", "(Cubic) Perovskite", 3.905, 5),
        ("CsCl", "AB_cP2_221", 4.123, 2),
        ("CsBr", "AB_cP2_221", 4.296, 2),
        ("GaAs", "GaAs", 5.653, 8),
        ("UO2", "CeO2", 5.471, 12),
        ("ZnFe2O4", "Spinel", 8.441, 56),
        ("K2SiF6", "K2PtCl6", 8.134, 36),
        ("La2Zr2O7", "pyrochlore", 10.80, 88),
        ("Cu3Au", "AB3_cP4_221", 3.748, 4),
    ],
)
def test_cubic_compounds_have_their_structure_type_and_lattice_constant(
    formula: str, kind: str, constant: float, atoms: int
) -> None:
    found = assigned(material(formula), 0)
    assert found.cell is not None
    assert kind in str(found.notes["prototype"])
    per_atom = volume(found.cell) / len(found.cell.species)
    assert (per_atom * atoms) ** (1 / 3) == pytest.approx(constant, rel=0.05)
    assert per_atom == pytest.approx(float(str(found.notes["volume_per_atom"])), rel=1e-3)


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        ("TiO2", "Rutile"), ("SnO2", "Rutile"), ("MoS2", "Molybdenite"), ("CuFeS2", "Chalcopyrite"),
        ("CaWO4", "scheelite"), ("LiFePO4", "triphylite"), ("Mg2SiO4", "forsterite"),
        ("CaCO3", "Calcite"), ("NdFeO3", "GdFeO3"), ("Cs2AgBiBr6", "elpasolite"),
        ("LiCoO2", "Caswellsilverite"), ("FeTiO3", "Ilmenite"), ("Fe3O4", "magnetite"),
    ],
)  # fmt: skip
def test_others_have_their_structure_type(formula: str, kind: str) -> None:
    assert kind in str(assigned(material(formula), 0).notes["prototype"])


def test_cell_has_the_composition_and_no_atoms_that_are_too_close() -> None:
    for formula in ("NaCl", "BaTiO3", "Na2ZrO3", "HoGePt", "MgAl2O4", "Ca3Al2Si3O12", "Mn5Si3"):
        found = assigned(material(formula), 3)
        assert found.cell is not None, formula
        counted = Counter(found.cell.species)
        divisor = math.gcd(*counted.values())
        assert {e: n // divisor for e, n in counted.items()} == dict(found.counts)
        lattice, places = np.array(found.cell.lattice), np.array(found.cell.positions)
        least = min(0.7 * (covalent_radius(a) + covalent_radius(b))
                    for a in counted for b in counted)  # fmt: skip
        assert shortest(lattice, places) >= least
        assert ((places >= 0) & (places < 1)).all()


def test_composition_without_a_prototype_has_no_cell_and_says_so() -> None:
    found = assigned(material("Na7Ba5K3OF2"), 0)
    assert found.cell is None
    assert found.notes["prototype"] == ""


def test_seed_decides_among_equals_and_nothing_else() -> None:
    once, again = assigned(material("CdTe"), 5), assigned(material("CdTe"), 5)
    assert once == again
    polytypes = {str(assigned(material("SiC"), seed).notes["prototype"]) for seed in range(30)}
    assert len(polytypes) > 1
    assert {assigned(material("NaCl"), seed) .notes["prototype"] for seed in range(9)} == {
        assigned(material("NaCl"), 0).notes["prototype"]
    }  # fmt: skip


def test_other_notes_and_values_are_kept() -> None:
    before = Material({"Na": 1, "Cl": 1}, {"gap": 8.5}, "salt", notes={"kept": 1})
    after = assign(before, 0, SimpleNamespace(relax=False))  # type: ignore[arg-type]
    assert (after.values, after.label, after.notes["kept"]) == ({"gap": 8.5}, "salt", 1)


def test_every_prototype_has_its_anonymous_formula_and_bonds() -> None:
    shapes = [s for s in _index() if sum(s) <= 8]
    for shape in shapes:
        for prototype in prototypes(shape):
            assert shape_of(prototype.counts) == shape
            assert sum(bond.share for bond in prototype.bonds) == pytest.approx(1)
            assert min(prototype.nearest.values()) > 0.6


def test_charges_of_usual_compounds() -> None:
    assert charges({"Na": 1, "Cl": 1}) == {"Na": 1, "Cl": -1}
    assert charges({"Sr": 1, "Ti": 1, "O": 3}) == {"Sr": 2, "Ti": 4, "O": -2}
    mixed = charges({"Fe": 3, "O": 4})
    assert mixed is not None
    assert mixed["Fe"] == pytest.approx(8 / 3)
    assert charges({"Cu": 3, "Au": 1}) is None
    assert charges({"Fe": 1}) is None


def test_ionic_radius_is_of_the_nearest_state_and_coordination() -> None:
    assert ionic_radius("Mg", 2, 6) == pytest.approx(0.72)
    assert ionic_radius("O", -2, 6) == pytest.approx(1.40)
    assert ionic_radius("Mg", 2, 7) in (pytest.approx(0.72), pytest.approx(0.89))
    assert ionic_radius("Na", -1, 6) is None


ELEMENTS = st.sampled_from(
    ["Li", "Na", "Ca", "La", "Ti", "Fe", "Cu", "Al", "Si", "P", "O", "S", "F"]
)


@given(st.dictionaries(ELEMENTS, st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**63))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_composition_has_a_cell_of_it_or_none(counts: dict[str, int], seed: int) -> None:
    shared = math.gcd(*counts.values())
    reduced = {e: n // shared for e, n in counts.items()}
    found = assigned(Material(reduced), seed)
    assert found == assigned(Material(dict(reversed(reduced.items()))), seed)
    if found.cell is not None:
        counted: Any = Counter(found.cell.species)
        divisor = math.gcd(*counted.values())
        assert {e: n // divisor for e, n in counted.items()} == reduced
        assert shortest(np.array(found.cell.lattice), np.array(found.cell.positions)) > 0.6
