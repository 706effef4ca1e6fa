"""Reads crystal structures from CIF: one file with a block or several, a folder or a zip of them.

Properties come from a table beside the files that lists them by name (``metadata.csv``, or any
that lists half of them), and from ``_gankit_property_…`` in files that gankit wrote.
"""

from __future__ import annotations

import io
import lzma
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Issue, Progress
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError, open_archive
from gankit.kit.folders import files_below, find_root, printable
from gankit.kit.own_output import own_output
from gankit.kit.sidecars import Sidecars, read_sidecars
from gankit_material.data.cif_blocks import UnusableError, blocks, own_values, parse_block
from gankit_material.data.items import Material
from gankit_material.data.tables import PACKED, content_of, kind_of
from gankit_material.settings import MaterialSettings

LARGEST = 16 * 2**20
"""Bytes of a CIF that is read."""
EVERY = 20
"""Files between two calls of the progress callback."""


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
    count = 0
    for i, name in enumerate(chosen):
        if i % EVERY == 0:
            progress("reading CIFs", i, len(chosen))
        try:
            found = list(blocks(files.read(name)))
        except UnreadableError as error:
            issues.append(Issue(printable(name), str(error)))
            continue
        for block, text in found:
            count += 1
            where = printable(name) + (f", block {block}" if len(found) > 1 else "")
            try:
                material = parse_block(text, settings)
            except UnusableError as error:
                issues.append(Issue(where, str(error)))
                continue
            materials.append(_with_row(material, where, text, dict(rows.get(name, {}))))
    if count > len(chosen):
        facts["format"] += f", {count:,} blocks"
    if any(material.cell is not None for material in materials):
        facts["cells"] = _cells(materials)
    return materials, issues, facts


def _with_row(material: Material, where: str, text: str, row: dict[str, Any]) -> Material:
    """A material with the values of its row in a table."""
    values = dict(material.values)
    for key, cell in row.items():
        try:
            number = float(cell) if isinstance(cell, str | int | float) else math.nan
        except ValueError:
            continue
        if math.isfinite(number):
            values[key] = number
    row = {"file": where, **own_values(text), **row}
    notes = {"file": where, "cif": text, "row": row}
    return Material(material.counts, values, None, material.cell, notes)


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

        def read(name: str) -> bytes:
            return _unpacked(name, archive.read(name))

        return _Files(list(archive.names), read, list(archive.issues))
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


def _unpacked(name: str, content: bytes) -> bytes:
    """A compressed file inside an archive."""
    opener: Any = PACKED.get(Path(name).suffix.lower())
    if opener is None:
        return content
    try:
        with opener(io.BytesIO(content), "rb") as file:
            plain: bytes = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UnreadableError(f"cannot be unpacked ({error})") from None
    if len(plain) > LARGEST:
        raise UnreadableError(f"larger than {LARGEST >> 20} MiB")
    return plain


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
