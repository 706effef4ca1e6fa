"""Energies above a hull, against one that is known."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.contract import EvaluationData, Sample
from gankit.errors import GankitError
from gankit_material.data.items import Material
from gankit_material.evaluation.evaluators import build_evaluators
from gankit_material.evaluation.hull import HullEnergy
from gankit_material.settings import MaterialSettings

TABLE = "formula,energy_per_atom\nNa,-1.0\nCl,-2.0\nNaCl,-3.5\n"


@pytest.fixture
def hull(tmp_path):
    (tmp_path / "hull.csv").write_text(TABLE)
    return HullEnergy(str(tmp_path / "hull.csv"))


def test_energies_above_the_hull(hull):
    """Between Na (-1) and NaCl (-3.5), Na3Cl is at -1 - 2.5 / 2 on the hull."""
    assert hull.above(Material({"Na": 1, "Cl": 1}, notes={"energy_per_atom": -3.4})) == (
        pytest.approx(0.1)
    )
    assert hull.above(Material({"Na": 3, "Cl": 1}, notes={"energy_per_atom": -2.25})) == (
        pytest.approx(0)
    )


def test_without_an_energy_or_a_reference_there_is_none(hull):
    assert hull.above(Material({"Na": 1, "Cl": 1})) is None
    assert hull.above(Material({"Na": 1, "F": 1}, notes={"energy_per_atom": -3.0})) is None
    data = EvaluationData([Sample(Material({"Na": 1, "Cl": 1}), 0, {})], [], [])
    assert hull.evaluate(data, np.random.default_rng(0)) == {}


def test_scores_and_the_setting(hull, tmp_path):
    items = [Material({"Na": 1, "Cl": 1}, notes={"energy_per_atom": e}) for e in (-3.5, -3.0)]
    data = EvaluationData([Sample(item, i, {}) for i, item in enumerate(items)], [], [])
    scores = hull.evaluate(data, np.random.default_rng(0))
    assert scores == pytest.approx(
        {"hull/mean": 0.25, "hull/median": 0.25, "hull/near": 0.5, "hull/known": 2}
    )
    settings = MaterialSettings(hull=str(tmp_path / "hull.csv"))
    assert build_evaluators(None, settings)[-1].name == "hull"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formula,energy_per_atom\nNa,-1\nXx,-2\n", "line 3: 'Xx': there is no element Xx"),
        ("formula,energy_per_atom\nNa,-1\nCl,\n", "line 3: no number in the column"),
        ("formula,e\nNa,-1\nCl,2\n", "line 2: no number in the column 'energy_per_atom'"),
    ],
)
def test_a_bad_reference_is_one_line(tmp_path, text, message):
    (tmp_path / "hull.csv").write_text(text)
    with pytest.raises(GankitError, match=message):
        HullEnergy(str(tmp_path / "hull.csv"))
    with pytest.raises(GankitError, match="no such file"):
        HullEnergy(str(tmp_path / "nowhere.csv"))
