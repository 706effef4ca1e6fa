"""A block of CIF as a material, or the reason why it is none."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np

from gankit.kit.archives import UnreadableError
from gankit.kit.folders import printable
from gankit_material.data.elements import ELEMENTS
from gankit_material.data.formulas import ISOTOPES, FormulaError, divided, parse
from gankit_material.data.items import Cell, Material
from gankit_material.settings import MaterialSettings
from gankit_material.structures.geometry import shortest

MOST_SITES = 1_000
"""Atoms of a cell."""
LEAST_DISTANCE = 0.5
"""Å between two atoms, below which they are duplicates or a mistake."""
LEAST_VOLUME = 1.0
"""Å³ per atom."""
PROPERTY, REQUESTED = "_gankit_property_", "_gankit_requested_"
"""What the tags of values begin with in files that gankit wrote; their names are URL-encoded."""
NO_STRUCTURE = "_gankit_no_structure"
"""The tag of blocks that have a formula only."""

_SYMBOLS = frozenset(ELEMENTS)
_BLOCK = re.compile(r"(?im)^[ \t]*data_(\S*)")
_SYMMETRY = re.compile(r"(?im)^\s*_(?:space_group_symop_operation_xyz|symmetry_equiv_pos_as_xyz)")


class UnusableError(Exception):
    """A block that is no material; the message says why, alike for all that are so alike."""


def blocks(content: bytes) -> Iterator[tuple[str, str]]:
    """The name and the text of each block.

    Raises:
        UnreadableError: no text, or a text without a block.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16", errors="replace")
    else:
        text = content.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        raise UnreadableError("not a text file")
    starts = [match for match in _BLOCK.finditer(text) if not _in_text_field(text, match.start())]
    starts = [m for m in starts if m[1].lower() != "global" or len(starts) == 1]
    if not text.strip():
        raise UnreadableError("an empty file")
    if not starts:
        raise UnreadableError("not a CIF: it has no line data_…")
    ends = [*(match.start() for match in starts[1:]), len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield printable(match[1]) or "?", text[match.start() : end]


def _in_text_field(text: str, place: int) -> bool:
    """Whether a line is inside a text between lines that begin with semicolons."""
    return bool(len(re.findall(r"(?m)^;", text[:place])) % 2)


def parse_block(text: str, settings: MaterialSettings) -> Material:
    """A block as a material.

    Raises:
        UnusableError: no ordered structure of known elements; see the messages.
    """
    if (known := _composition_only(text)) is not None:
        return known
    _check_size(text)
    structure = _structure(text)
    if not structure.is_ordered:
        raise UnusableError("partial occupancies: a disordered structure")
    if settings.isotopes == "skip" and any(
        re.match(r"[DT](?![a-z])", symbol) for symbol in _symbols(text)
    ):
        raise UnusableError("deuterium or tritium (isotopes=merge reads them as hydrogen)")
    species = []
    for site in structure:
        symbol = getattr(site.specie, "symbol", str(site.specie))
        symbol = ISOTOPES.get(symbol, symbol)
        if symbol not in _SYMBOLS:
            raise UnusableError(f"an unknown element, {printable(symbol)!r}")
        species.append(symbol)
    lattice = np.array(structure.lattice.matrix, float)
    positions = np.array(structure.frac_coords, float) % 1
    if not (np.isfinite(lattice).all() and np.isfinite(positions).all()):
        raise UnusableError("numbers that are not finite")
    if abs(float(np.linalg.det(lattice))) < LEAST_VOLUME * len(species):
        raise UnusableError(f"a cell with less than {LEAST_VOLUME:g} Å³ per atom")
    if shortest(lattice, positions) < LEAST_DISTANCE:
        raise UnusableError(f"two atoms closer than {LEAST_DISTANCE:g} Å, such as duplicate sites")
    a, b, c = (tuple(map(float, row)) for row in lattice)
    places = tuple((float(x), float(y), float(z)) for x, y, z in positions)
    cell = Cell((a, b, c), tuple(species), places)  # type: ignore[arg-type]
    return Material(divided(Counter(species)), _numbers(own_values(text)), cell=cell)


def _check_size(text: str) -> None:
    """Refuses lengths that are none, and what would unfold to very many atoms, before it is
    unfolded."""
    for tag, value in re.findall(r"(?im)^\s*(_cell_length_[abc])\s+(\S+)", text):
        if not _positive(value):
            raise UnusableError(f"{tag.lower()} is no positive number")
    sites, listed = 0, False
    for loop in re.split(r"(?im)^\s*loop_", text)[1:]:
        lines = [line.strip() for line in loop.splitlines() if line.strip()]
        if any(line.lower().startswith("_atom_site_fract_x") for line in lines):
            listed = True
            for line in lines:
                if line.startswith(("_atom_site", "#")):
                    continue
                if line.startswith(("_", "data_", "loop_")):
                    break
                sites += 1
    if sites > MOST_SITES:
        raise UnusableError(f"more than {MOST_SITES:,} atoms in the cell")
    if listed and not sites:
        raise UnusableError("no atoms")


def _positive(value: str) -> bool:
    """Whether a number, with its uncertainty in parentheses, is positive and finite."""
    try:
        number = float(value.partition("(")[0])
    except ValueError:
        return False
    return 0 < number < math.inf


def _structure(text: str) -> Any:
    """A block as a structure of pymatgen, with all atoms of the conventional cell."""
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            parser = CifParser.from_str(text, check_cif=False)
            found = parser.parse_structures(primitive=False, on_error="raise")
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - it raises what comes to hand
            said = " ".join([str(error), *(str(one.message) for one in told)])
            raise UnusableError(_why(text, error, said)) from None
    if not found:
        raise UnusableError(_why(text, None, " ".join(str(one.message) for one in told)))
    structure = found[0]
    if len(structure) > MOST_SITES:
        raise UnusableError(f"more than {MOST_SITES:,} atoms in the cell")
    if not len(structure):
        raise UnusableError("no atoms")
    return structure


def _why(text: str, error: Exception | None, told: str) -> str:
    """Why a block is no structure, from what it lacks, or else in pymatgen's words.

    Args:
        told: the error and all warnings.
    """
    lower = text.lower()
    if "_atom_site_fract_x" not in lower and "_atom_site_cartn_x" not in lower:
        return "no atoms"
    missing = [
        tag for tag in ("_cell_length_a", "_cell_length_b", "_cell_length_c", "_cell_angle_alpha",
                        "_cell_angle_beta", "_cell_angle_gamma") if tag not in lower
    ]  # fmt: skip
    if missing:
        return f"no {missing[0]}"
    said = printable((str(error).strip().splitlines() or [""])[0]) if error is not None else ""
    if "occupanc" in told.lower():
        return "occupancies above 1, such as duplicate sites"
    if unknown := _unknown_element(text):
        return f"an unknown element, {unknown!r}"
    if error is None or "no structure" in said.lower():
        return "no structure that pymatgen can parse"
    return f"pymatgen cannot parse it ({type(error).__name__}: {said[:80]})".replace(": )", ")")


def _unknown_element(text: str) -> str:
    """The first type symbol that begins with no element, or nothing."""
    for cell in _symbols(text):
        symbol = re.match(r"[A-Za-z]{0,2}", cell)
        word = symbol[0].capitalize() if symbol else ""
        if not {word, word[:1]} & (_SYMBOLS | ISOTOPES.keys()):
            return printable(cell[:20])
    return ""


def _symbols(text: str) -> Iterator[str]:
    """The type symbol of each site, or its label where it has none."""
    for loop in re.split(r"(?im)^\s*loop_", text)[1:]:
        lines = [line.strip() for line in loop.splitlines() if line.strip()]
        tags = [line.split()[0].lower() for line in lines if line.startswith("_")]
        wanted = next((t for t in ("_atom_site_type_symbol", "_atom_site_label") if t in tags), "")
        if "_atom_site_fract_x" not in tags or not wanted:
            continue
        for line in lines:
            cells = line.split()
            if not line.startswith(("_", "#")) and len(cells) >= len(tags):
                yield cells[tags.index(wanted)]


def own_values(text: str) -> dict[str, str]:
    """What gankit wrote into a block: properties, and what was requested, as texts by name."""
    return {
        unquote(match[1]): match[2][1:-1] if match[2][0] in "'\"" else match[2]
        for match in re.finditer(
            rf"(?m)^(?:{PROPERTY}|{REQUESTED})(\S+)[ \t]+('[^'\n]*'|\"[^\"\n]*\"|\S+)", text
        )
    }


def _numbers(cells: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for name, cell in cells.items():
        try:
            number = float(cell)
        except ValueError:
            continue
        if math.isfinite(number):
            found[name] = number
    return found


def _composition_only(text: str) -> Material | None:
    """The material of a block that gankit wrote without a cell; None for any other block."""
    if not re.search(rf"(?m)^{NO_STRUCTURE} yes\s*$", text):
        return None
    match = re.search(r"(?m)^_chemical_formula_structural[ \t]+'?([A-Za-z0-9]+)'?\s*$", text)
    try:
        counts = parse(match[1]).reduced() if match else None
    except FormulaError:
        counts = None
    return None if counts is None else Material(counts, _numbers(own_values(text)))
