"""Structures as text: CIF blocks, and what pymatgen's ``Structure.from_dict`` reads."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from gankit.contract import Provenance, Sample
from gankit_material.data.cif_blocks import NO_STRUCTURE, PROPERTY, REQUESTED
from gankit_material.data.items import Cell, Material
from gankit_material.output.rows import FOUND, short, text_of


def cif_block(sample: Sample[Material], number: int, provenance: Provenance) -> str:
    """A material's block, with all atoms of the cell and no symmetry, or with the formula only; a
    real one as it was read.

    What was found, requested and the seed are ``_gankit_…``; provenance is
    ``_audit_creation_method`` and a comment.
    """
    item = sample.item
    if sample.real and isinstance(text := item.notes.get("cif"), str):
        return text if text.endswith("\n") else f"{text}\n"
    lines = [f"data_{block_name(sample, number)}"]
    if not sample.real:
        told = provenance.text()
        lines += [f"# {key}: {_line(text)}" for key, text in told.items()]
        lines.append(f"_audit_creation_method {_quoted(told['Source'])}")
        lines.append("_gankit_generated yes")
        lines.append(f"_gankit_seed {sample.seed}")
        for key in FOUND:
            if key in item.notes and item.notes[key] != "":
                lines.append(f"_gankit_{key} {_quoted(text_of(item.notes[key]))}")
        for key, value in sample.condition.items():
            lines.append(f"{REQUESTED}{_tag(key)} {_quoted(text_of(short(value)))}")
    for key, number_of in item.values.items() if sample.real else ():
        lines.append(f"{PROPERTY}{_tag(key)} {text_of(float(number_of))}")
    lines.append(f"_chemical_formula_structural {_quoted(item.formula)}")
    lines += [f"{NO_STRUCTURE} yes"] if item.cell is None else _cell_lines(item.cell)
    return "\n".join(lines) + "\n"


def _cell_lines(cell: Cell) -> list[str]:
    (a, b, c), angles = parameters(cell)
    counted = Counter(cell.species)
    lines = [
        f"_chemical_formula_sum '{' '.join(f'{e}{n}' for e, n in sorted(counted.items()))}'",
        f"_cell_formula_units_Z {math.gcd(*counted.values())}",
        *(f"_cell_length_{n} {x:.8f}" for n, x in zip("abc", (a, b, c), strict=True)),
        *(
            f"_cell_angle_{n} {x:.8f}"
            for n, x in zip(("alpha", "beta", "gamma"), angles, strict=True)
        ),
        f"_cell_volume {abs(float(np.linalg.det(np.array(cell.lattice)))):.8f}",
        "_symmetry_space_group_name_H-M 'P 1'",
        "_symmetry_Int_Tables_number 1",
        "loop_",
        "_symmetry_equiv_pos_site_id",
        "_symmetry_equiv_pos_as_xyz",
        "1 'x, y, z'",
        "loop_",
        "_atom_site_type_symbol",
        "_atom_site_label",
        "_atom_site_symmetry_multiplicity",
        "_atom_site_fract_x",
        "_atom_site_fract_y",
        "_atom_site_fract_z",
        "_atom_site_occupancy",
    ]
    for i, (element, (x, y, z)) in enumerate(zip(cell.species, cell.positions, strict=True)):
        lines.append(f"{element} {element}{i + 1} 1 {x:.8f} {y:.8f} {z:.8f} 1")
    return lines


def block_name(sample: Sample[Material], number: int) -> str:
    """The formula with the sample's number and seed."""
    end = "real" if sample.real else f"generated_{sample.seed}"
    return f"{sample.item.formula}_{number:06d}_{end}"


def parameters(cell: Cell) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Lengths in Å and angles α, β, γ in degrees."""
    vectors = np.array(cell.lattice)
    lengths = np.linalg.norm(vectors, axis=1)
    unit = vectors / lengths[:, None]
    cosines = [float(unit[1] @ unit[2]), float(unit[0] @ unit[2]), float(unit[0] @ unit[1])]
    angles = tuple(math.degrees(math.acos(min(max(x, -1.0), 1.0))) for x in cosines)
    return tuple(float(x) for x in lengths), angles


def structure_dict(cell: Cell) -> dict[str, Any]:
    """What ``Structure.from_dict`` of pymatgen reads."""
    matrix = np.array(cell.lattice)
    (a, b, c), (alpha, beta, gamma) = parameters(cell)
    sites = []
    for element, place in zip(cell.species, cell.positions, strict=True):
        xyz = (np.array(place) @ matrix).tolist()
        one = {"species": [{"element": element, "occu": 1}], "abc": list(place), "xyz": xyz}
        sites.append({**one, "label": element, "properties": {}})
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": {
            "matrix": matrix.tolist(),
            "pbc": [True, True, True],
            "a": a,
            "b": b,
            "c": c,
            "alpha": alpha,
            "beta": beta,
            "gamma": gamma,
            "volume": abs(float(np.linalg.det(matrix))),
        },
        "properties": {},
        "sites": sites,
    }


def plain(value: object) -> object:
    """A cell as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(cell) for key, cell in value.items()}
    if isinstance(value, list | tuple):
        return [plain(cell) for cell in value]
    return str(value)


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _quoted(text: str) -> str:
    """A value of CIF 1.1: quoted, or in a text field where it has both kinds of quotes."""
    text = _line(text).encode("ascii", "backslashreplace").decode()
    if text and re.fullmatch(r"[A-Za-z0-9.+-][A-Za-z0-9.+_()/-]*", text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"' if '"' not in text else f"'{text.replace(chr(39), '`')}'"


def _tag(text: str) -> str:
    """A name without spaces, as the end of a tag."""
    return quote(text, safe="") or "_"
