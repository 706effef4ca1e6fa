"""Scores of crystal structures."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.contract import EvaluationData, Sample
from gankit_material.data.items import Cell, Material
from gankit_material.evaluation.structures import Structures, closest, densities
from gankit_material.structures.assignment import assigned

SALT = assigned(Material({"Na": 1, "Cl": 1}), 0)
NONE = assigned(Material({"Na": 7, "Ba": 5, "K": 3, "F": 2}), 0)
RNG = np.random.default_rng(0)


def data(made: list[Material], real: list[Material]) -> EvaluationData[Material]:
    generated = [Sample(item, seed, {}) for seed, item in enumerate(made)]
    return EvaluationData(generated, real, real)


def test_share_with_a_structure_beside_that_of_held_out_compositions() -> None:
    scores = Structures().evaluate(
        data([SALT, NONE, SALT, SALT], [Material({"Mg": 1, "O": 1})]), RNG
    )
    assert scores["with_structure"] == 0.75
    assert scores["with_structure_real"] == 1
    assert scores["distances"] == 1
    assert "density_w1" not in scores


def test_nothing_where_no_structures_were_asked_for() -> None:
    assert Structures().evaluate(data([Material({"Na": 1, "Cl": 1})], [SALT]), RNG) == {}


def test_densities_are_compared_where_the_data_has_cells() -> None:
    scores = Structures().evaluate(data([SALT] * 5, [SALT] * 30), RNG)
    assert scores["density_w1"] == pytest.approx(0, abs=1e-9)
    assert SALT.cell is not None
    assert densities([SALT.cell])[0] == pytest.approx(2.16, rel=0.02)  # rock salt, g/cm³


def test_atoms_that_are_too_close_are_found() -> None:
    box = ((5.0, 0.0, 0.0), (0.0, 5.0, 0.0), (0.0, 0.0, 5.0))
    near = Cell(box, ("Na", "Cl"), ((0.0, 0.0, 0.0), (0.2, 0.0, 0.0)))
    assert closest(near) < 0.4
    bad = Material({"Na": 1, "Cl": 1}, cell=near, notes={"prototype": "x"})
    assert Structures().evaluate(data([bad, SALT], []), RNG)["distances"] == 0.5


def test_relaxed_cells_have_energies() -> None:
    notes = {**SALT.notes, "converged": True, "energy_per_atom": -3.5}
    relaxed = Material(SALT.counts, cell=SALT.cell, notes=notes)
    scores = Structures().evaluate(data([relaxed, relaxed], []), RNG)
    assert (scores["relaxed"], scores["energy_per_atom"]) == (1, -3.5)


def test_few_structures_are_warned_of() -> None:
    assert "have a structure" in Structures().warnings(data([NONE] * 60, []))[0]
    assert Structures().warnings(data([SALT] * 60, [])) == []
