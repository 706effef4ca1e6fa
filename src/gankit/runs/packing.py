"""Archives and compressed files of generated output, the same bytes for the same content."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from gankit.kit.files import json_bytes
from gankit.runs.provenance import RECORD

PACKED = (".png", ".jpg", ".webp", ".flac", ".ogg", ".opus", ".mp3", ".gz", ".parquet", ".zip")
"""Compressed already."""


def pack(folder: Path, files: Sequence[Path], archive: Path) -> None:
    """Packs files below a folder into a zip archive, one after another; none is held in memory."""
    with zipfile.ZipFile(archive, "w") as packed:
        for file in files:
            member = _member(file.relative_to(folder).as_posix(), file.suffix.lower())
            with file.open("rb") as source, packed.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 2**20)


def pack_items(
    folder: Path,
    archive: Path,
    items: Iterable[tuple[Path, Mapping[str, Any]]],
    first: int,
    about: Mapping[str, str],
) -> Path:
    """Packs items into a tar archive as WebDataset reads it, and removes their files: item ``i`` is
    ``000000123.png`` in the folder that it was in, and ``000000123.json`` has its values.

    Args:
        items: each item's file below the folder, with its values, in order.
        first: the number of the first one.
        about: the statement of provenance, for the archive's comment.
    """
    comment = {"comment": "; ".join(f"{key}: {text}" for key, text in about.items())}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT, pax_headers=comment) as packed:
        for i, (file, row) in enumerate(items, first):
            place = file.relative_to(folder).with_name(f"{i:09d}")
            _add(packed, f"{place.as_posix()}{file.suffix}", file.read_bytes())
            if row:
                _add(packed, f"{place.as_posix()}.json", json_bytes(row))
            file.unlink()
    return archive


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a member dated 1970, of nobody."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    packed.addfile(member, io.BytesIO(content))


def add_record(archive: Path, record: str) -> None:
    """Adds the provenance record to a zip archive that a plugin wrote."""
    with zipfile.ZipFile(archive, "a") as packed:
        if RECORD not in packed.namelist():
            packed.writestr(_member(RECORD, ".json"), record)


def digests(archive: Path) -> dict[str, str]:
    """The SHA-256 of each member of a zip archive, by name."""
    found = {}
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if not member.is_dir() and member.filename != RECORD:
                with packed.open(member) as content:
                    digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]
                found[member.filename] = digest.hexdigest()
    return found


def compress(file: Path, way: str) -> Path:
    """The file compressed, in its place, without a date or name inside.

    Args:
        way: ``gz``, ``bz2`` or ``xz``.
    """
    packed = file.with_name(f"{file.name}.{way}")
    with file.open("rb") as source, packed.open("wb") as raw, _compressor(way, raw) as target:
        shutil.copyfileobj(source, target, 2**20)
    file.unlink()
    return packed


def _compressor(way: str, raw: IO[bytes]) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    if way == "gz":
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6)
    return bz2.BZ2File(raw, "wb") if way == "bz2" else lzma.LZMAFile(raw, "wb")


def _member(name: str, suffix: str) -> zipfile.ZipInfo:
    """A member dated 1980, as the format's zero is."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_STORED if suffix in PACKED else zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member
