"""CIF: what is read, and one line for all that cannot be."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gankit.contract import Provenance, Sample
from gankit.contract.data import quiet
from gankit.errors import GankitError
from gankit_material.data.cif import read_cif
from gankit_material.data.cif_blocks import UnusableError, parse_block
from gankit_material.data.items import Cell, Material
from gankit_material.data.sources import read
from gankit_material.output.structures import cif_block, parameters
from gankit_material.settings import MaterialSettings

SETTINGS = MaterialSettings()
HEAD = """data_{name}
_symmetry_space_group_name_H-M '{group}'
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_type_symbol
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
SALT = "Na Na1 0 0 0 1\nCl Cl1 0.5 0.5 0.5 1\n"


def cif(sites: str = SALT, a: str = "5.64", name: str = "salt", group: str = "P 1") -> str:
    return HEAD.format(name=name, a=a, group=group) + sites


def test_symmetry_is_unfolded() -> None:
    found = parse_block(cif(group="F m -3 m"), SETTINGS)
    assert (dict(found.counts), len(found.cell.species if found.cell else ())) == (
        {"Na": 1, "Cl": 1}, 8,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (cif(SALT.replace("0 0 0 1", "0 0 0 0.5")), "partial occupancies"),
        (cif(SALT.replace("Na Na1", "Xx Xx1")), "an unknown element, 'Xx'"),
        (cif(""), "no atoms"),
        (cif().partition("loop_")[0], "no atoms"),
        (cif().replace("_cell_angle_gamma 90\n", ""), "no _cell_angle_gamma"),
        (cif(a="-5.64"), "_cell_length_a is no positive number"),
        (cif(a="nan"), "_cell_length_a is no positive number"),
        (cif(a="five"), "_cell_length_a is no positive number"),
        (cif(a="0.4"), "Å³ per atom"),
        (cif(SALT + "Cl Cl2 0.5 0.5 0.5 1\n"), "duplicate sites"),
        (cif(SALT + "Cl Cl2 0.52 0.5 0.5 1\n"), "closer than 0.5 Å"),
        (
            cif("\n".join(f"Na Na{i} {i / 2000} 0 0 1" for i in range(1001))),
            "more than 1,000 atoms",
        ),
        (cif()[:-9], "pymatgen cannot parse it"),
    ],
)
def test_unusable_block_says_why(text: str, why: str) -> None:
    with pytest.raises(UnusableError, match=why) as caught:
        parse_block(text, SETTINGS)
    assert "\n" not in str(caught.value)


def test_deuterium_is_hydrogen_or_refused() -> None:
    text = cif(SALT.replace("Cl Cl1", "D D1"))
    assert dict(parse_block(text, SETTINGS).counts) == {"Na": 1, "H": 1}
    with pytest.raises(UnusableError, match="deuterium"):
        parse_block(text, MaterialSettings(isotopes="skip"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "crystals"
    (root / "more").mkdir(parents=True)
    (root / "a.cif").write_text(cif())
    (root / "more" / "b.cif").write_text(cif(SALT.replace("Na", "K"), "6.6"))
    (root / "two.cif").write_text(cif(name="one") + cif(SALT.replace("Na", "Li"), "5.1", "two"))
    (root / "packed.cif.gz").write_bytes(gzip.compress(cif(a="5.7").encode()))
    (root / "empty.cif").write_text("")
    (root / "notes.cif").write_text("no structure here")
    (root / "binary.cif").write_bytes(bytes(range(256)))
    (root / "table.csv").write_text(
        "file_name,formation_energy,system\na,-2.1,cubic\nmore/b.cif,-2.2,cubic\ntwo,-2.3,cubic\n"
        "packed.cif.gz,-2.0,cubic\n"
    )
    return root


def test_folder_with_a_table_of_properties(folder: Path) -> None:
    materials, issues, facts = read_cif(folder, SETTINGS, quiet)
    assert [m.formula for m in materials] == ["NaCl", "NaCl", "NaCl", "LiCl", "KCl"]
    assert [m.values["formation_energy"] for m in materials] == [-2.1, -2.0, -2.3, -2.3, -2.2]
    assert materials[3].notes["file"] == "two.cif, block two"
    assert {issue.location: issue.reason for issue in issues} == {
        "binary.cif": "not a text file",
        "empty.cif": "an empty file",
        "notes.cif": "not a CIF: it has no line data_…",
    }
    assert "table.csv" in facts["properties"]


def test_archive_is_read_like_its_folder(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        for file in sorted(folder.rglob("*")):
            packed.write(file, file.relative_to(folder))
    inside = read_cif(tmp_path / "all.zip", SETTINGS, quiet)[0]
    outside = read_cif(folder, SETTINGS, quiet)[0]
    assert sorted(m.formula for m in inside) == sorted(m.formula for m in outside)


def test_data_set_of_cifs_says_what_was_skipped(folder: Path) -> None:
    data = read(folder, SETTINGS, quiet)
    assert {item.formula for item in data.items} == {"NaCl", "KCl", "LiCl"}
    assert sum("not a CIF" in issue.reason for issue in data.issues) == 1


def test_folder_without_cif_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.writestr("readme.md", "nothing")
    with pytest.raises(GankitError, match="no CIF there"):
        read_cif(tmp_path / "all.zip", SETTINGS, quiet)


def test_what_gankit_wrote_among_others_is_left_out(folder: Path) -> None:
    made = folder / "generated"
    made.mkdir()
    (made / "x.cif").write_text(cif(SALT.replace("Na", "Cs"), "7"))
    (made / "provenance.json").write_text('{"generated": true}')
    materials, issues, _ = read_cif(folder, SETTINGS, quiet)
    assert "CsCl" not in {m.formula for m in materials}
    assert any(issue.location == "generated/x.cif" for issue in issues)


# --- Round trips --------------------------------------------------------------------------------

ABOUT = Provenance(
    "gankit 0", "run 'one' \"two\"", "2026-01-01T00:00:00+00:00", "http://example.org"
)
LENGTH, ANGLE = st.floats(3.0, 12.0), st.floats(65.0, 115.0)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    a, b, c = draw(LENGTH), draw(LENGTH), draw(LENGTH)
    alpha, beta, gamma = (np.radians(draw(ANGLE)) for _ in range(3))
    x = np.cos(beta)
    y = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    z = np.sqrt(max(1 - x * x - y * y, 0.15))
    rows = [
        (a, 0.0, 0.0),
        (b * np.cos(gamma), b * np.sin(gamma), 0.0),
        (c * x, c * y, c * z),
    ]
    places = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, 0.0, 0.25)][: draw(st.integers(1, 3))]
    species = draw(st.lists(st.sampled_from(["Na", "O", "U", "H"]), min_size=3, max_size=3))
    shift = draw(st.floats(0, 0.99))
    moved = tuple((x + shift, y, z) for x, y, z in places)
    lattice = tuple(tuple(float(v) for v in row) for row in rows)
    return Cell(lattice, tuple(species[: len(places)]), moved)  # type: ignore[arg-type]


@given(cells(), st.dictionaries(st.sampled_from(["gap", "e_form"]), st.floats(-9, 9)))
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_written_cell_is_read_back(cell: Cell, values: dict[str, float]) -> None:
    counts = {e: cell.species.count(e) for e in cell.species}
    item = Material(counts, values, cell=cell, notes={"prototype": 'it\'s "one"'})
    text = cif_block(Sample(item, 7, {}, real=True), 0, ABOUT)
    found = parse_block(text, SETTINGS)
    assert found.cell is not None
    assert sorted(found.cell.species) == sorted(cell.species)
    np.testing.assert_allclose(parameters(found.cell)[0], parameters(cell)[0], atol=1e-6)
    np.testing.assert_allclose(parameters(found.cell)[1], parameters(cell)[1], atol=1e-5)
    np.testing.assert_allclose(
        sorted(np.round(np.array(found.cell.positions) % 1, 6).tolist()),
        sorted(np.round(np.array(cell.positions) % 1, 6).tolist()),
        atol=2e-6,
    )
    assert found.values == pytest.approx(values)


def reason(text: str) -> str:
    """Why a text is no material; empty where it is one."""
    try:
        parse_block(text, SETTINGS)
    except UnusableError as error:
        return str(error)
    return ""


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_text_is_a_material_or_unusable(text: str) -> None:
    assert "\n" not in reason("data_x\n" + text)


@given(st.integers(0, 400), st.integers(0, 400))
@hypothesis_settings(max_examples=40, deadline=None)
def test_damaged_cif_is_a_material_or_unusable(start: int, length: int) -> None:
    text = cif()
    assert "\n" not in reason(text[:start] + text[start + length :])
