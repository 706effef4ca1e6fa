"""Relaxation with CHGNet, which need not be installed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest

from gankit.errors import GankitError
from gankit_material.codec.codec import MaterialCodec, fit
from gankit_material.data.items import Material
from gankit_material.settings import MaterialSettings
from gankit_material.structures import assign, relaxation

SETTINGS = MaterialSettings(structures=True, relax=True, relax_steps=20)


def test_missing_extra_is_one_line_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "is_installed", lambda: False)
    with pytest.raises(GankitError, match="not installed") as caught:
        assign(Material({"Na": 1, "Cl": 1}), 0, SETTINGS)
    assert "gankit-material[chgnet]" in caught.value.hint


def test_missing_extra_is_known_before_anything_is_generated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relaxation, "is_installed", lambda: False)
    codec = fit([Material({"Na": 1, "Cl": 1}), Material({"K": 1, "Cl": 1})], MaterialSettings())
    with pytest.raises(GankitError, match="CHGNet"):
        MaterialCodec.load(codec.state(), SETTINGS)


def test_composition_without_a_cell_is_not_relaxed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "is_installed", lambda: False)
    assert assign(Material({"Na": 7, "Ba": 5, "K": 3, "F": 2}), 0, SETTINGS).cell is None


def test_cell_that_cannot_be_relaxed_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> object:
        raise RuntimeError("isolated atoms")

    monkeypatch.setattr(relaxation, "prepare", lambda: None)
    monkeypatch.setattr(relaxation, "_relax", fails)
    before = assign(Material({"Na": 1, "Cl": 1}), 0, replace(SETTINGS, relax=False))
    after = relaxation.relaxed(before, SETTINGS)
    assert after.cell == before.cell
    assert after.notes["converged"] is False


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("chgnet") is None,
    reason="needs CHGNet: pip install 'gankit-material[chgnet]'",
)
def test_relaxed_salt_converges_near_its_lattice_constant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = assign(Material({"Mg": 1, "O": 1}), 0, SETTINGS)
    assert found.cell is not None
    assert found.notes["converged"] is True
    assert isinstance(found.notes["energy_per_atom"], float)
    assert -7 < found.notes["energy_per_atom"] < -5.5
    assert (float(str(found.notes["volume_per_atom"])) * 8) ** (1 / 3) == pytest.approx(
        4.21, rel=0.03
    )
    assert capsys.readouterr().out == ""  # where tables may be written to
