"""Structures by the command line: trained on CIFs, and written as CIF."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gankit.contract import Provenance, Sample
from gankit_material.data.items import Material
from gankit_material.output.structures import cif_block
from gankit_material.structures.assignment import assigned

ABOUT = Provenance("x", "y", "2026-01-01", "z")


@pytest.fixture
def crystals(tmp_path: Path) -> Path:
    root = tmp_path / "crystals"
    root.mkdir()
    rows = ["file_name,energy"]
    for metal in ("Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba"):
        for anion in ("F", "Cl", "Br", "I", "O", "S"):
            item = assigned(Material({metal: 1, anion: 1}), 0)
            if item.cell is not None:
                name = f"{metal}{anion}"
                block = cif_block(Sample(item, 0, {}, real=True), 0, ABOUT)
                (root / f"{name}.cif").write_text(block, encoding="utf-8")
                rows.append(f"{name},{-0.1 * len(rows)}")
    (root / "torn.cif").write_text("data_x\n_cell_length_a 3", encoding="utf-8")
    (root / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.mark.slow
def test_cifs_are_trained_on_and_written(
    crystals: Path, tmp_path: Path, gankit_: Callable[..., Any]
) -> None:
    trained = gankit_(
        *("train", "crystals", "--out", "run", "--samples", "64", "train.batch=32", "units=8"),
        cwd=tmp_path,
    )
    assert "1, e.g. torn.cif: no atoms" in trained.stdout + trained.stderr
    gankit_("generate", "run", "-n", "12", "--out", "made.cif", cwd=tmp_path)
    assert (tmp_path / "made.cif").read_text(encoding="utf-8").count("data_") == 12
    record = json.loads((tmp_path / "made.cif.provenance.json").read_text())
    assert record["generated"] is True
    assert record["counted"]["with structure"] >= 0
