"""Reads crystal structures from CIF: one file with a block or several, a folder or a zip of them.

Properties come from a table beside the files that lists them by name (``metadata.csv``, or any
that lists half of them), and from ``_gankit_property_…`` in files that gankit wrote.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Issue, Progress
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError, open_archive
from gankit.kit.folders import files_below, find_root, printable
from gankit.kit.own_output import own_output
from gankit.kit.row_tables import label_text
from gankit.kit.sidecars import Sidecars, read_sidecars
from gankit_material.data.elements import ELEMENTS
from gankit_material.data.formulas import divided
from gankit_material.data.items import Cell, Material
from gankit_material.data.tables import content_of, kind_of
from gankit_material.settings import MaterialSettings
from gankit_material.structures.geometry import shortest

LARGEST = 16 * 2**20
"""Bytes of a CIF that is read."""
MOST_SITES = 1_000
"""Atoms of a cell."""
MOST_OPERATIONS = 192
"""Symmetry operations of a space group: 192 have the largest."""
LEAST_DISTANCE = 0.5
"""Å between two atoms, below which they are duplicates or a mistake."""
LEAST_VOLUME = 1.0
"""Å³ per atom."""
PROPERTY = "_gankit_property_"
"""What the tags of numbers begin with in files that gankit wrote."""
EVERY = 20
"""Files between two calls of the progress callback."""

_SYMBOLS = frozenset(ELEMENTS)
_BLOCK = re.compile(r"(?im)^[ \t]*data_(\S*)")
_SYMMETRY = re.compile(r"(?im)^\s*_(?:space_group_symop_operation_xyz|symmetry_equiv_pos_as_xyz)")


class UnusableError(Exception):
    """A block that is no material; the message says why, alike for all that are so alike."""


@dataclass(frozen=True)
class _Files:
    """Where CIFs are found.

    Attributes:
        names: of all files.
        read: gives a file's content.
        issues: what was left out.
    """

    names: list[str]
    read: Callable[[str], bytes]
    issues: list[Issue] = field(default_factory=list)


def read_cif(
    path: Path, settings: MaterialSettings, progress: Progress
) -> tuple[list[Material], list[Issue], dict[str, str]]:
    """The materials of a CIF, or of a folder or an archive of CIFs; what cannot be used, one entry
    each; and what the source was taken for.

    ``notes`` have ``file`` (with the block's name, where a file has several), ``cif``, the block as
    it was read, and ``row``, the table's row.

    Raises:
        GankitError: a single file that is not there or not readable, or a damaged archive or table.
    """
    files = _files(path)
    cifs = [name for name in files.names if kind_of(Path(name)) == ".cif"]
    root, note = find_root(cifs) if len(cifs) > 1 else ("", "")
    chosen = [name for name in cifs if name.startswith(root)]
    if not chosen:
        raise GankitError(f"{path}: no CIF there", "Give a folder or an archive with .cif files")
    facts = {"format": "CIF, 1 file" if len(chosen) == 1 else f"CIF, {len(chosen):,} files{note}"}
    if note:
        facts["split"] = f"{len(cifs) - len(chosen):,} files of other parts are left out"
    sidecars = _sidecars(path, files, cifs, chosen)
    issues = list(files.issues)
    if sidecars is not None:
        facts["properties"] = "; ".join([f"by file from {sidecars.source}", *sidecars.warnings])
        issues += sidecars.issues
        if sidecars.excluded:
            chosen = [name for name in chosen if name not in sidecars.excluded]
            facts["split"] = f"{sidecars.split}, by {sidecars.source}"
    rows = sidecars.rows if sidecars is not None else {}
    materials: list[Material] = []
    blocks = 0
    for i, name in enumerate(chosen):
        if i % EVERY == 0:
            progress("reading CIFs", i, len(chosen))
        try:
            found = list(_blocks(files.read(name)))
        except UnreadableError as error:
            issues.append(Issue(printable(name), str(error)))
            continue
        for block, text in found:
            blocks += 1
            where = printable(name) + (f", block {block}" if len(found) > 1 else "")
            try:
                material = parse_block(text, settings)
            except UnusableError as error:
                issues.append(Issue(where, str(error)))
                continue
            materials.append(_with_row(material, where, text, dict(rows.get(name, {})), settings))
    if blocks > len(chosen):
        facts["format"] += f", {blocks:,} blocks"
    if materials:
        facts["cells"] = _cells(materials)
    return materials, issues, facts


def _with_row(
    material: Material, where: str, text: str, row: dict[str, Any], settings: MaterialSettings
) -> Material:
    """A material with the values of its row in a table."""
    values = dict(material.values)
    for key, cell in row.items():
        try:
            number = float(cell) if isinstance(cell, str | int | float) else math.nan
        except ValueError:
            continue
        if math.isfinite(number):
            values[key] = number
    row = {**material.values, **row}
    label = label_text(row[settings.label]) if settings.label in row else None
    notes = {"file": where, "cif": text, "row": row}
    return Material(material.counts, values, label, material.cell, notes)


def _cells(materials: list[Material]) -> str:
    sizes = [len(m.cell.species) for m in materials if m.cell is not None]
    return f"{min(sizes):,} to {max(sizes):,} atoms, {int(np.median(sizes)):,} in the median"


# --- Files --------------------------------------------------------------------------------------


def _files(path: Path) -> _Files:
    if path.is_dir():
        names = list(files_below(path))
        found = own_output(names, lambda name: _small(path / name))
        reasons = {name: reason for name in names if (reason := found.reason(name)) is not None}
        left_out = [
            Issue(printable(name), reason)
            for name, reason in reasons.items()
            if kind_of(Path(name)) == ".cif"
        ]
        kept = [name for name in names if name not in reasons]
        return _Files(kept, lambda name: _read(path / name), left_out)
    if kind_of(path) != ".cif":
        archive = open_archive(path, LARGEST)
        return _Files(list(archive.names), archive.read, list(archive.issues))
    return _Files([path.name], lambda name: _read(path))


def _read(path: Path) -> bytes:
    try:
        if path.suffix.lower() == ".cif" and path.stat().st_size > LARGEST:
            raise UnreadableError(f"larger than {LARGEST >> 20} MiB")
        content = content_of(path)
    except GankitError as error:
        raise UnreadableError(error.message.removeprefix(f"{path}: ")) from None
    if len(content) > LARGEST:
        raise UnreadableError(f"larger than {LARGEST >> 20} MiB")
    return content


def _small(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size < 2**20 else None
    except OSError:
        return None


def _sidecars(path: Path, files: _Files, cifs: list[str], chosen: list[str]) -> Sidecars | None:
    if path.is_file() and kind_of(path) == ".cif":
        return None

    def read(name: str) -> bytes:
        try:
            return files.read(name)
        except UnreadableError as error:
            raise GankitError(f"{path}, {name}: {error}", "Fix or remove it") from None

    return read_sidecars(files.names, cifs, read, where=path, chosen=set(chosen))


# --- Blocks -------------------------------------------------------------------------------------


def _blocks(content: bytes) -> Iterator[tuple[str, str]]:
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
    _check_size(text)
    structure = _structure(text)
    if not structure.is_ordered:
        raise UnusableError("partial occupancies: a disordered structure")
    species, merged = [], 0
    for site in structure:
        symbol = getattr(site.specie, "symbol", str(site.specie))
        if symbol in ("D", "T"):
            if settings.isotopes == "skip":
                raise UnusableError("deuterium or tritium (isotopes=merge reads them as hydrogen)")
            symbol, merged = "H", merged + 1
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
    return Material(divided(Counter(species)), _own_values(text), cell=cell)


def _check_size(text: str) -> None:
    """Refuses lengths that are none, and what would unfold to very many atoms, before it is
    unfolded."""
    for tag, value in re.findall(r"(?im)^\s*(_cell_length_[abc])\s+(\S+)", text):
        if not _positive(value):
            raise UnusableError(f"{tag.lower()} is no positive number")
    sites = 0
    for loop in re.split(r"(?im)^\s*loop_", text)[1:]:
        lines = [line.strip() for line in loop.splitlines() if line.strip()]
        if any(line.lower().startswith("_atom_site_fract_x") for line in lines):
            for line in lines:
                if line.startswith(("_atom_site", "#")):
                    continue
                if line.startswith(("_", "data_", "loop_")):
                    break
                sites += 1
    if sites > MOST_SITES:
        raise UnusableError(f"more than {MOST_SITES:,} atoms in the cell")


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
    for loop in re.split(r"(?im)^\s*loop_", text)[1:]:
        lines = [line.strip() for line in loop.splitlines() if line.strip()]
        tags = [line.split()[0].lower() for line in lines if line.startswith("_")]
        if "_atom_site_fract_x" not in tags:
            continue
        wanted = next((t for t in ("_atom_site_type_symbol", "_atom_site_label") if t in tags), "")
        if not wanted:
            return ""
        for line in lines:
            cells = line.split()
            if line.startswith(("_", "#")) or len(cells) < len(tags):
                continue
            symbol = re.match(r"[A-Za-z]{0,2}", cells[tags.index(wanted)])
            word = symbol[0].capitalize() if symbol else ""
            if word not in _SYMBOLS | {"D", "T"} and word[:1] not in _SYMBOLS | {"D", "T"}:
                return printable(cells[tags.index(wanted)][:20])
    return ""


def _own_values(text: str) -> Mapping[str, float]:
    """Numbers that gankit wrote into a block."""
    found = {}
    for match in re.finditer(rf"(?m)^{PROPERTY}(\S+)\s+(\S+)", text):
        try:
            number = float(match[2])
        except ValueError:
            continue
        if math.isfinite(number):
            found[match[1]] = number
    return found
